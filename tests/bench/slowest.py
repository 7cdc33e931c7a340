"""The slowest copies with all their time stamps, and which orders the exchange refused for being late: what a
look at the tail begins with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2
from tests.bench.hops import ms_of
from tests.bench.person import Travel
from tests.bench.rows import Tail, Who
from tests.bench.timing import NS_PER_MS

#: Of each contestant, number of users and answer time.
SLOWEST = 50


@dataclass(frozen=True, slots=True)
class SlowCopy:
    """One user's copy of one fill. All times in ms after the exchange sent the fill to the master."""

    who: Who
    users: int
    answer_ms: int
    #: The how manieth fill of its run, from 1, and its id.
    fill: int
    exec_id: str
    account: str
    #: Orders sent, by the user's own record.
    attempts: int
    #: What the product and the exchange recorded, the earliest first; the product's are of the machine's
    #: clock, to the microsecond.
    stamps_ms: dict[str, float]
    #: Orders that the exchange refused before it took one.
    refused_ms: dict[str, list[float]]


def latest(travels: Sequence[Travel], most: int = SLOWEST) -> list[tuple[int, str]]:
    """Which copies came last to the exchange, the slowest first: the travel's place, and the user. Pure."""
    every = (
        (arrival_ns - travel.emitted_ns, place, user)
        for place, travel in enumerate(travels)
        for user, arrival_ns in travel.arrivals_ns.items()
    )
    return [(place, user) for _, place, user in sorted(every, reverse=True)[:most]]


def tail(who: Who, users: int, answer_ms: int, travels: Sequence[Travel]) -> Tail:
    """What the table says of it. Pure."""
    late = [
        (travels[place].arrivals_ns[user] - travels[place].emitted_ns) / NS_PER_MS
        for place, user in latest(travels)
    ]
    refused = [
        (each.received_ns - travel.emitted_ns) / NS_PER_MS for travel in travels for each in travel.refused
    ]
    return Tail(who, users, answer_ms, len(late), late[-1], late[0], len(refused), min(refused, default=None))


def slowest(
    api: MessageClient, who: Who, users: int, answer_ms: int, travels: Sequence[Travel]
) -> Iterator[SlowCopy]:
    """The slowest first; each of their fills is asked for once."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    wanted = latest(travels)
    answers = {
        place: api.explain_fill(exec_id=travels[place].exec_id) for place in {place for place, _ in wanted}
    }
    for place, user in wanted:
        travel, answer = travels[place], answers[place]
        copy = next(outcome.copy for outcome in answer.outcomes if outcome.account_id == user)
        refused: dict[str, list[float]] = {}
        for each in travel.refused:
            if each.account == user:
                late_ms = (each.received_ns - travel.emitted_ns) / NS_PER_MS
                refused.setdefault(each.error, []).append(round(late_ms, 3))
        yield SlowCopy(
            who, users, answer_ms, place + 1, travel.exec_id, user, copy.attempts,
            stamps_ms(answer, user, travel, offset_ns), refused,
        )  # fmt: skip


def stamps_ms(
    answer: control_pb2.ExplainFillResponse, user: str, travel: Travel, offset_ns: int
) -> dict[str, float]:
    """Every time stamp of a copy that is set, by name. Pure; ``offset_ns`` is how far the machine's clock is
    ahead of the monotonic one.
    """
    copy = next(outcome.copy for outcome in answer.outcomes if outcome.account_id == user)
    recorded = {
        "executed": answer.fill.executed_at,
        "master received": answer.fill.received_at,
        "journalled": answer.fill.journalled_at,
        "fanned out": copy.fanned_out_at,
        "user received": copy.received_at,
        "decided": copy.decided_at,
        "sent": copy.sent_at,
        "acknowledged": copy.acknowledged_at,
        "finished": copy.finished_at,
    }
    began_ms = (travel.emitted_ns + offset_ns) / NS_PER_MS
    found = {name: ms_of(stamp) - began_ms for name, stamp in recorded.items() if stamp.ByteSize()}
    found["at the exchange"] = (travel.arrivals_ns[user] - travel.emitted_ns) / NS_PER_MS
    return {name: round(found[name], 3) for name in sorted(found, key=found.__getitem__)}


def to_json(copies: Sequence[SlowCopy]) -> str:
    """A line for each copy."""
    return "[\n" + ",\n".join(json.dumps(asdict(copy)) for copy in copies) + "\n]\n"
