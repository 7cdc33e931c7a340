"""Profits at average cost, with fees, against an account whose money is counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.simulation.performance import Performance, deepest_fall

D = Decimal


class Market:
    """Prices that a test sets, in dollars."""

    def __init__(self, **prices: str) -> None:
        self.prices = {"USD": D(1)} | {asset: D(price) for asset, price in prices.items()}

    def rate(self, asset: str) -> Decimal | None:
        return self.prices.get(asset)


def trade(side: Side, volume: str, cost: str, pair: str = "BTC/USD", **fees: str) -> tuple[Side, Exchanged]:
    paid = {asset: D(fee) for asset, fee in fees.items()}
    base, quote = pair.split("/")
    return side, Exchanged(base=base, quote=quote, volume=D(volume), cost=D(cost), fees=paid)


def test_a_sale_realises_what_it_brings_over_the_average_cost() -> None:
    market = Market(BTC="200")
    of = Performance(market.rate)
    of.trade(*trade(Side.BUY, "1", "100"))
    of.trade(*trade(Side.BUY, "1", "200", USD="2"))
    of.trade(*trade(Side.SELL, "1", "200", USD="1"))
    assert (of.bought, of.sold, of.fees) == (D(300), D(200), D(3))
    assert (of.realised, of.unrealised, of.won) == (D(47), D(50), D(97))


def test_a_fee_in_base_is_coins_that_are_not_there() -> None:
    market = Market(BTC="100")
    of = Performance(market.rate)
    of.trade(*trade(Side.BUY, "1", "100", BTC="0.1"))
    assert (of.won, of.fees) == (D(-10), D(10))


def test_a_coin_that_is_paid_with_another_one_sells_that() -> None:
    market = Market(BTC="100", ETH="10")
    of = Performance(market.rate)
    of.trade(*trade(Side.BUY, "1", "100"))
    market.prices |= {"BTC": D(150), "ETH": D(15)}
    of.trade(*trade(Side.BUY, "10", "1", "ETH/BTC"))
    assert (of.realised, of.unrealised) == (D(50), D(0))
    of.trade(*trade(Side.SELL, "10", "1", "ETH/BTC"))
    assert of.holdings["BTC"].volume == D(1)


def test_what_nobody_can_price_counts_for_nothing_and_is_named() -> None:
    of = Performance(Market().rate)
    of.trade(*trade(Side.BUY, "1", "100", "NEW/EUR"))
    assert (of.won, of.unpriced) == (D(0), {"EUR", "NEW"})


def test_counting_begins_with_what_is_held_at_the_prices_of_then() -> None:
    market = Market(BTC="150")
    of = Performance(market.rate)
    of.trade(*trade(Side.BUY, "1", "100", USD="1"))
    of.begin()
    assert of.won == D(0)
    other = of.copy()
    market.prices["BTC"] = D(160)
    other.trade(*trade(Side.SELL, "1", "160"))
    assert (of.won, other.won, other.realised, of.realised) == (D(10), D(10), D(10), D(0))


def test_the_deepest_fall_is_from_a_high_before() -> None:
    assert deepest_fall([]) == (D(0), D(0))
    assert deepest_fall([D(-5), D(10), D(3), D(12), D(8)]) == (D(7), D(10))
    assert deepest_fall([D(-5), D(-9)]) == (D(9), D(0))


lots = st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 50), st.integers(1, 500)), max_size=20)


@given(lots)
def test_what_was_won_is_what_an_account_would_have_more(orders: Sequence[tuple[Side, int, int]]) -> None:
    """Money and coins counted without any average."""
    market = Market(BTC="1")
    of, money, coins = Performance(market.rate), Fraction(0), 0
    price = 1
    for side, volume, at in orders:
        gone = volume if side is Side.BUY else min(volume, coins)
        if not gone:
            continue
        price = at
        market.prices["BTC"] = D(at)
        of.trade(*trade(side, str(gone), str(gone * at), USD=str(D(gone * at) / 100)))
        sign = 1 if side is Side.BUY else -1
        money -= sign * gone * at + Fraction(gone * at, 100)
        coins += sign * gone
    assert abs(Fraction(of.won) - (money + coins * price)) < Fraction(1, 10**15)
