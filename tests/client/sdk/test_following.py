"""When a watch tries again, from where, and when it gives up: of a kind that is told what it reads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client import NotConnected, PositionGone, Unavailable
from krakencopy.client.sdk.calling import Calling, at_once
from krakencopy.client.sdk.calls.fill_calls import watch_fills
from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.following import Following, Patience
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

LIMIT_S = 10.0


class Line:
    """A connection, and the stream on it."""

    patience_s = LIMIT_S

    def __init__(self, *is_there: KrakenCopyError | None) -> None:
        """Whether somebody answers, each time; always behind the last."""
        self._is_there = list(is_there)
        self.opened_after: list[int] = []
        self.cancelled = 0
        self.when_opened: Callable[[], None] = lambda: None

    async def check(self) -> None:
        if self._is_there and (error := self._is_there.pop(0)):
            raise error

    def open_stream(self, request: pb.WatchFillsRequest, _answer: object, _limit_s: None) -> Line:
        self.opened_after.append(request.after_seq)
        self.when_opened()
        return self

    def cancel(self) -> None:
        self.cancelled += 1


class Told(Following[pb.WatchFillsResponse, nouns.Fill]):
    """A watch of fills behind 0."""

    def __init__(self, line: Line, *reads: KrakenCopyError | int) -> None:
        self.reads = list(reads)
        self.slept_s: list[float] = []
        self.closed = threading.Event()
        super().__init__(cast("Calling", line), watch_fills(0), self.closed)

    async def _read(self, stream: Any) -> pb.WatchFillsResponse:
        assert isinstance(stream, Line)
        found = self.reads.pop(0)
        if isinstance(found, KrakenCopyError):
            raise found
        return pb.WatchFillsResponse(fill=nouns.Fill(seq=found))

    async def _sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)

    def next(self) -> int | None:
        found = at_once(self._next_item())
        return None if found is None else found[0].seq


LOST = Unavailable("lost")


def test_it_goes_on_behind_the_last_number_after_a_moment() -> None:
    line = Line()
    watch = Told(line, 1, 2, LOST, LOST, 3)
    assert [watch.next(), watch.next(), watch.next()] == [1, 2, 3]
    assert line.opened_after == [0, 2, 2]
    assert watch.slept_s == [0.05, 0.1]


def test_nobody_there_is_said_at_once_at_the_start_and_waited_for_later() -> None:
    gone = NotConnected("nobody")
    line = Line(gone, None, gone, None)
    watch = Told(line, LOST, 1)
    with pytest.raises(NotConnected):
        watch.next()
    assert watch.next() == 1
    assert watch.slept_s == [0.05, 0.1]


def test_what_is_no_lost_connection_is_said_and_the_watch_may_be_asked_again() -> None:
    line = Line()
    watch = Told(line, 1, PositionGone("deleted"), 2)
    assert watch.next() == 1
    with pytest.raises(PositionGone):
        watch.next()
    assert (watch.next(), line.opened_after) == (2, [0, 1])


def test_a_watch_that_is_closed_ends_whatever_fails_then() -> None:
    line = Line()
    watch = Told(line, 1, LOST)
    line.when_opened = watch.closed.set
    assert watch.next() == 1  # what had arrived
    assert (watch.next(), line.cancelled) == (None, 1)
    other = Told(Line(), PositionGone("deleted"))
    other.closed.set()
    assert other.next() is None
    third = Told(line, LOST)
    line.when_opened = third.closed.set
    assert (third.next(), third.slept_s) == (None, [])


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=100))
def test_patience_ends_when_the_limit_is_over_and_not_before(gaps_s: list[float]) -> None:
    patience, now_s = Patience(LIMIT_S), 0.0
    for gap_s in gaps_s:
        delay_s = patience.lost(now_s)
        if delay_s is None:
            assert now_s >= LIMIT_S
            return
        assert 0 < delay_s <= 2.0
        assert now_s + delay_s <= LIMIT_S + 1e-6
        now_s += delay_s + gap_s
    assert now_s - gaps_s[-1] <= LIMIT_S + 1e-6


def test_delays_grow_to_two_seconds_and_start_anew_with_the_next_item() -> None:
    patience = Patience(1000.0)
    delays = [patience.lost(0.0) for _ in range(8)]
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    patience.item_arrived()
    assert patience.lost(0.0) == 0.05


def test_a_server_that_answers_but_drops_every_watch_is_given_up_too() -> None:
    patience = Patience(LIMIT_S)
    assert patience.lost(0.0)
    patience.up(6.0)
    assert patience.lost(7.0)
    patience.up(8.0)
    assert patience.lost(11.0) is None


def test_a_quiet_watch_that_stood_for_long_is_lost_for_the_first_time() -> None:
    patience = Patience(LIMIT_S)
    assert patience.lost(0.0)
    patience.up(1.0)
    assert patience.lost(100.0) == 0.05
