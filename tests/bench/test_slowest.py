from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.v1 import control_pb2
from krakencopy.v1 import types_pb2 as pb
from tests.bench.person import Travel
from tests.bench.rows import Tail, Who
from tests.bench.slowest import latest, stamps_ms, tail
from tests.bench.venue import Refusal

MS = 1_000_000
TRAVELS = [
    Travel("E1", 0, {"a": 5 * MS, "b": 9 * MS}),
    Travel("E2", 100 * MS, {"a": 140 * MS, "b": 103 * MS}, [Refusal("a", 110 * MS, "EOrder:late")]),
]


def test_the_slowest_copies_are_named_by_fill_and_user_the_slowest_first() -> None:
    assert latest(TRAVELS, 3) == [(1, "a"), (0, "b"), (0, "a")]


def test_a_tail_says_how_slow_they_were_and_what_was_refused() -> None:
    assert tail(Who.OURS, 2, 50, TRAVELS) == Tail(Who.OURS, 2, 50, 4, 3.0, 40.0, 1, 10.0)
    assert tail(Who.OURS, 2, 50, TRAVELS[:1]).refused_least_ms is None


def test_every_time_stamp_that_is_set_is_told_from_the_fill_on() -> None:
    fill = pb.Fill(received_at=Timestamp(seconds=1, nanos=101 * MS))
    copy = pb.Copy(sent_at=Timestamp(seconds=1, nanos=130 * MS))
    answer = control_pb2.ExplainFillResponse(
        fill=fill, outcomes=[control_pb2.FillOutcome(account_id="a", copy=copy)]
    )
    assert stamps_ms(answer, "a", TRAVELS[1], offset_ns=1000 * MS) == {
        "master received": 1.0, "sent": 30.0, "at the exchange": 40.0,
    }  # fmt: skip
