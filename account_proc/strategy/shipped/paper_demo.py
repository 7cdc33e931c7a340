"""The strategy that trades the master of a paper run, so that there is something to copy. Never for real
money.

Round trips in BTC/USD and ETH/USD: two entries, a partial exit, the rest. The sizes are chosen so that one
sees what copying has to deal with: orders larger than the first level of the book (several fills), entries so
small that the poorest user's share is below the exchange's minimum (carried), and one so large that the risk
cap bites.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import Account, OrderIntent, StopReason, StrategyFill, Tick
from krakencopy.account_proc.strategy.shipped.options import Options

#: Pause between two orders, in seconds.
PAUSE_S = (0.6, 1.8)
PAIRS = ("BTC/USD", "ETH/USD")
#: Shares of the master's equity for the two entries of a round trip: small ones, middling ones, one past the
#: 10 % cap.
SMALL, MIDDLE, LARGE = (0.0005, 0.004), (0.03, 0.09), (0.12, 0.18)


class PaperDemo:
    """Trades round trips for ever. Options: ``seed``."""

    pairs = PAIRS[:1]
    interval_s = 0.2

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError."""
        given = Options(options)
        seed = given.text("seed", "none")
        given.done()
        self._dice = random.Random(None if seed == "none" else seed)  # noqa: S311 - no secret depends on it
        self._steps = self._trips()
        self._due = 0.0

    def on_start(self, account: Account) -> Iterable[OrderIntent]:
        """A new round trip begins; the rest of an earlier one is sold with the next one in its pair."""
        self._steps = self._trips()
        return ()

    def on_market(self, tick: Tick) -> Iterable[OrderIntent]:
        """The next step, when its pause is over."""
        if tick.at < self._due:
            return ()
        self._due = tick.at + self._dice.uniform(*PAUSE_S)
        return (next(self._steps),)

    def on_fill(self, fill: StrategyFill) -> Iterable[OrderIntent]:
        """Nothing to do."""
        return ()

    def on_stop(self, why: StopReason) -> Iterable[OrderIntent]:
        """Keeps what it holds."""
        return ()

    def _trips(self) -> Iterator[OrderIntent]:
        while True:
            pair = self._dice.choice(PAIRS)
            first = self._dice.choice((SMALL, MIDDLE, MIDDLE, LARGE))
            yield self._intent(pair, Side.BUY, first)
            yield self._intent(pair, Side.BUY, self._dice.choice((SMALL, MIDDLE)))
            yield self._intent(pair, Side.SELL, (0.3, 0.6))
            yield self._intent(pair, Side.SELL, (1.0, 1.0))

    def _intent(self, pair: str, side: Side, share: tuple[float, float]) -> OrderIntent:
        return OrderIntent(pair=pair, side=side, share=Decimal(str(self._dice.uniform(*share))))
