"""A simple moving-average cross: in when the fast average rises above the slow one, out when it falls below.

The shortest strategy that shows all of the interface. It loses money slowly on most markets; do not trade it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import Account, OrderIntent, StopReason, StrategyFill, Tick
from krakencopy.account_proc.strategy.shipped.options import Options


class SmaCross:
    """Options: ``pair``, ``fast`` and ``slow`` (ticks), ``share`` (of the equity, for an entry),
    ``interval_s``.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Raises ValueError."""
        given = Options(options)
        self.pairs = (given.text("pair", "BTC/USD"),)
        self.interval_s = float(given.number("interval_s", "5"))
        self._fast = given.whole("fast", 5, least=1)
        self._slow = given.whole("slow", 20, least=2)
        self._share = given.number("share", "0.05", most=Decimal(1))
        given.done()
        if self._fast >= self._slow:
            raise ValueError(f"fast must be smaller than slow, and {self._fast} is not below {self._slow}")
        self._mids: deque[Decimal] = deque(maxlen=self._slow)
        self._was_above: bool | None = None
        self._account: Account | None = None

    def on_start(self, account: Account) -> Iterable[OrderIntent]:
        """Forgets averages from before: they say nothing across a gap."""
        self._account = account
        self._mids.clear()
        self._was_above = None
        return ()

    def on_market(self, tick: Tick) -> Iterable[OrderIntent]:
        """Trades on the tick at which the averages have crossed."""
        self._mids.append((tick.bid + tick.ask) / 2)
        if len(self._mids) < self._slow or self._account is None:
            return ()
        slow = sum(self._mids, Decimal(0)) / self._slow
        fast = sum(list(self._mids)[-self._fast :], Decimal(0)) / self._fast
        above, was_above = fast > slow, self._was_above
        self._was_above = above
        held = self._account.position(tick.pair)
        if was_above is False and above and not held:
            return (
                OrderIntent(pair=tick.pair, side=Side.BUY, share=self._share, note="fast crossed above slow"),
            )
        if not above and held:
            return (OrderIntent(pair=tick.pair, side=Side.SELL, share=Decimal(1), note="fast is below slow"),)
        return ()

    def on_fill(self, fill: StrategyFill) -> Iterable[OrderIntent]:
        """Nothing to do: the position says it all."""
        return ()

    def on_stop(self, why: StopReason) -> Iterable[OrderIntent]:
        """Keeps what it holds: the next start goes on with it."""
        return ()
