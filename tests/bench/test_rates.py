from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.rates import Prover, Search
from tests.bench.sustained import Trial, lags_ms

SEARCH = Search(first=2.0, doublings=10, refinements=4, trial_s=15.0, proof_s=120.0, proofs=3)
S, MS = 10**9, 10**6


@dataclass(frozen=True)
class Made:
    """A trial of something that keeps up with rates up to its capacity."""

    rate: float
    seconds: float
    is_bounded: bool


def proven(capacity: float, capacity_long: float | None = None) -> Prover[Made]:
    def trial(rate: float, seconds: float) -> Made:
        is_long = seconds == SEARCH.proof_s
        most = capacity_long if is_long and capacity_long is not None else capacity
        return Made(rate, seconds, rate <= most)

    return Prover(SEARCH, trial)


@given(st.floats(0.01, 1000))
def test_the_rate_that_is_found_is_kept_up_with_and_a_little_more_is_not(capacity: float) -> None:
    found = proven(capacity).highest()
    assert found is not None
    assert found.seconds == SEARCH.proof_s
    # The sixteenth root of two.
    assert found.rate <= capacity < found.rate * 1.045


def test_what_holds_for_a_short_time_alone_is_tried_lower() -> None:
    prover = proven(10.0, capacity_long=8.5)
    found = prover.highest()
    assert found is not None
    assert 7.2 < found.rate <= 8.5
    assert [trial.is_bounded for trial in prover.trials if trial.seconds == SEARCH.proof_s][-1]


def test_what_never_holds_long_enough_is_none() -> None:
    prover = proven(10.0, capacity_long=1.0)
    assert prover.highest() is None
    assert sum(trial.seconds == SEARCH.proof_s for trial in prover.trials) == SEARCH.proofs


def test_what_keeps_up_with_no_rate_is_not_proven() -> None:
    prover = proven(0.0)
    assert prover.highest() is None
    assert len(prover.trials) == 1 + SEARCH.doublings


def test_what_keeps_up_with_every_rate_is_proven_at_the_highest() -> None:
    found = proven(1e9).highest()
    assert found is not None
    assert found.rate == SEARCH.first * 2**SEARCH.doublings


def test_a_fills_lag_ends_with_the_last_users_order_for_it() -> None:
    assert lags_ms([0, 100 * MS], [[5 * MS, 109 * MS], [8 * MS, 104 * MS]]) == [8.0, 9.0]


def test_a_user_without_an_order_for_each_fill_is_no_measurement() -> None:
    with pytest.raises(AssertionError, match="not an order for each fill"):
        lags_ms([0, 100 * MS], [[5 * MS]])


@pytest.mark.parametrize(
    ("every_s", "lags", "is_bounded"),
    [
        (0.1, [100.0] * 40, True),
        # One that is late is no backlog.
        (0.1, [100.0] * 39 + [5000.0], True),
        (0.1, [50.0 * number for number in range(40)], False),
        # Users keep up with what comes, and less comes than should.
        (0.2, [100.0] * 40, False),
    ],
)
def test_a_trial_is_bounded_when_users_and_person_keep_up(
    every_s: float, lags: list[float], is_bounded: bool
) -> None:
    emitted_ns = [int(number * every_s * S) for number in range(40)]
    assert Trial.of(10.0, 4.0, emitted_ns, lags).is_bounded is is_bounded
