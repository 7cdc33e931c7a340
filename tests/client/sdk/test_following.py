"""How long a watch tries to go on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.client.sdk.following import Patience

LIMIT_S = 10.0


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
