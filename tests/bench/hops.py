"""Where the time of a copy goes: its own time stamps between the exchange's two, hop by hop."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2
from tests.bench.person import Travel
from tests.bench.timing import NS_PER_MS, Spread

#: Of so many fills at most, the last ones: each is asked for with what every user made of it.
HOP_FILLS = 20
#: Each hop ends where the next one begins.
HOPS = (
    "exchange to master",
    "master to journal",
    "journal, fan-out",
    "supervisor to user",
    "decision, intent",
    "user to exchange",
)


def hops(api: MessageClient, travels: Sequence[Travel]) -> dict[str, Spread]:
    """In ms, over all users and fills. Our own stamps are of the machine's clock, to the microsecond."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    rows = [
        row
        for travel in travels[-HOP_FILLS:]
        for row in _rows(api.explain_fill(exec_id=travel.exec_id), travel, offset_ns)
    ]
    return {name: Spread.of(column) for name, column in zip(HOPS, zip(*rows, strict=True), strict=True)}


def _rows(
    answer: control_pb2.ExplainFillResponse, travel: Travel, offset_ns: int
) -> Iterator[tuple[float, ...]]:
    """How long each hop took, for each user that ordered at the first try."""
    fill = answer.fill
    for outcome in answer.outcomes:
        copy = outcome.copy
        # What a user has not reported yet is left out as well.
        if outcome.account_id not in travel.arrivals_ns or copy.attempts != 1 or not copy.HasField("sent_at"):
            continue
        stops = [
            (travel.emitted_ns + offset_ns) / NS_PER_MS,
            *map(
                ms_of,
                (fill.received_at, fill.journalled_at, copy.fanned_out_at, copy.received_at, copy.sent_at),
            ),
            (travel.arrivals_ns[outcome.account_id] + offset_ns) / NS_PER_MS,
        ]
        yield tuple(end - start for start, end in itertools.pairwise(stops))


def ms_of(stamp: Timestamp) -> float:
    """Since 1970, to the microsecond."""
    return stamp.ToMicroseconds() / 1000
