"""From the journal to the users and back: fills go out as they were committed, reports come in and are committed together.

A fill is encoded once, whatever the number of users. Each user reads at its own pace: the newest fills from memory, older
ones from the journal. So nothing is queued for a slow or dead user, and none delays another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from krakencopy.v1 import account_pb2, types_pb2

from account_proc import failpoint
from account_proc.bell import Bell
from supervisor.journal import Journal
from supervisor.round import Round

#: Encoded fills that are kept in memory: more than any live user is behind.
WINDOW = 10_000
#: Fills that are read from the journal at once for a user that is further behind.
BATCH = 500
#: Reports of many users are committed together, at most this late, in seconds. Nobody trades on them.
COMMIT_PAUSE_S = 0.02


class FillLog:
    """The end of the journal, ready to be sent."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._window: deque[tuple[int, bytes]] = deque(maxlen=WINDOW)
        #: Those who send fills to users. They are woken in turn, and before anyone else.
        self.users = Round()
        #: For those who show fills.
        self.bell = Bell()

    @property
    def head(self) -> int:
        """The last fill."""
        return self._journal.head

    def append(self, fills: Iterable[types_pb2.Fill], epoch: int) -> list[types_pb2.Fill]:
        """Commits fills, then shows them to everyone. Raises JournalFault."""
        failpoint.reach("supervisor", "before_journal")
        added = self._journal.append(fills, epoch)
        failpoint.reach("supervisor", "after_journal")
        for fill in added:
            self._window.append((fill.seq, encode(fill)))
        if added:
            self.users.ring()
            self.bell.ring()
        return added

    def after(self, seq: int) -> list[tuple[int, bytes]]:
        """Fills after a seq with their encoded requests, ascending; at most ``BATCH``, empty at the end."""
        if seq >= self.head:
            return []
        if seq == self.head - 1 and self._window:
            return [self._window[-1]]  # whoever keeps up
        if self._window and self._window[0][0] <= seq + 1:
            start = seq + 1 - self._window[0][0]
            stop = min(start + BATCH, len(self._window))
            return [self._window[index] for index in range(start, stop)]
        return [(fill.seq, encode(fill)) for fill in self._journal.fills_after(seq, BATCH)]


def encode(fill: types_pb2.Fill) -> bytes:
    """The fill as a request of CopyFills."""
    return account_pb2.CopyFillsRequest(fill=fill).SerializeToString()


class ReportLog:
    """Takes the users' reports and commits them in groups. What is lost before that is reported again: a user's process
    starts each conversation at the last revision that the journal has.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: list[tuple[str, Sequence[types_pb2.Copy], int]] = []
        self._work = asyncio.Event()
        self.bell = Bell()

    def put(self, account_id: str, copies: Sequence[types_pb2.Copy], cursor: int) -> None:
        """Takes a report."""
        self._waiting.append((account_id, copies, cursor))
        self._work.set()

    async def run(self) -> None:
        """Commits for ever. Raises JournalFault."""
        while True:
            await self._work.wait()
            await asyncio.sleep(COMMIT_PAUSE_S)
            self.flush()

    def flush(self) -> None:
        """Commits what has come in. Raises JournalFault."""
        self._work.clear()
        if self._waiting:
            taken, self._waiting = self._waiting, []
            failpoint.reach("supervisor", "before_reports")
            self._journal.put_reports(taken)
            failpoint.reach("supervisor", "after_reports")
            self.bell.ring()
