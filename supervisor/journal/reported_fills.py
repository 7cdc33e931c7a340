"""Which fills a report is about: all of the journal, or those that were executed within an interval."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

from krakencopy.supervisor.journal.interval import Interval
from krakencopy.supervisor.journal.journal import Journal

#: Fills that are read from the journal at once: some milliseconds, in which no fill goes out.
BATCH = 200


class ReportedFills:
    """Their seqs, ascending."""

    def __init__(self, head: int, chosen: Sequence[int] | None = None) -> None:
        """All up to ``head``, or only those that are ``chosen``."""
        self.head = head
        self._chosen = chosen

    @classmethod
    async def of(cls, journal: Journal, interval: Interval) -> ReportedFills:
        """Those of the interval; others have their turn while they are looked for."""
        head = journal.head
        if interval.is_all:
            return cls(head)
        chosen: list[int] = []
        seq = 0
        while fills := journal.fills_after(seq, BATCH):
            chosen += (fill.seq for fill in fills if fill.seq <= head and interval.holds(fill.executed_at))
            seq = fills[-1].seq
            await asyncio.sleep(0)
        return cls(head, chosen)

    @property
    def is_all(self) -> bool:
        """Whether it is about all of the journal."""
        return self._chosen is None

    def within(self, after: int, to: int) -> Sequence[int]:
        """Those after a seq and up to another one."""
        if self._chosen is None:
            return range(after + 1, max(after, to) + 1)
        first, last = bisect_right(self._chosen, after), bisect_right(self._chosen, to)
        return self._chosen[first:last]

    def has(self, seq: int) -> bool:
        """Whether it is about this fill."""
        return bool(self.within(seq - 1, seq))
