"""What became of the fills, counted. Reads the journal; changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from statistics import median, quantiles

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.account_proc.contract.copy_ids import begins_with, is_asked_for
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.supervisor.journal.interval import ALL, Interval
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.reported_fills import ReportedFills
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb

#: Copies whose reason is worth counting in a report.
EXPLAINED = frozenset(
    {pb.COPY_STATE_SKIPPED, pb.COPY_STATE_REJECTED, pb.COPY_STATE_CARRIED, pb.COPY_STATE_PART_FILLED}
)
#: Copies that bought or sold something.
TRADED = frozenset({pb.COPY_STATE_FILLED, pb.COPY_STATE_PART_FILLED})
#: Copies that are read from the journal at once: some milliseconds, in which no fill goes out.
BATCH = 100
#: Answers to fills that are read at once, at least one fill's of all users: some milliseconds as well.
ANSWERS = 1_000
#: Delays of the latest copies that are looked at, for each user.
DELAYS_MAX = 10_000
#: Of syncs, as each is one.
SOURCES_MAX = 20
#: Reasons of entries that were ordered.
SIZED_ENTRIES = frozenset({Reason.SCALED, Reason.CAPPED, Reason.CASH_LIMITED})
COUNTED = {
    pb.COPY_STATE_FILLED: "filled",
    pb.COPY_STATE_PART_FILLED: "part_filled",
    pb.COPY_STATE_REJECTED: "rejected",
    pb.COPY_STATE_SKIPPED: "skipped",
    pb.COPY_STATE_CARRIED: "carried",
}
#: The same by the plain numbers that the database has.
_COLUMN = {int(state): column for state, column in COUNTED.items()}


def counts(ends: Iterable[tuple[str, int, str, int]]) -> control_pb2.CopyCounts:
    """Copies by how they stand, of all users in ``ends`` together."""
    totals: dict[str, int] = defaultdict(int)
    for _, state, reason, number in ends:
        totals[_COLUMN.get(state, "open")] += number
        if reason in SIZED_ENTRIES:
            totals["sized_entries"] += number
        if reason == Reason.CAPPED:
            totals["capped"] += number
    return control_pb2.CopyCounts(**totals)


def counts_in(journal: Journal, *, of_shadows: bool) -> control_pb2.CopyCounts:
    """The same of all users that are shadows, or of all others: what was never at an exchange is not counted
    with what was.
    """
    return counts(end for end in journal.ends() if (end[0] in journal.shadows) == of_shadows)


async def report(
    journal: Journal, user_ids: Sequence[str], interval: Interval = ALL
) -> control_pb2.GetReportResponse:
    """What became of every fill of an interval at every user, by the copies that answer it; users that are
    not configured any more come last, if they ever took a fill.

    Reads every copy there is, a few at a time: fills go out meanwhile. Those that come after the call are
    left out.
    """
    fills = await ReportedFills.of(journal, interval)
    answer = control_pb2.GetReportResponse(fills=len(fills.within(0, fills.head)))
    ends = journal.ends() if fills.is_all else []
    rows: dict[str, _Row] = {}
    for user_id in (*user_ids, *removed_users(journal, user_ids)):
        mark = journal.mark(user_id)
        removed = user_id not in user_ids
        # Nobody has handed later ones to it.
        last = mark.acked_seq if removed else fills.head
        if removed and last == mark.joined_seq:
            continue
        its_fills = len(fills.within(mark.joined_seq, last))
        line = answer.accounts.add(account_id=user_id, fills=its_fills, removed=removed)
        line.shadow = user_id in journal.shadows
        sized = counts(end for end in ends if end[0] == user_id)
        line.copies.capped, line.copies.sized_entries = sized.capped, sized.sized_entries
        rows[user_id] = _Row(mark.joined_seq, last, its_fills)
        await asyncio.sleep(0)
    answer.on_their_way = await _read_answers(journal, rows, fills)
    sums = await _read_copies(journal, rows, fills)
    for line in answer.accounts:
        rows[line.account_id].into(line)
        sums[line.account_id].into(line)
        answer.unanswered += line.unanswered
    return answer


async def _read_answers(journal: Journal, rows: Mapping[str, _Row], fills: ReportedFills) -> int:
    """Counts each fill once for each user, by the copy that answers it when it is read; how many fills have
    no end at some user.
    """
    on_their_way, head, step = 0, fills.head, max(ANSWERS // max(len(rows), 1), 1)
    for start in range(min((row.joined for row in rows.values()), default=head), head, step):
        to_seq = min(start + step, head)
        open_at: Counter[int] = Counter()
        for user_row in rows.values():
            open_at.update(fills.within(max(start, user_row.joined), min(to_seq, user_row.last)))
        for seq, user_id, copy_id, state in journal.answers(start, to_seq):
            row = rows.get(user_id)
            if row is not None and row.joined < seq <= row.last and fills.has(seq):
                row.count_answer(seq, copy_id, state)
                open_at[seq] -= state in COUNTED
        on_their_way += sum(count > 0 for count in open_at.values())
        await asyncio.sleep(0)
    return on_their_way


async def _read_copies(journal: Journal, user_ids: Iterable[str], fills: ReportedFills) -> dict[str, _Sums]:
    """What the copies of these users come to."""
    sums = {user_id: _Sums(counts_sizes=not fills.is_all) for user_id in user_ids}
    received_at = ReceivedAt(journal)
    change, last_change = 0, journal.last_change
    while change < last_change and (batch := journal.copies_after(change, BATCH)):
        for _, copy in batch:
            if copy.account_id in sums and (fills.is_all or any(map(fills.has, copy.fill_seqs))):
                sums[copy.account_id].add_copy(copy, received_at)
        change = batch[-1][0]
        await asyncio.sleep(0)
    return sums


class _Row:
    """How the fills of one user stand: each is in one column."""

    def __init__(self, joined: int, last: int, fills: int) -> None:
        """Its fills are so many of those after ``joined``, up to ``last``."""
        self.joined, self.last, self._fills = joined, last, fills
        self._columns: Counter[str] = Counter()

    def count_answer(self, seq: int, copy_id: str, state: int) -> None:
        """One more fill that has a copy."""
        # The first fill of a copy has given it its id.
        is_first = begins_with(copy_id, seq)
        self._columns[_COLUMN.get(state, "open") if is_first else "merged"] += 1

    def into(self, line: control_pb2.AccountReport) -> None:
        """All of them."""
        line.unanswered = self._fills - self._columns.total()
        line.merged = self._columns.pop("merged", 0)
        for column, number in self._columns.items():
            setattr(line.copies, column, number)


def removed_users(journal: Journal, user_ids: Sequence[str]) -> list[str]:
    """Users that are not configured any more."""
    return [user_id for user_id in journal.user_ids() if user_id not in user_ids]


class ReceivedAt:
    """When the master's process received a fill, in Unix seconds. Copies of the same fills come one after
    another.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: OrderedDict[int, float | None] = OrderedDict()

    def __call__(self, seq: int) -> float | None:
        """None for a fill that is not in the journal."""
        if seq not in self._known:
            fill = self._journal.fill(seq)
            self._known[seq] = None if fill is None else _seconds(fill.received_at)
            if len(self._known) > BATCH:
                self._known.popitem(last=False)
        return self._known[seq]


