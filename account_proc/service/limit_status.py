"""A user's limits to losses as they are shown: each with how much of it is lost, and whether all hold."""

from __future__ import annotations

from collections.abc import Iterator

from krakencopy.account_proc.contract.conditions import ConditionType, Finding
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.loss_limits import amount_words
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.copying.limit_watch import LimitWatch
from krakencopy.account_proc.domain.loss_counting import LimitState
from krakencopy.v1 import types_pb2 as pb

#: Of a condition that several limits are wrong with, so many are listed in its words.
TOLD_MAX = 3


def limits_to_proto(watch: LimitWatch, account_id: str) -> Iterator[pb.LossLimit]:
    """All of them, in the order of the configuration; those that are not in it any more last."""
    states = watch.book.states.items()
    for name, state in sorted(states, key=lambda item: item[0] not in watch.book.configured):
        message = _message(name, state, account_id)
        message.configured = name in watch.book.configured
        why = watch.why_not_judged(state)
        if state.hit is not None:
            message.state, message.message = pb.LIMIT_STATE_HIT, state.hit.words
            message.hit_at.CopyFrom(timestamp(state.hit.at))
        elif why or state.loss is None:
            message.state = pb.LIMIT_STATE_NOT_JUDGED
            message.message = why or watch.untold or "it was not judged yet"
        else:
            message.state = pb.LIMIT_STATE_WARNED if state.warned_at else pb.LIMIT_STATE_WITHIN
        yield message


def _message(name: str, state: LimitState, account_id: str) -> pb.LossLimit:
    limit, used = state.limit, state.used
    message = pb.LossLimit(
        account_id=account_id, name=name, metric=limit.metric, window=limit.window, action=limit.action,
        loss=state.loss_words, max_loss=amount_words(limit.max_loss),
        used_percent="" if used is None else f"{used * 100:.0f}",
        warn_at_percent=plain((limit.warn_at * 100).normalize()),
    )  # fmt: skip
    if state.since:
        message.since.CopyFrom(timestamp(state.since))
    return message


def of_limits(watch: LimitWatch) -> Finding:
    """Whether no limit was hit, and all are judged. Each that is not is told by itself (NoticeCode)."""
    kind, states = ConditionType.LIMITS, watch.book.states
    used = {
        name: f"{state.used * 100:.0f} % of {amount_words(state.limit.max_loss)}"
        for name, state in states.items()
        if state.used is not None
    }
    hits = [state.hit.words for state in states.values() if state.hit is not None]
    if hits:
        return Finding(
            type=kind, holds=False, reason="LIMIT_HIT", message="; ".join(hits[:TOLD_MAX]), data=used
        )
    untold = {name: why for name, state in states.items() if (why := watch.why_not_judged(state))}
    if untold:
        words = "; ".join(
            f"limit {name} is not judged: {why}" for name, why in list(untold.items())[:TOLD_MAX]
        )
        return Finding(type=kind, holds=False, reason="LIMIT_NOT_JUDGED", message=words, data=used)
    return Finding(type=kind, data=used)
