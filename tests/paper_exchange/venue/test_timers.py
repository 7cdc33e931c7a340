"""Timers give what is due, the oldest first."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.venue.timers import Timers


def _note(called: list[tuple[int, int]], timer: tuple[int, int], _now_us: int) -> None:
    called.append(timer)


@given(st.lists(st.integers(min_value=0, max_value=20)), st.integers(min_value=0, max_value=20))
def test_what_is_due_comes_by_its_time_and_then_in_the_order_it_was_added(
    due: list[int], now_us: int
) -> None:
    timers, called = Timers(), list[tuple[int, int]]()
    for number, due_us in enumerate(due):
        timers.add_timer(due_us, partial(_note, called, (due_us, number)))
    while action := timers.pop_due(now_us):
        action(now_us)
    expected = sorted((due_us, number) for number, due_us in enumerate(due))
    assert called == [entry for entry in expected if entry[0] <= now_us]
    assert timers.next_due_us() == min((due_us for due_us in due if due_us > now_us), default=None)
