"""What became of the fills, counted and explained. Reads the journal; changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median, quantiles

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb

from account_proc.copy_state import Reason
from supervisor.journal import Journal

#: Copies whose reason is worth counting in a report.
EXPLAINED = frozenset(
    {pb.COPY_STATE_SKIPPED, pb.COPY_STATE_REJECTED, pb.COPY_STATE_CARRIED, pb.COPY_STATE_PART_FILLED}
)
#: Copies that bought or sold something.
TRADED = frozenset({pb.COPY_STATE_FILLED, pb.COPY_STATE_PART_FILLED})
#: Reads from the journal at once.
BATCH = 1_000
#: Reasons of entries that were ordered.
SIZED_ENTRIES = frozenset({Reason.SCALED, Reason.CAPPED, Reason.CASH_LIMITED})
COUNTED = {
    pb.COPY_STATE_FILLED: "filled",
    pb.COPY_STATE_PART_FILLED: "part_filled",
    pb.COPY_STATE_REJECTED: "rejected",
    pb.COPY_STATE_SKIPPED: "skipped",
    pb.COPY_STATE_CARRIED: "carried",
}


def counts(ends: Iterable[tuple[str, int, str, int]]) -> control_pb2.CopyCounts:
    """Copies by how they stand, of all users in ``ends`` together."""
    totals: dict[str, int] = defaultdict(int)
    for _, state, reason, number in ends:
        totals[COUNTED.get(state, "open")] += number  # type: ignore[call-overload]  # plain int from the database
        if reason in SIZED_ENTRIES:
            totals["sized_entries"] += number
        if reason == Reason.CAPPED:
            totals["capped"] += number
    return control_pb2.CopyCounts(**totals)


def report(journal: Journal, user_ids: Sequence[str]) -> control_pb2.GetReportResponse:
    """What became of every fill at every user; those that are not configured any more come last, if they ever took a fill."""
    answer = control_pb2.GetReportResponse(fills=journal.head)
    ends = journal.ends()
    for user_id in (*user_ids, *_removed(journal, user_ids)):
        mark = journal.mark(user_id)
        removed = user_id not in user_ids
        # Nobody has handed later ones to it.
        last = mark.acked_seq if removed else journal.head
        if removed and last == mark.joined_seq:
            continue
        line = control_pb2.AccountReport(account_id=user_id, fills=last - mark.joined_seq, removed=removed)
        line.copies.CopyFrom(counts(end for end in ends if end[0] == user_id))
        line.unanswered = line.fills - journal.answered(user_id, mark.joined_seq)
        _sum_up(journal, user_id, line)
        answer.unanswered += line.unanswered
        answer.accounts.append(line)
    return answer


def _removed(journal: Journal, user_ids: Sequence[str]) -> list[str]:
    """Users that are not configured any more."""
    return [user_id for user_id in journal.user_ids() if user_id not in user_ids]


def _sum_up(journal: Journal, user_id: str, line: control_pb2.AccountReport) -> None:
    traded: dict[str, dict[str, Decimal]] = {
        side: defaultdict(Decimal) for side in ("bought", "sold", "fees")
    }
    delays: list[float] = []
    change = 0
    while batch := journal.copies_after(change, BATCH, user_id):
        for _, copy in batch:
            if copy.state in EXPLAINED:
                line.reasons[copy.reason] += 1
            if copy.state in TRADED:
                side = "bought" if copy.side == pb.SIDE_BUY else "sold"
                cost = Decimal(copy.filled_volume) * Decimal(copy.avg_price)
                traded[side][copy.pair.partition("/")[2]] += cost
                if copy.fee.asset:
                    traded["fees"][copy.fee.asset] += Decimal(copy.fee.amount)
            delay = _delay(journal, copy)
            if delay is not None:
                delays.append(delay)
        change = batch[-1][0]
    for name, amounts in traded.items():
        for asset, amount in amounts.items():
            getattr(line, name)[asset] = format(round(amount, 8).normalize(), "f")
    if delays:
        line.latency_median.CopyFrom(_duration(median(delays)))
        # "inclusive": otherwise the percentile of a few delays is worse than the worst of them.
        worst = quantiles(delays, n=100, method="inclusive")[98] if len(delays) > 1 else delays[0]
        line.latency_p99.CopyFrom(_duration(worst))


def _delay(journal: Journal, copy: pb.Copy) -> float | None:
    """From the master's process receiving the copy's first fill to the user's order leaving, in seconds."""
    if not copy.HasField("sent_at") or not copy.fill_seqs or copy.attempts != 1:
        return None
    fill = journal.fill(copy.fill_seqs[0])
    return None if fill is None else _seconds(copy.sent_at) - _seconds(fill.received_at)


def explain(journal: Journal, fill: pb.Fill, user_ids: Sequence[str]) -> control_pb2.ExplainFillResponse:
    """What each user made of one fill; those that are not configured any more come last, if they have answered it."""
    answer = control_pb2.ExplainFillResponse(fill=fill)
    copies = journal.copies_of_fill(fill.seq)
    for user_id in (*user_ids, *(gone for gone in _removed(journal, user_ids) if gone in copies)):
        outcome = answer.outcomes.add(account_id=user_id)
        copy = copies.get(user_id)
        if copy is None:
            early = fill.seq <= journal.mark(user_id).joined_seq
            outcome.explanation = (
                "happened before this user joined"
                if early
                else "not answered yet: the user is down, or still deciding"
            )
            continue
        outcome.copy.CopyFrom(copy)
        joined = journal.copy(user_id, copy.joined_copy_id) if copy.joined_copy_id else None
        if joined is not None:
            outcome.joined.CopyFrom(joined)
        outcome.explanation = _sentence(copy, joined)
        delay = _delay(journal, copy)
        if delay is not None:
            outcome.latency.CopyFrom(_duration(delay))
    return answer


def _sentence(copy: pb.Copy, joined: pb.Copy | None) -> str:
    verb = "bought" if copy.side == pb.SIDE_BUY else "sold"
    match copy.state:
        case pb.COPY_STATE_FILLED:
            words = f"{verb} {copy.filled_volume} at {copy.avg_price} ({copy.reason})"
        case pb.COPY_STATE_PART_FILLED:
            words = (
                f"{verb} {copy.filled_volume} of {copy.ordered_volume} at {copy.avg_price} ({copy.reason})"
            )
        case pb.COPY_STATE_SKIPPED:
            words = f"skipped ({copy.reason})"
        case pb.COPY_STATE_CARRIED if joined is not None:
            words = f"too small alone ({copy.reason}), then ordered together with copy {joined.copy_id}"
        case pb.COPY_STATE_CARRIED:
            words = f"too small alone ({copy.reason}), waits for the next fill of this pair and side"
        case pb.COPY_STATE_REJECTED:
            words = f"refused ({copy.reason})"
        case _:
            words = f"on its way: {pb.CopyState.Name(copy.state).removeprefix('COPY_STATE_').lower()} ({copy.reason})"
    return f"{words}: {copy.detail}" if copy.detail else words


def _seconds(stamp: Timestamp) -> float:
    return stamp.ToMicroseconds() / 1_000_000


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMicroseconds(round(seconds * 1_000_000))
    return duration
