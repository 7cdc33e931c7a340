"""The exchange's clock is always within the bounds that its answers set, and is found again when it, or
ours, moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.kraken.exchange_clock import (
    CLOCK_WARNING_S,
    DISAGREE_S,
    DRIFT,
    TICK_S,
    Bounds,
    Clock,
    ExchangeClock,
    bounds_of,
    clock_words,
    http_date,
)

#: Unix seconds at the steady clock's zero.
EPOCH = 1_800_000_000.0


@dataclass
class Machine:
    """One machine and one exchange: all clocks are moved by hand."""

    steady_s: float = 0.0
    #: How far this machine's clock is ahead of the truth, and the exchange's.
    wall_off: float = 0.0
    exchange_off: float = 0.0

    def steady(self) -> float:
        return self.steady_s

    def wall(self) -> float:
        return EPOCH + self.steady_s + self.wall_off

    def exchange(self) -> float:
        return EPOCH + self.steady_s + self.exchange_off

    def clock(self) -> ExchangeClock:
        return ExchangeClock(self.wall, self.steady)

    def answer(self, clock: ExchangeClock, there_s: float = 0.02, back_s: float = 0.02) -> None:
        """One request, and its answer with a Date."""
        sent_at = self.steady_s
        self.steady_s += there_s
        date = formatdate(self.exchange(), usegmt=True)
        self.steady_s += back_s
        clock.hear_date(date, sent_at, self.steady_s)

    def acknowledge(self, clock: ExchangeClock) -> None:
        """One request over the feed, which tells times to the microsecond."""
        sent_at = self.steady_s
        self.steady_s += 0.01
        at = _rfc3339(self.exchange())
        self.steady_s += 0.01
        clock.hear_span(at, at, sent_at, self.steady_s)


def _rfc3339(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")


SPANS = st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 600))


@given(
    st.floats(-1e5, 1e5),
    st.floats(-1e5, 1e5),
    st.lists(SPANS, min_size=1, max_size=20),
    st.floats(-DRIFT, DRIFT),
)
def test_the_true_offset_is_always_within_the_bounds(
    wall_off: float, exchange_off: float, spans: list[tuple[float, float, float]], drift: float
) -> None:
    machine = Machine(wall_off=wall_off, exchange_off=exchange_off)
    clock = machine.clock()
    for there_s, back_s, pause_s in spans:
        machine.answer(clock, there_s, back_s)
        machine.steady_s += pause_s
        machine.exchange_off += drift * (there_s + back_s + pause_s) * 0.99
        reading = clock.reading()
        assert reading is not None
        true = machine.exchange() - machine.wall()
        assert abs(reading.offset - true) <= reading.doubt + 1e-6
        assert abs(clock.now() - machine.exchange()) <= 2 * reading.doubt + 1e-6


@given(st.floats(-1e5, 1e5), st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_answers_at_many_moments_narrow_the_bounds_to_the_round_trip(off: float, pauses: list[float]) -> None:
    machine = Machine(exchange_off=off)
    clock = machine.clock()
    for pause_s in (*pauses, *(0.013 * number for number in range(77))):
        machine.answer(clock)
        machine.steady_s += pause_s
    reading = clock.reading()
    assert reading is not None
    assert reading.doubt < 0.2


def test_a_right_clock_is_believed_to_the_microsecond() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(20):
        machine.answer(clock)
        machine.steady_s += 0.7
        assert clock.now() == pytest.approx(machine.wall(), abs=1e-6)


@pytest.mark.parametrize("off", [40.0, -40.0, 61.5, -3.1, 86_400.0])
def test_a_clock_that_is_wrong_at_the_start_is_known_from_the_first_answer(off: float) -> None:
    machine = Machine(wall_off=off)
    clock = machine.clock()
    assert clock.now() == machine.wall()
    assert clock.reading() is None
    machine.answer(clock)
    assert abs(clock.now() - machine.exchange()) <= 0.7
    machine.acknowledge(clock)
    assert abs(clock.now() - machine.exchange()) <= DISAGREE_S + 0.02
    reading = clock.reading()
    assert reading is not None
    assert reading.offset == pytest.approx(-off, abs=0.2)
    assert reading.is_off


@pytest.mark.parametrize("step", [60.0, -60.0, 4.0, -4.0, 3600.0])
def test_a_step_of_this_machines_clock_changes_nothing(step: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    machine.wall_off += step
    assert abs(clock.now() - machine.exchange()) <= 2 * DISAGREE_S + 0.02
    machine.wall_off -= step
    assert clock.now() == pytest.approx(machine.exchange(), abs=1e-6)


@pytest.mark.parametrize("jump", [60.0, -60.0, 4.0, -4.0])
def test_a_jump_of_the_exchanges_clock_is_believed_when_two_answers_tell_of_it(jump: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    machine.exchange_off += jump
    machine.answer(clock)
    assert abs(clock.now() - machine.wall()) <= 0.2, "one answer may come from a cache"
    machine.steady_s += 1.0
    machine.answer(clock)
    assert abs(clock.now() - machine.exchange()) <= 0.7


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-1.9, 1.9)), max_size=30))
def test_stamps_stand_still_rather_than_going_back_by_little_and_never_for_long(
    steps: list[tuple[float, float]],
) -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.stamp()
    for passed_s, step in steps:
        machine.steady_s += passed_s
        machine.wall_off = step
        again, behind = clock.stamp(), machine.wall()
        assert again > before or before - behind > CLOCK_WARNING_S
        assert again == behind or again == before + TICK_S
        before = again


def test_stamps_go_back_where_the_clock_was_far_ahead() -> None:
    machine = Machine(wall_off=CLOCK_WARNING_S + 0.1)
    clock = machine.clock()
    assert clock.stamp() == machine.wall()
    machine.wall_off = 0.0
    assert clock.stamp() == machine.wall()


def test_whoever_can_ask_for_the_time_is_told_of_each_answer_that_contradicts_what_is_known() -> None:
    machine = Machine()
    clock = machine.clock()
    doubts: list[float] = []
    clock.doubted = lambda: doubts.append(machine.steady_s)
    machine.acknowledge(clock)
    for _ in range(3):
        machine.answer(clock)
        clock.hear_event(machine.exchange())
        machine.steady_s += 0.7
    assert doubts == []
    machine.exchange_off = 0.5
    clock.hear_event(machine.exchange())
    assert len(doubts) == 1
    assert abs(clock.now() - machine.wall()) <= 0.1, "one row may hold any time"
    machine.acknowledge(clock)
    # It is certain now, but whoever asks once more costs nothing.
    assert len(doubts) == 2
    assert abs(clock.now() - machine.exchange()) <= DISAGREE_S + 0.02
    machine.acknowledge(clock)
    assert len(doubts) == 2


def test_one_odd_answer_is_forgotten_with_the_next_good_one() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    for _ in range(5):
        machine.exchange_off = -300.0
        machine.answer(clock)
        machine.exchange_off = 0.0
        machine.answer(clock)
        assert abs(clock.now() - machine.exchange()) <= 0.2


@pytest.mark.parametrize("jump", [60.0, -60.0, 4.0])
def test_an_order_that_is_refused_for_its_time_needs_no_second_answer(jump: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    machine.exchange_off += jump
    machine.answer(clock)
    clock.refused()
    assert abs(clock.now() - machine.exchange()) <= 0.7


def test_a_refusal_without_news_of_the_time_changes_nothing() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.answer(clock)
    before = clock.reading()
    clock.refused()
    assert clock.reading() == before


def test_what_happened_bounds_on_one_side_and_never_moves_the_clock_alone() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    for _ in range(3):
        clock.hear_event(machine.exchange() + 1e9)
        assert abs(clock.now() - machine.exchange()) <= 0.2
    clock.refused()
    assert abs(clock.now() - machine.exchange()) <= 0.2
    # With an answer that says the same it is one that agrees.
    machine.exchange_off += 4.0
    clock.hear_event(machine.exchange())
    machine.answer(clock)
    assert abs(clock.now() - machine.exchange()) <= 0.7


def test_a_suspended_machine_whose_steady_clock_stood_still_is_set_right() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.acknowledge(clock)
    # A virtual machine that was paused: none of its clocks went on.
    machine.exchange_off += 1800.0
    machine.answer(clock)
    machine.acknowledge(clock)
    assert abs(clock.now() - machine.exchange()) <= 0.2
    reading = clock.reading()
    assert reading is not None
    assert reading.is_off


def test_whoever_asked_hears_when_this_machines_clock_turns_out_wrong_and_right_again() -> None:
    machine = Machine()
    clock = machine.clock()
    said: list[bool] = []
    clock.changed = lambda: said.append((reading := clock.reading()) is not None and reading.is_off)
    machine.answer(clock)
    assert said == []
    machine.wall_off = 4.0
    machine.answer(clock)
    machine.answer(clock)
    assert said == [True]
    machine.wall_off = 0.0
    machine.answer(clock)
    assert said == [True, False]


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "Thu, 32 Nov 2026 10:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_date_that_cannot_be_read_says_nothing(text: str | None) -> None:
    clock = ExchangeClock()
    clock.hear_date(text, 0.0, 1.0)
    clock.hear_span("yesterday", "today", 0.0, 1.0)
    assert clock.reading() is None


def test_a_date_is_read_as_utc() -> None:
    assert http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777.0


@pytest.mark.parametrize(
    ("offset", "doubt", "says"),
    [(2.0, 0.0, ""), (-2.1, 0.0, "2 s ahead of"), (2.4, 0.5, ""), (40.0, 0.5, "40 s behind")],
)
def test_a_clock_is_called_wrong_only_when_it_is_so_for_certain(
    offset: float, doubt: float, says: str
) -> None:
    words = clock_words(Clock(offset, doubt))
    assert bool(words) == bool(says)
    assert says in words


def test_bounds_that_are_one_sided_give_their_bound() -> None:
    assert Bounds(3.0, inf).within(0.0) == 3.0
    assert Bounds(-inf, 3.0).within(9.0) == 3.0
    assert Bounds().within(7.0) == 7.0
    assert bounds_of(10.0, 11.0, 1.0, 2.0) == Bounds(8.0 - DISAGREE_S, 10.0 + DISAGREE_S, 2.0)
