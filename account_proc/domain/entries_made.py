"""What copying has ordered on the way and in a day: counted copy by copy, as each stands. Pure.

A day is one of UTC, by the exchange's clock, and an entry is of the day when it was decided. While its order
is on its way it costs the most that it may; afterwards what was paid, without fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import CoinNames
from krakencopy.account_proc.contract.copy_state import ENDS, Reason
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side

DAY_S = 86_400


def day_of(at: float) -> int:
    """The UTC day of a time (Unix seconds)."""
    return int(at // DAY_S)


@dataclass(frozen=True, slots=True)
class _Entry:
    day: int
    pair: str
    #: In the pair's quote.
    cost: Decimal
    is_open: bool
    #: 0 for an order that the copy which had given it up counts already.
    orders: int


@dataclass(slots=True)
class _Sum:
    cost: Decimal = Decimal(0)
    orders: int = 0


class EntriesMade:
    """Entries of one user that were ordered: those on their way, and those of the latest day."""

    def __init__(self, names: CoinNames) -> None:
        self._names = names
        self._entries: dict[str, _Entry] = {}
        self._open: dict[str, _Entry] = {}
        #: By day and pair, under the name that the pair had then.
        self._sums: dict[tuple[int, str], _Sum] = {}
        self._latest = 0

    def take(self, copy: CopyRecord) -> None:
        """A copy as it stands now; repeated, or later again, it replaces what it was."""
        if copy.side is Side.SELL or not copy.cl_ord_id:
            return
        is_open = copy.state not in ENDS
        worst = copy.master_price if copy.limit_price is None else copy.limit_price
        cost = copy.ordered * worst if is_open else copy.cost
        before = self._entries.get(copy.copy_id)
        # How it ends may be its reason in the end.
        is_late = copy.reason == Reason.FOUND_LATE or (before is not None and not before.orders)
        entry = _Entry(day_of(copy.decided_at), copy.pair, cost, is_open, 0 if is_late else 1)
        self._go_on_to(entry.day)
        self._add(self._entries.pop(copy.copy_id, None), -1)
        self._open.pop(copy.copy_id, None)
        if is_open:
            self._open[copy.copy_id] = entry
        if is_open or entry.day >= self._latest:
            self._entries[copy.copy_id] = entry
            self._add(entry, 1)

    def _add(self, entry: _Entry | None, sign: int) -> None:
        if entry is not None:
            total = self._sums.setdefault((entry.day, entry.pair), _Sum())
            total.cost += sign * entry.cost
            total.orders += sign * entry.orders

    def _go_on_to(self, day: int) -> None:
        """What ended before the latest day is asked for no more."""
        if day <= self._latest:
            return
        self._latest = day
        self._entries = {
            copy_id: entry for copy_id, entry in self._entries.items() if entry.is_open or entry.day >= day
        }
        self._sums = {key: total for key, total in self._sums.items() if key[0] >= day}

    def forget(self, copy_id: str) -> None:
        """The copy is to be decided about anew; ``take`` brings it back."""
        self._add(self._entries.pop(copy_id, None), -1)
        self._open.pop(copy_id, None)

    def on_way(self) -> Iterator[tuple[str, Decimal]]:
        """The pair of each order on its way, and the most that it may cost, in quote."""
        for entry in self._open.values():
            yield self._names.current_pair(entry.pair), entry.cost

    def spent(self, day: int, pair: str = "") -> list[tuple[str, Decimal]]:
        """What a day's entries have cost and may yet, by pair, in quote; ``pair``: in this one alone."""
        return [(name, total.cost) for name, total in self._of(day, pair)]

    def orders(self, day: int, pair: str = "") -> int:
        """How many entries of a day were ordered, whatever came of them."""
        return sum(total.orders for _, total in self._of(day, pair))

    def _of(self, day: int, pair: str) -> Iterator[tuple[str, _Sum]]:
        for (of_day, name), total in self._sums.items():
            current = self._names.current_pair(name)
            if of_day == day and pair in {"", current}:
                yield current, total
