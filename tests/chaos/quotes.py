"""The prices that a campaign draws, which move at random and stay consistent across pairs. Pure."""

from __future__ import annotations

import random
from decimal import ROUND_DOWN, Decimal

from tests.chaos.situations import Do

START_PRICES = {
    "BTC/USD": Decimal(60_000),
    "ETH/USD": Decimal(3_000),
    "SOL/USD": Decimal(150),
    "EUR/USD": Decimal("1.1"),
    "DOT/USD": Decimal(5),
    "BTC/EUR": Decimal("54545.4"),
    "BTC/USDT": Decimal(60_000),
    "ETH/BTC": Decimal("0.05"),
}
TICKS = {
    "BTC/USD": Decimal("0.1"),
    "ETH/USD": Decimal("0.01"),
    "SOL/USD": Decimal("0.01"),
    "EUR/USD": Decimal("0.00001"),
    "DOT/USD": Decimal("0.0001"),
    "BTC/EUR": Decimal("0.1"),
    "BTC/USDT": Decimal("0.1"),
    "ETH/BTC": Decimal("0.00001"),
}
#: What a unit of the quote is worth in dollars, where it is not about one.
MONEY_WORTH = {"ETH/BTC": 60_000}
#: The prices of a pair stay within this share of where they began.
PRICE_RANGE = Decimal("0.15")


class Quotes:
    """Draws the prices of one world, and remembers them."""

    def __init__(self, dice: random.Random, do: Do, names: frozenset[str]) -> None:
        self._dice = dice
        self._do = do
        self._names = names
        #: The last price of each pair.
        self.prices = dict(START_PRICES)

    def move(self, pair: str, offset: float) -> None:
        """A price somewhere near the last one, at times far from it."""
        percent = self._dice.gauss(0.0, 0.4) if self._dice.random() < 0.9 else self._dice.uniform(-3.0, 3.0)
        middle = self.prices[pair] * (1 + Decimal(str(round(percent / 100, 6))))
        start = START_PRICES[pair]
        middle = min(max(middle, start * (1 - PRICE_RANGE)), start * (1 + PRICE_RANGE))
        self.quote_all(pair, middle, offset)

    def quote_all(self, pair: str, middle: Decimal, offset: float) -> None:
        """A price, and those of other pairs that hang together with it."""
        if pair == "BTC/EUR":
            pair, middle = "BTC/USD", middle * self.prices["EUR/USD"]
        elif pair == "BTC/USDT":
            pair = "BTC/USD"
        elif pair == "ETH/BTC":
            pair, middle = "ETH/USD", middle * self.prices["BTC/USD"]
        self._quote(pair, middle, offset)
        if "cross_pairs" not in self._names:
            return
        dollars, coin = self.prices[pair], pair.partition("/")[0]
        if coin in {"BTC", "EUR"}:
            self._quote("BTC/EUR", self.prices["BTC/USD"] / self.prices["EUR/USD"], offset)
        if coin == "BTC":
            self._quote("BTC/USDT", dollars, offset)
        if coin in {"BTC", "ETH"}:
            self._quote("ETH/BTC", self.prices["ETH/USD"] / self.prices["BTC/USD"], offset)

    def _quote(self, pair: str, middle: Decimal, offset: float) -> None:
        tick = TICKS[pair]
        bid = (middle / tick).quantize(Decimal(1)) * tick
        # So much a level that orders of the master take one to some fills.
        depth = whole_lots(Decimal(self._dice.randint(80, 1_500)) / (bid * MONEY_WORTH.get(pair, 1)))
        self.prices[pair] = bid
        self._do(
            "price", max(offset, 0.0), pair=pair, bid=f"{bid:f}", ask=f"{bid + tick:f}", depth=f"{depth:f}"
        )


def whole_lots(volume: Decimal) -> Decimal:
    """Rounded down to what an order may be of."""
    return volume.quantize(Decimal("1e-8"), rounding=ROUND_DOWN)
