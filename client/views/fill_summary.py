"""What all users together made of one fill, in a few lines. Pure: messages in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from krakencopy.client.views.formats import nanoseconds, plain, word
from krakencopy.client.views.table import pairs
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Users that are named for one reason, and reasons that are named of one end, at most.
NAMED_MAX, REASONS_MAX = 8, 6
#: Copies whose end is not known yet.
OPEN = frozenset(
    {
        nouns.COPY_STATE_RECEIVED, nouns.COPY_STATE_PLANNED, nouns.COPY_STATE_INTENT, nouns.COPY_STATE_SENT,
        nouns.COPY_STATE_ACKNOWLEDGED, nouns.COPY_STATE_UNKNOWN,
    }
)  # fmt: skip

#: Ends and what else a fill can have come to at a user, in the order in which they are shown.
IN_FULL, IN_PART, CARRIED, SKIPPED, FAILED, ON_ITS_WAY, WAITING = (
    "in full", "in part", "carried", "skipped", "failed", "on its way", "waiting",
)  # fmt: skip
_OF_STATE = {
    nouns.COPY_STATE_FILLED: IN_FULL,
    nouns.COPY_STATE_PART_FILLED: IN_PART,
    nouns.COPY_STATE_CARRIED: CARRIED,
    nouns.COPY_STATE_SKIPPED: SKIPPED,
    nouns.COPY_STATE_REJECTED: FAILED,
}
#: With what a count of users is put before them.
_COUNTED = {
    IN_FULL: "copied it in full",
    IN_PART: "in part",
    CARRIED: "carried it (too small alone)",
    SKIPPED: "skipped it",
    FAILED: "failed",
    ON_ITS_WAY: "on the way",
    WAITING: "waiting",
}


def needs_look(outcome: pb.FillOutcome) -> bool:
    """Whether somebody should look at what a user made of it: not of a copy as it was meant to be, nor of one
    that waits for its user.
    """
    return outcome.HasField("copy") and _kind(outcome) in {IN_PART, FAILED, ON_ITS_WAY}


def _kind(outcome: pb.FillOutcome) -> str:
    if not outcome.HasField("copy"):
        return WAITING
    return _OF_STATE.get(outcome.copy.state, ON_ITS_WAY)


def summary(outcomes: Sequence[pb.FillOutcome], fill: nouns.Fill) -> list[str]:
    """How many users copied it in full, in part, with other fills in one order; who did not, and why."""
    shadows = [outcome for outcome in outcomes if outcome.copy.shadow]
    meant = [outcome for outcome in outcomes if not (outcome.joined_later or outcome.copy.shadow)]
    beside = [f"  shadow, counted nowhere: {_grouped(_kind(each), [each])}" for each in shadows[:NAMED_MAX]]
    if not meant:
        return ["No user was there to copy it.", *beside]
    by_kind: dict[str, list[pb.FillOutcome]] = {kind: [] for kind in _COUNTED}
    for outcome in meant:
        by_kind[_kind(outcome)].append(outcome)
    counted = [f"{len(found)} {_COUNTED[kind]}" for kind, found in by_kind.items() if found]
    users = f"{len(meant)} user{'s' if len(meant) > 1 else ''}"
    late = [outcome.account_id for outcome in outcomes if outcome.joined_later]
    rows = [(f"  {kind}", _grouped(kind, found)) for kind, found in by_kind.items()]
    rows += [
        ("  merged", _merged(meant, fill)),
        ("  joined later", _named(late)),
        ("  order left", _latencies(meant)),
    ]
    return [f"{users}: {', '.join(counted)}", *pairs(rows), *beside]


def _grouped(kind: str, found: Sequence[pb.FillOutcome]) -> str:
    """Users by the reason, those of the most frequent one first."""
    if kind == IN_FULL:
        return _named(outcome.account_id for outcome in found)
    by_reason: dict[str, list[str]] = {}
    for outcome in found:
        by_reason.setdefault(_reason(kind, outcome), []).append(outcome.account_id)
    groups = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    words = [f"{plain(reason)}: {_named(users)}" for reason, users in groups[:REASONS_MAX]]
    if len(groups) > REASONS_MAX:
        words.append(f"{len(groups) - REASONS_MAX} more reasons")
    return "; ".join(words)


def _reason(kind: str, outcome: pb.FillOutcome) -> str:
    if kind == WAITING:
        return outcome.waits_for or "no answer yet"
    if kind == ON_ITS_WAY:
        return word(nouns.CopyState.DESCRIPTOR, outcome.copy.state)
    later = ""
    if outcome.HasField("joined"):
        later = f" (ordered later: {word(nouns.CopyState.DESCRIPTOR, outcome.joined.state)})"
    return (outcome.copy.reason or "no reason given") + later


def _merged(outcomes: Iterable[pb.FillOutcome], fill: nouns.Fill) -> str:
    """Users that have one order for this fill and others."""
    users = [
        outcome.account_id
        for outcome in outcomes
        if fill.seq in outcome.copy.fill_seqs and len(outcome.copy.fill_seqs) > 1
    ]
    return f"in one order with other fills: {_named(users)}" if users else ""


def _named(users: Iterable[str]) -> str:
    names = [plain(user) for user in users]
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _latencies(outcomes: Iterable[pb.FillOutcome]) -> str:
    """How long it took from the master's process receiving it to an order leaving."""
    lengths = {each.account_id: nanoseconds(each.latency) for each in outcomes if each.HasField("latency")}
    if not lengths:
        return ""
    slowest = max(lengths, key=lengths.__getitem__)
    middle, most = (f"{length / 1e6:.1f} ms" for length in (median(lengths.values()), lengths[slowest]))
    after = "after the master's process received it"
    if len(lengths) == 1:
        return f"{most} {after} ({plain(slowest)})"
    return f"{middle} {after} in the median of {len(lengths)} users, {most} at most ({plain(slowest)})"
