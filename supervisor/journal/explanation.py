"""What each user made of one fill, in a sentence each. Reads the journal; changes nothing.

No sentence says that an order has left unless that is known: an intent may have left or not, and what our own
process refused never did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.report import ReceivedAt, delay_s, duration, removed_users
from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb

#: The code of a user whose fills wait for an operator.
PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user stands: the state of its account, or PAUSED, and why; whether it has a process."""

    code: str
    reason: str
    is_alive: bool


#: Reasons of carried copies that wait no more.
GIVEN_UP = frozenset({Reason.CARRY_EXITED, Reason.PAIR_EXCLUDED, Reason.MAP_CHANGED})
#: One that is not configured any more.
GONE = Standing("", "", is_alive=False)


def explain(
    journal: Journal, fill: pb.Fill, user_ids: Sequence[str], standing: Callable[[str], Standing]
) -> control_pb2.ExplainFillResponse:
    """What each user made of one fill; those that are not configured any more come last, if they have
    answered it. ``standing`` is asked for users in ``user_ids``.
    """
    answer = control_pb2.ExplainFillResponse(fill=fill)
    copies = journal.copies_of_fill(fill.seq)
    for user_id in (*user_ids, *(gone for gone in removed_users(journal, user_ids) if gone in copies)):
        outcome = answer.outcomes.add(account_id=user_id)
        stands = standing(user_id) if user_id in user_ids else GONE
        copy = copies.get(user_id)
        if copy is not None:
            _explain_copy(journal, outcome, copy, is_alive=stands.is_alive)
        elif fill.seq <= journal.mark(user_id).joined_seq:
            outcome.joined_later = True
            outcome.explanation = "happened before this user joined"
        else:
            outcome.waits_for = stands.code
            outcome.explanation = _why_not_answered(stands)
    return answer


def _explain_copy(
    journal: Journal, outcome: control_pb2.FillOutcome, copy: pb.Copy, *, is_alive: bool
) -> None:
    outcome.copy.CopyFrom(copy)
    joined = journal.copy(copy.account_id, copy.joined_copy_id) if copy.joined_copy_id else None
    if joined is not None:
        outcome.joined.CopyFrom(joined)
    words = copy_words(copy, joined, is_alive=is_alive)
    outcome.explanation = f"{words}: {copy.detail}" if copy.detail else words
    delay = delay_s(copy, ReceivedAt(journal))
    if delay is not None:
        outcome.latency.CopyFrom(duration(delay))


def _why_not_answered(stands: Standing) -> str:
    if stands.code == PAUSED:
        return "not answered yet: the user is paused by an operator, the fill waits until `resume`"
    where = f"{stands.code} ({stands.reason})" if stands.reason else stands.code
    what = "has the fill or is about to be sent it" if stands.is_alive else "is sent the fill when it runs"
    return f"not answered yet: the user is {where}, and {what}"


def copy_words(copy: pb.Copy, joined: pb.Copy | None, *, is_alive: bool) -> str:
    """What became of a copy, in a few words, without its detail."""
    verb, reason = "bought" if copy.side == pb.SIDE_BUY else "sold", copy.reason
    match copy.state:
        case pb.COPY_STATE_FILLED:
            return f"{verb} {copy.filled_volume} at {copy.avg_price} ({reason})"
        case pb.COPY_STATE_PART_FILLED:
            part = f"{copy.filled_volume} of {copy.ordered_volume}"
            return f"{verb} {part} at {copy.avg_price} ({reason})"
        case pb.COPY_STATE_SKIPPED:
            return f"skipped ({reason})"
        case pb.COPY_STATE_CARRIED if joined is not None:
            return f"too small alone ({reason}), then ordered together with copy {joined.copy_id}"
        case pb.COPY_STATE_CARRIED if reason in GIVEN_UP:
            return f"too small alone, and given up ({reason})"
        case pb.COPY_STATE_CARRIED:
            return f"too small alone ({reason}), waits for the next fill of this pair and side"
        case pb.COPY_STATE_REJECTED:
            return _words_of_rejected(copy)
        case _:
            return _words_of_open(copy, is_alive=is_alive)


def _words_of_rejected(copy: pb.Copy) -> str:
    if copy.order_id:
        return f"ordered, and ended without a fill ({copy.reason})"
    if copy.reason == "NEVER_ARRIVED":
        return f"no order is there, for certain ({copy.reason})"
    if copy.HasField("sent_at"):
        return f"refused ({copy.reason})"
    return f"not ordered, nothing left ({copy.reason})"


def _words_of_open(copy: pb.Copy, *, is_alive: bool) -> str:
    """Of one without an end."""
    match copy.state:
        case pb.COPY_STATE_RECEIVED | pb.COPY_STATE_PLANNED:
            words = f"not ordered yet, nothing has left ({copy.reason})"
        case pb.COPY_STATE_INTENT:
            words = f"about to be ordered; whether the order has left is not known yet ({copy.reason})"
        case pb.COPY_STATE_SENT:
            words = f"sent, and not answered yet ({copy.reason})"
        case pb.COPY_STATE_ACKNOWLEDGED:
            words = f"ordered, and not at its end yet ({copy.reason})"
        case _:
            words = f"there may be an order or not, it is looked for ({copy.reason})"
    return words if is_alive else f"{words}; its process has ended, the next one goes on with it"
