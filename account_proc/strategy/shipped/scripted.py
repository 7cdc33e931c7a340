"""Orders from a script, one after another, for demonstrations and tests.

    strategy_options = { script = ["buy BTC/USD 0.001", "sell BTC/USD 0.001"], repeat = true }

Each line is a side, a pair, and a volume in base or a share in percent (``sell BTC/USD 100%``). One line is
wanted at each tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from krakencopy.account_proc.contract.decimal_text import read_decimal
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import Account, OrderIntent, StopReason, StrategyFill, Tick
from krakencopy.account_proc.strategy.shipped.options import Options

EXAMPLE = "buy BTC/USD 0.001"


class Scripted:
    """Options: ``script`` (lines), ``repeat`` (0 for once, the default), ``interval_s``, ``on_stop``
    (lines).
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError."""
        given = Options(options)
        self._script = [_line(text) for text in given.texts("script")]
        self._stop = [_line(text) for text in given.texts("on_stop")]
        self._repeat = given.whole("repeat", 0, least=0)
        self.interval_s = float(given.number("interval_s", "1"))
        given.done()
        if not self._script:
            raise ValueError(f'script is empty; write script = ["{EXAMPLE}"]')
        #: The clock is the first pair's market.
        self.pairs = (self._script[0].pair,)
        self._next = 0
        self._rounds = 0

    def on_start(self, account: Account) -> Iterable[OrderIntent]:
        """Goes on where it was."""
        return ()

    def on_market(self, tick: Tick) -> Iterable[OrderIntent]:
        """The next line."""
        if self._next == len(self._script):
            if self._rounds == self._repeat:
                return ()
            self._rounds, self._next = self._rounds + 1, 0
        self._next += 1
        return (self._script[self._next - 1],)

    def on_fill(self, fill: StrategyFill) -> Iterable[OrderIntent]:
        """Nothing to do."""
        return ()

    def on_stop(self, why: StopReason) -> Iterable[OrderIntent]:
        """The lines for the end."""
        return tuple(self._stop)


def _line(text: str) -> OrderIntent:
    problem = f"{text!r} is no order; write lines like {EXAMPLE!r} or 'sell BTC/USD 100%'"
    words = text.split()
    if len(words) != 3 or words[0] not in set(Side):
        raise ValueError(problem)
    side, pair, much = words
    try:
        amount = read_decimal(much.removesuffix("%"))
    except ValueError:
        raise ValueError(problem) from None
    if not amount or (much.endswith("%") and amount > 100):
        raise ValueError(problem)
    if much.endswith("%"):
        return OrderIntent(pair=pair, side=Side(side), share=amount / 100, note=text)
    return OrderIntent(pair=pair, side=Side(side), volume=amount, note=text)
