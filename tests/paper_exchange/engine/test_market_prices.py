from decimal import Decimal

from krakencopy.paper_exchange.values.sides import Side
from tests.support.paper_venue import XBTUSD, venue


def test_the_best_price_is_the_other_sides_and_the_last_one_that_of_a_trade() -> None:
    market = venue()
    market.pin("50000.0", "50000.1", "1")
    prices = market.exchange.engine.prices
    assert prices.best_price(XBTUSD, Side.BUY) == Decimal("50000.1")
    assert prices.best_price(XBTUSD, Side.SELL) == Decimal("50000.0")
    market.trade("49000")
    assert prices.last_price(XBTUSD) == Decimal(49_000)


def test_an_amount_of_quote_buys_what_the_levels_of_the_book_give_for_it() -> None:
    market = venue()
    market.pin("50000.0", "50000.1", "1")
    prices = market.exchange.engine.prices
    assert prices.bought_for(XBTUSD, Decimal("25000.05")) == Decimal("0.5")
    assert prices.bought_for(XBTUSD, Decimal("100000.2")) < 2
