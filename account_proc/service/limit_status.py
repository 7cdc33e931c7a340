"""A user's limits to losses as they are shown: each with how much of it is lost, and whether all hold."""

from __future__ import annotations

from collections.abc import Iterator

from krakencopy.account_proc.contract.conditions import ConditionType, Finding
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.loss_counting import used_words
from krakencopy.account_proc.contract.loss_limits import Metric, amount_words
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.copying.limit_watch import LimitWatch
from krakencopy.v1 import types_pb2 as pb

#: Of a condition that several limits are wrong with, so many are listed in its words.
TOLD_MAX = 3


def limits_to_proto(watch: LimitWatch, account_id: str) -> Iterator[pb.LossLimit]:
    """All of them, in the order of the configuration; those that are not in it any more last."""
    states = watch.book.own.items()
    for name, state in sorted(states, key=lambda item: item[0] not in watch.book.configured):
        message = state.to_proto(account_id)
        message.configured = name in watch.book.configured
        why = watch.why_not_judged(state)
        if state.hit is None and (why or state.loss is None):
            message.state = pb.LIMIT_STATE_NOT_JUDGED
            message.message = why or watch.untold or "it was not judged yet"
        yield message


def levels_to_proto(watch: LimitWatch) -> Iterator[pb.LossLevel]:
    """What is counted for limits of all users together, as far as it is known now: by two readings, as who
    adds up may look twice at the same one.
    """
    for state in watch.book.counts:
        if state.last_level is not None and state.steady is not None and not watch.untold:
            slip = state.last_level - state.steady if state.limit.metric is Metric.EQUITY else 0
            yield pb.LossLevel(
                metric=state.limit.metric, currency=state.limit.currency, since=timestamp(state.since),
                level=plain(state.steady), equity=plain(state.there - slip),
            )  # fmt: skip


def of_limits(watch: LimitWatch) -> Finding:
    """Whether no limit was hit, and all are judged. Each that is not is told by itself (NoticeCode)."""
    kind, states = ConditionType.LIMITS, watch.book.own
    used = {
        name: f"{used_words(state.used)} % of {amount_words(state.limit.max_loss)}"
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
