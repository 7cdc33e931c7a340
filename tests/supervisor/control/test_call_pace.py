"""A caller may make many calls at once after a rest, then so many a second; others are not held up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.control.call_pace import CALLERS_MAX, CallPace


def test_a_burst_waits_for_nothing_and_what_follows_comes_at_the_rate() -> None:
    pace = CallPace(burst=3, rate_per_s=2.0)
    assert [pace.pause_s("ann", 100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert pace.pause_s("bob", 100.0) == 0.0
    assert pace.pause_s("ann", 102.5) == 0.0
    # After a rest as at the beginning, and not more.
    assert [pace.pause_s("ann", 1_000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(st.lists(st.floats(0.0, 0.3), min_size=1, max_size=200))
def test_never_more_than_the_burst_and_the_rate_of_the_time(gaps: list[float]) -> None:
    pace, now, begun = CallPace(burst=5, rate_per_s=10.0), 0.0, []
    for gap in gaps:
        now += gap
        begun.append(now + pace.pause_s("ann", now))
    assert len(begun) <= 5 + 10.0 * (begun[-1] - begun[0]) + 1


def test_callers_that_are_remembered_are_bounded() -> None:
    pace = CallPace(burst=1, rate_per_s=1.0)
    pace.pause_s("first", 0.0)
    for number in range(CALLERS_MAX):
        pace.pause_s(f"caller {number}", 0.0)
    assert pace.pause_s("first", 0.0) == 0.0
    assert pace.pause_s(f"caller {CALLERS_MAX - 1}", 0.0) == pytest.approx(1.0)
