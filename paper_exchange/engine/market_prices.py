"""What order entry asks about the market (`order_entry.new_order.Prices`)."""

from decimal import Decimal

from krakencopy.paper_exchange.market.market import Market
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.sides import Side


class MarketPrices:
    """Prices of now, for the checks that an order passes before it is matched."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def best_price(self, pair: Pair, side: Side) -> Decimal:
        """What the next unit costs a buyer, or brings a seller."""
        quote = self._market.of(pair).quote
        return quote.ask if side is Side.BUY else quote.bid

    def last_price(self, pair: Pair) -> Decimal:
        """The price of the last trade, which triggers and relative prices look at."""
        return self._market.of(pair).tape.last.price

    def bought_for(self, pair: Pair, cash: Decimal) -> Decimal:
        """The base volume that a buyer gets for `cash` in quote now."""
        return self._market.of(pair).quote.bought_for(pair, cash)
