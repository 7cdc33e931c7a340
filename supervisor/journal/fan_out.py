"""From the journal to the users and back: fills go out as they were committed, reports come in and are
committed together.

A fill is encoded once, whatever the number of users. Each user reads at its own pace: the newest fills from
memory, older ones from the journal. So nothing is queued for a slow or dead user, and none delays another.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from krakencopy.account_proc.runtime import failpoint
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.late_signal import LateSignal
from krakencopy.supervisor.journal.round_robin import RoundRobin
from krakencopy.v1 import account_pb2, types_pb2

#: Encoded fills that are kept in memory: more than any live user is behind.
WINDOW = 10_000
#: Fills that go out together at most, for a user that is behind; and bytes after which no more are added:
#: messages of 16 MiB are taken.
BATCH, BATCH_BYTES = 500, 1 << 20
#: Of so many last fills the pairs are what the master trades.
LATEST = 1_000
#: So long after the last fill there is time for what would hold up the next one, in seconds.
QUIET_S = 1.0
#: Reports are committed about this late, in seconds. Nobody trades on them, and by then most copies of a fill
#: are at their end: one row instead of one for each of its states.
COMMIT_PAUSE_S = 0.1
#: Copies that are committed at once: a millisecond or two, which a fill may have to wait for.
PIECE = 40
#: Between two commits of reports, in seconds: fills go first.
PIECE_PAUSE_S = 0.005
#: The same when nothing waits any more, at the end.
FLUSH = 1_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Fills without a gap as one request of CopyFills."""

    first_seq: int
    last_seq: int
    encoded: bytes


class FillLog:
    """The end of the journal, ready to be sent."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._window: deque[tuple[int, bytes]] = deque(maxlen=WINDOW)
        self._appended_at = -math.inf
        #: What was asked for last: users that keep up ask for the same.
        self._batch: Batch | None = None
        #: Pairs that the master traded lately.
        self.pairs = set(journal.latest_pairs(LATEST))
        #: Those who send fills to users. They are woken in turn, and before anyone else.
        self.users = RoundRobin()
        #: For those who show fills.
        self.change_signal = LateSignal()

    def renamed(self) -> None:
        """A coin has another name from now on, also in fills that users have not taken yet."""
        self._window.clear()
        self._batch = None
        self.pairs = set(self._journal.latest_pairs(LATEST))

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
            self.pairs.add(fill.pair)
        if added:
            self._batch = None
            self._appended_at = time.monotonic()
            self.users.notify()
            self.change_signal.notify()
        return added

    def is_quiet(self) -> bool:
        """Whether no fill has just come."""
        return time.monotonic() - self._appended_at > QUIET_S

    def tidy(self) -> None:
        """Does what the journal has put off, unless fills have just come. Raises JournalFault."""
        if self.is_quiet():
            self._journal.tidy()

    def after(self, seq: int) -> Batch | None:
        """The fills after a seq, as many as go together; None at the end."""
        if seq >= self.head:
            return None
        if self._batch is None or self._batch.first_seq != seq + 1:
            self._batch = self._encoded_after(seq)
        return self._batch

    def _encoded_after(self, seq: int) -> Batch:
        size, parts = 0, list[bytes]()
        for _, encoded in self._rows_after(seq):
            parts.append(encoded)
            size += len(encoded)
            if size > BATCH_BYTES:
                break
        # Protobuf: messages behind each other are one message, in which repeated fields have all of their
        # items.
        return Batch(seq + 1, seq + len(parts), b"".join(parts))

    def _rows_after(self, seq: int) -> list[tuple[int, bytes]]:
        if self._window and self._window[0][0] <= seq + 1:
            start = seq + 1 - self._window[0][0]
            stop = min(start + BATCH, len(self._window))
            return [self._window[index] for index in range(start, stop)]
        fills = self._journal.fills_after(seq, BATCH)
        for fill in fills:
            fill.pair = self._journal.coins.pair_now(fill)
        return [(fill.seq, encode(fill)) for fill in fills]


def encode(fill: types_pb2.Fill) -> bytes:
    """The fill as a request of CopyFills."""
    return account_pb2.CopyFillsRequest(fills=[fill]).SerializeToString()


@dataclass(slots=True)
class _Pending:
    """What one user has reported and is not committed yet."""

    #: By copy id, in the order of their revisions: only how a copy stands now is written.
    copies: dict[str, types_pb2.Copy] = field(default_factory=dict)
    cursor: int = 0

    def add_copies(self, copies: Iterable[types_pb2.Copy], cursor: int) -> None:
        for copy in copies:
            known = self.copies.get(copy.copy_id)
            if known is not None and known.revision >= copy.revision:
                continue  # sent again after a break; it must not come behind what was sent after it
            self.copies.pop(copy.copy_id, None)
            self.copies[copy.copy_id] = copy
        self.cursor = max(self.cursor, cursor)

    def take_copies(self, most: int) -> tuple[list[types_pb2.Copy], int]:
        """The first of it. The cursor comes with the last."""
        taken = list(islice(self.copies.values(), most))
        for copy in taken:
            del self.copies[copy.copy_id]
        return taken, 0 if self.copies else self.cursor


class ReportLog:
    """Takes the users' reports and commits them in groups. What is lost before that is reported again: a
    user's process starts each conversation at the last revision that the journal has.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._pending: dict[str, _Pending] = {}
        self._work = asyncio.Event()
        self.change_signal = LateSignal()
        #: Is called with what was committed: a user, and its copies as they stand now.
        self.committed: Callable[[str, Sequence[types_pb2.Copy]], None] = lambda _user, _copies: None

    def put_report(self, account_id: str, copies: Sequence[types_pb2.Copy], cursor: int) -> None:
        """Takes a report."""
        self._pending.setdefault(account_id, _Pending()).add_copies(copies, cursor)
        self._work.set()

    async def run(self) -> None:
        """Commits for ever. Raises JournalFault."""
        while True:
            await self._work.wait()
            await asyncio.sleep(COMMIT_PAUSE_S)
            while self._pending:
                self._commit(PIECE)
                await asyncio.sleep(PIECE_PAUSE_S)
            self._work.clear()

    def flush(self) -> None:
        """Commits what has come in. Raises JournalFault."""
        self._work.clear()
        while self._pending:
            self._commit(FLUSH)

    def _commit(self, most: int) -> None:
        """So many copies at most, of those that have waited longest."""
        reports: list[tuple[str, Sequence[types_pb2.Copy], int]] = []
        while self._pending and most > 0:
            account_id, pending = next(iter(self._pending.items()))
            copies, cursor = pending.take_copies(most)
            # A user that has nothing new but its cursor costs as much as a copy.
            most -= max(len(copies), 1)
            reports.append((account_id, copies, cursor))
            if not pending.copies:
                del self._pending[account_id]
        failpoint.reach("supervisor", "before_reports")
        self._journal.put_reports(reports)
        failpoint.reach("supervisor", "after_reports")
        for user, reported, _ in reports:
            self.committed(user, reported)
        self.change_signal.notify()
