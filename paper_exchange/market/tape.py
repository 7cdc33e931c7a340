"""The public record of one pair: its trades, numbered from 1, and the minute bars that statistics come from.

Bounded: the last 10,000 trades and two days of bars. Knows nothing of orders or accounts.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.values.decimals import ZERO
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.values.time_format import US_PER_S

TRADES_KEPT: Final = 10_000
MINUTES_A_DAY: Final = 24 * 60
_MINUTE_US: Final = 60 * US_PER_S


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One printed trade."""

    trade_id: int
    price: Decimal
    volume: Decimal
    at_us: int
    side: Side
    ordertype: OrderType


@dataclass(slots=True)
class Bar:
    """Trades of a stretch of time that begins at minute `minute` of the epoch."""

    minute: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    cost: Decimal = ZERO
    count: int = 0

    @property
    def vwap(self) -> Decimal:
        """The volume-weighted price; the last price where nothing traded."""
        return self.cost / self.volume if self.volume else self.close


class Tape:
    """Trades and bars of one pair. Times must not run backwards by more than the bar that is open."""

    def __init__(self) -> None:
        self.trades: deque[PublicTrade] = deque(maxlen=TRADES_KEPT)
        self._bars: deque[Bar] = deque(maxlen=2 * MINUTES_A_DAY)
        self._count = 0
        self._closed: dict[int, tuple[Bar, Bar | None]] = {}

    @property
    def last(self) -> PublicTrade:
        """The newest trade; every pair's tape begins with an opening print."""
        return self.trades[-1]

    def add_trade(
        self, price: Decimal, volume: Decimal, side: Side, ordertype: OrderType, at_us: int
    ) -> PublicTrade:
        """Print a trade under the next number."""
        self._count += 1
        trade = PublicTrade(self._count, price, volume, at_us, side, ordertype)
        self.trades.append(trade)
        minute = at_us // _MINUTE_US
        if not self._bars or self._bars[-1].minute < minute:
            self._bars.append(Bar(minute, price, price, price, price))
        bar = self._bars[-1]
        bar.high = max(bar.high, price)
        bar.low = min(bar.low, price)
        bar.close = price
        bar.volume += volume
        bar.cost += price * volume
        bar.count += 1
        return trade

    def today(self, now_us: int) -> Bar:
        """All trades since 00:00 UTC as one bar."""
        minute = now_us // _MINUTE_US
        return self._since(minute - minute % MINUTES_A_DAY)

    def last_24_hours(self, now_us: int) -> Bar:
        """All trades of the last 24 hours as one bar, to the minute."""
        return self._since(now_us // _MINUTE_US - MINUTES_A_DAY + 1)

    def bars(self, minutes: int) -> list[Bar]:
        """Bars of `minutes` minutes each, aligned to the epoch, oldest first; the last one is unfinished."""
        groups: dict[int, list[Bar]] = {}
        for bar in self._bars:
            groups.setdefault(bar.minute - bar.minute % minutes, []).append(bar)
        merged = [(start, _merged(group)) for start, group in groups.items()]
        for start, bar in merged:
            bar.minute = start
        return [bar for _, bar in merged]

    def _since(self, minute: int) -> Bar:
        """The sum of the bars from `minute` on. Closed bars don't change, so their sum is kept while it
        holds.
        """
        current = self._bars[-1]
        if current.minute < minute:
            price = self.last.price
            return Bar(minute, price, price, price, price)
        kept = self._closed.get(minute)
        if kept is None or kept[0] is not current:
            closed = [bar for bar in self._bars if minute <= bar.minute < current.minute]
            # Two windows are in use at a time: today's and that of the last 24 hours.
            if len(self._closed) > 4:
                self._closed.clear()
            kept = self._closed[minute] = (current, _merged(closed) if closed else None)
        return _merged([current] if kept[1] is None else [kept[1], current])


def _merged(bars: Iterable[Bar]) -> Bar:
    total: Bar | None = None
    for bar in bars:
        if total is None:
            total = Bar(bar.minute, bar.open, bar.high, bar.low, bar.close)
        total.high = max(total.high, bar.high)
        total.low = min(total.low, bar.low)
        total.close = bar.close
        total.volume += bar.volume
        total.cost += bar.cost
        total.count += bar.count
    assert total is not None, "a merge needs at least one bar"
    return total
