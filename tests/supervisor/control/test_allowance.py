"""In the long run no more is used than comes back, and after a rest no more at once than the burst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.control.allowance import Allowance


def test_a_burst_is_free_and_what_is_beyond_it_is_waited_for() -> None:
    allowance = Allowance(rate=2.0, burst=3.0, now=10.0)
    assert allowance.spend(3.0, 10.0) == 0.0
    assert allowance.spend(1.0, 10.0) == 0.5
    assert allowance.spend(0.0, 10.25) == 0.25, "what is asked without use says what is left to wait"
    assert allowance.spend(0.0, 10.5) == 0.0
    assert allowance.spend(4.0, 1_000.0) == 0.5, "a rest gives the burst again, and not more"


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 1.0)), min_size=1, max_size=100))
def test_who_keeps_to_the_pauses_uses_no_more_than_burst_and_rate(steps: list[tuple[float, float]]) -> None:
    allowance, now, used = Allowance(rate=0.2, burst=1.0, now=0.0), 0.0, 0.0
    for rest, amount in steps:
        now += rest
        used += amount
        now += allowance.spend(amount, now)
        assert used <= 1.0 + 0.2 * now + 1e-9
    assert allowance.spend(0.0, now) == pytest.approx(0.0, abs=1e-9)
