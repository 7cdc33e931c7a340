"""Pauses grow with failures, have a bound, and are not the same for many accounts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.runtime.pauses import doubled_s, growing_pause_s, spread_s

DICE = st.floats(0, 1)


def test_a_pause_doubles_with_each_failure_in_a_row_up_to_its_bound() -> None:
    assert [doubled_s(failures, 0.5, 3.0) for failures in (0, 1, 2, 3, 10_000)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@given(st.integers(0, 10_000), st.floats(0.01, 10), st.floats(10, 1_000), DICE)
def test_a_pause_grows_and_stays_within_its_bounds(
    failures: int, first: float, most: float, dice: float
) -> None:
    pause = growing_pause_s(failures, first, most, dice)
    assert first / 2 <= pause <= most
    assert growing_pause_s(failures + 1, first, most, dice) >= pause


def test_pauses_that_are_drawn_differ_and_stay_within_their_bounds() -> None:
    growing = [growing_pause_s(3, 1.0, 5.0) for _ in range(100)]
    regular = [spread_s(60.0) for _ in range(100)]
    assert 2.5 <= min(growing) < max(growing) <= 5.0
    assert 45.0 <= min(regular) < max(regular) <= 75.0
