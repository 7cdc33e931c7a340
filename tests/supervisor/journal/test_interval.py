"""An interval has its first moment and not its last one."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.supervisor.journal.interval import Interval, last_hop
from krakencopy.v1 import control_pb2, types_pb2


def at(seconds: int, nanos: int = 0) -> Timestamp:
    return Timestamp(seconds=seconds, nanos=nanos)


@pytest.mark.parametrize(
    ("since", "until", "inside"),
    [
        (None, None, [True] * 5),
        (at(5), None, [False, True, True, True, True]),
        (None, at(7), [True, True, True, False, False]),
        (at(5), at(7), [False, True, True, False, False]),
        (at(5, 1), at(7, 1), [False, False, True, True, False]),
    ],
)
def test_what_is_in_an_interval(since: Timestamp | None, until: Timestamp | None, inside: list[bool]) -> None:
    request = control_pb2.ListEventsRequest(since=since, until=until)
    interval = Interval.of(request)
    moments = (at(4, 999_999_999), at(5), at(6), at(7), at(8))
    assert [interval.holds(moment) for moment in moments] == inside
    assert interval.is_all is (since is None and until is None)
    assert not interval.is_empty


def test_an_interval_without_a_moment_is_empty() -> None:
    assert Interval(5, 5).is_empty
    assert Interval(6, 5).is_empty
    assert not Interval(5, 6).is_empty
    assert not Interval(None, 5).is_empty


def test_the_beginning_of_time_is_a_limit() -> None:
    interval = Interval.of(control_pb2.ListEventsRequest(until=at(0)))
    assert not interval.is_all
    assert not interval.holds(at(0))


def test_the_last_hop_of_a_copy_is_the_latest_that_is_known() -> None:
    copy = types_pb2.Copy(received_at=at(1))
    assert last_hop(copy) == at(1)
    copy.decided_at.CopyFrom(at(2))
    assert last_hop(copy) == at(2)
    copy.finished_at.CopyFrom(at(3))
    assert last_hop(copy) == at(3)
    assert last_hop(types_pb2.Copy()) == at(0)
