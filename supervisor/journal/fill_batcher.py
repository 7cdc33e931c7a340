"""How the master's fills get into the journal: one that comes alone at once, those of a burst together.

Each commit is a disk write and a write to every user; a thousand fills one by one would be a thousand of
both. It must not know where fills come from. Asyncio only; one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf

from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import types_pb2 as pb

#: A fill that comes so soon after a commit, in seconds, belongs to a burst: longer than hundreds of users
#: take to notice it.
BURST_S = 0.05
#: So long, in seconds, a burst's fills are gathered: its first fill has not waited, and orders of its pair
#: are on their way.
GATHER_S = 0.002
#: Fills that are committed together at most.
TOGETHER_MAX = 500


class FillBatcher:
    """Fills of one stream, in order."""

    def __init__(
        self, commit: Callable[[list[pb.Fill]], object], failed: Callable[[JournalFault], None]
    ) -> None:
        """``commit`` makes fills durable and hands them out; ``failed`` is called with a fault that nobody
        else hears of.
        """
        self._commit = commit
        self._failed = failed
        self._gathered: list[pb.Fill] = []
        self._timer: asyncio.TimerHandle | None = None
        self._committed_at = -inf

    def take_fills(self, fills: Iterable[pb.Fill]) -> None:
        """Takes the next fills. Raises JournalFault."""
        self._gathered += fills
        loop = asyncio.get_running_loop()
        if loop.time() - self._committed_at > BURST_S or len(self._gathered) >= TOGETHER_MAX:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(GATHER_S, self._in_time)

    def flush(self) -> None:
        """Commits what was gathered. Raises JournalFault."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            taken, self._gathered = self._gathered, []
            self._commit(taken)
            self._committed_at = asyncio.get_running_loop().time()

    def _in_time(self) -> None:
        self._timer = None
        try:
            self.flush()
        except JournalFault as fault:
            self._failed(fault)