class _Sums:
    """What the copies of one user come to."""

    def __init__(self, *, counts_sizes: bool) -> None:
        """``counts_sizes``: also how often the cap decided, which the journal has counted for all fills."""
        self._counts_sizes = counts_sizes
        self._ends: list[tuple[str, int, str, int]] = []
        self._reasons: Counter[str] = Counter()
        self._caps: Counter[str] = Counter()
        self._without_fill: Counter[str] = Counter()
        #: By what they follow from, the latest last.
        self._sources: dict[str, int] = {}
        #: By side or "fees", then by asset.
        self._traded: dict[str, dict[str, Decimal]] = {
            side: defaultdict(Decimal) for side in ("bought", "sold", "fees")
        }
        self._delays: deque[float] = deque(maxlen=DELAYS_MAX)

    def add_copy(self, copy: pb.Copy, received_at: Callable[[int], float | None]) -> None:
        """One more copy."""
        if self._counts_sizes:
            self._ends.append((copy.account_id, copy.state, copy.reason, 1))
        if not copy.fill_seqs:
            self._without_fill[COUNTED.get(copy.state, "open")] += 1
        if copy.source:
            self._sources[copy.source] = self._sources.pop(copy.source, 0) + 1
        if copy.state in EXPLAINED:
            self._reasons[copy.reason] += 1
        if copy.cap:
            self._caps[copy.cap] += 1
        if copy.state in TRADED:
            side = "bought" if copy.side == pb.SIDE_BUY else "sold"
            cost = Decimal(copy.filled_volume) * Decimal(copy.avg_price)
            self._traded[side][copy.pair.partition("/")[2]] += cost
            if copy.fee.asset:
                self._traded["fees"][copy.fee.asset] += Decimal(copy.fee.amount)
        delay = delay_s(copy, received_at)
        if delay is not None:
            self._delays.append(delay)

    def into(self, line: control_pb2.AccountReport) -> None:
        """All of them."""
        line.without_fill.MergeFrom(control_pb2.CopyCounts(**self._without_fill))
        if self._counts_sizes:
            sized = counts(self._ends)
            line.copies.capped, line.copies.sized_entries = sized.capped, sized.sized_entries
        for reason, count in self._reasons.items():
            line.reasons[reason] = count
        for source in list(self._sources)[-SOURCES_MAX:]:
            line.sources[source] = self._sources[source]
        for cap, count in self._caps.items():
            line.caps[cap] = count
        for name, amounts in self._traded.items():
            for asset, amount in amounts.items():
                getattr(line, name)[asset] = format(round(amount, 8).normalize(), "f")
        delays = self._delays
        if delays:
            line.latency_median.CopyFrom(duration(median(delays)))
            # "inclusive": otherwise the percentile of a few delays is worse than the worst of them.
            worst = quantiles(delays, n=100, method="inclusive")[98] if len(delays) > 1 else delays[0]
            line.latency_p99.CopyFrom(duration(worst))


def delay_s(copy: pb.Copy, received_at: Callable[[int], float | None]) -> float | None:
    """From the master's process receiving the copy's first fill to the user's order leaving, in seconds; None
    where nobody waited for it, as for a fill that was asked for later.
    """
    if is_asked_for(copy.copy_id):
        return None
    if not copy.HasField("sent_at") or not copy.fill_seqs or copy.attempts != 1:
        return None
    received = received_at(copy.fill_seqs[0])
    return None if received is None else _seconds(copy.sent_at) - received


def _seconds(stamp: Timestamp) -> float:
    return stamp.ToMicroseconds() / 1_000_000


def duration(seconds: float) -> Duration:
    """The form in which it travels."""
    length = Duration()
    length.FromMicroseconds(round(seconds * 1_000_000))
    return length
