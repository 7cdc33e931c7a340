"""When many fail at once nobody pays for it, one tries for all, and nobody who is broken for reasons of
its own is in the way.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.lifecycle.circuit_breaker import (
    ANSWERING_S,
    PAUSE_MAX_S,
    RELAPSE_S,
    WINDOW_S,
    CircuitBreaker,
    ProbeSeen,
    ended,
    hurry,
    look,
)

NOW = 1_800_000_000.0
USERS = tuple(f"u{number:02d}" for number in range(20))
STARTING = ProbeSeen(there=True, answering=False, serving=False)
ANSWERS = ProbeSeen(there=True, answering=True, serving=False)
SERVES = ProbeSeen(there=True, answering=True, serving=True)
GONE = ProbeSeen(there=False, answering=False, serving=False)


def after_ends(
    who: Sequence[str], *, wanted: int, every: float = 0.1, of: CircuitBreaker | None = None, at: float = NOW
) -> CircuitBreaker:
    breaker = of or CircuitBreaker()
    for number, account in enumerate(who):
        breaker = ended(breaker, account, at + number * every, wanted)
    return breaker


@pytest.mark.parametrize(
    ("ends", "wanted", "is_open"),
    [
        (2, 2, False),
        (3, 3, True),
        (3, 9, True),
        (3, 10, False),
        (6, 21, False),
        (7, 21, True),
        (20, 100, False),
    ],
)
def test_it_opens_for_at_least_three_accounts_that_are_a_third_of_all(
    ends: int, wanted: int, is_open: bool
) -> None:
    assert after_ends(USERS[:ends], wanted=wanted).open is is_open


def test_one_account_that_ends_again_and_again_is_one_account() -> None:
    assert not after_ends(["u00", "u01"] * 20, wanted=3).open


def test_ends_that_are_further_apart_than_the_window_are_not_at_once() -> None:
    assert not after_ends(USERS, wanted=3, every=WINDOW_S / 2).open
    assert after_ends(USERS, wanted=3, every=WINDOW_S / 2 - 0.01).open


def opened(failed: int = 0) -> CircuitBreaker:
    """Opened at NOW, with so many probes that have ended since."""
    breaker = after_ends(USERS[:3], wanted=3, every=0.0)
    for _ in range(failed):
        breaker = look(breaker, USERS, GONE, breaker.probe_at)
        breaker = ended(breaker, breaker.probe, breaker.probe_at, 3)
    return breaker


def test_while_it_is_open_nobody_is_admitted_until_the_pause_is_over_and_then_only_the_probe() -> None:
    breaker = opened()
    assert not any(breaker.gate(who).open for who in USERS)
    assert look(breaker, USERS, GONE, NOW + 4.9) == breaker
    probing = look(breaker, USERS, GONE, NOW + 5)
    assert [who for who in USERS if probing.gate(who).open] == ["u00"]


def test_the_pause_doubles_with_each_probe_that_ends_up_to_five_minutes() -> None:
    pauses = []
    breaker = opened()
    began = NOW
    for _ in range(9):
        pauses.append(breaker.probe_at - began)
        began = breaker.probe_at + 1
        breaker = look(breaker, USERS, GONE, began)
        breaker = ended(breaker, breaker.probe, began, 3)
    assert pauses == [5, 10 - 0, 20, 40, 80, 160, 300, 300, 300]


def test_everyone_has_a_turn_before_anyone_has_a_second() -> None:
    breaker, order = opened(), []
    for _ in range(6):
        breaker = look(breaker, ["master", "u01", "u02"], GONE, breaker.probe_at)
        order.append(breaker.probe)
        breaker = ended(breaker, breaker.probe, breaker.probe_at, 3)
    assert order == ["master", "u01", "u02", "master", "u01", "u02"]


def test_a_probe_that_serves_for_three_seconds_closes_it_and_everyone_may_start() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    breaker = look(breaker, USERS, SERVES, NOW + 6)
    breaker = look(breaker, USERS, SERVES, NOW + 8.9)
    assert breaker.open
    breaker = look(breaker, USERS, SERVES, NOW + 9)
    assert not breaker.open
    assert all(breaker.gate(who).open for who in USERS)
    assert breaker.message == ""


def test_service_counts_only_in_one_piece() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    for second in range(6, 20):
        breaker = look(breaker, USERS, SERVES if second % 3 else ANSWERS, NOW + second)
    assert breaker.open


def test_where_nobody_can_serve_a_probe_that_lives_and_answers_is_enough() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    breaker = look(breaker, USERS, ANSWERS, NOW + 6)
    assert look(breaker, USERS, ANSWERS, NOW + 6 + ANSWERING_S - 0.1).open
    assert not look(breaker, USERS, ANSWERS, NOW + 6 + ANSWERING_S).open


def test_a_probe_that_is_still_starting_keeps_its_turn() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    assert look(breaker, USERS, STARTING, NOW + 64).probe == breaker.probe


def test_a_probe_that_was_stopped_or_is_finally_failed_leaves_its_turn_to_the_next_at_once() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    breaker = look(breaker, USERS[1:], GONE, NOW + 6)
    breaker = look(breaker, USERS[1:], GONE, NOW + 6)
    assert (breaker.probe, breaker.failed) == ("u01", 0)


def test_other_ends_while_it_is_open_do_not_put_the_probe_off() -> None:
    breaker = look(opened(), USERS, GONE, NOW + 5)
    assert ended(breaker, "u07", NOW + 6, 3) == breaker


def test_with_nobody_to_try_it_waits_and_tries_as_soon_as_there_is_someone() -> None:
    breaker = look(opened(), [], GONE, NOW + 500)
    assert breaker.open
    assert look(breaker, ["u05"], GONE, NOW + 501).gate("u05").open


def test_an_operator_who_has_mended_it_need_not_wait_for_the_pause() -> None:
    breaker = opened(failed=6)
    assert breaker.probe_at - NOW > PAUSE_MAX_S
    assert look(hurry(breaker, NOW + 400), USERS, GONE, NOW + 400).probe
    assert hurry(CircuitBreaker(), NOW).gate("u00").open


@pytest.mark.parametrize(("later", "pause"), [(RELAPSE_S - 1, 20), (RELAPSE_S + 1, 5)])
def test_what_comes_back_at_once_is_the_same_trouble_and_goes_on_doubling(later: float, pause: float) -> None:
    breaker = opened(failed=1)
    start = breaker.probe_at
    breaker = look(breaker, USERS, GONE, start)
    breaker = look(breaker, USERS, SERVES, start + 1)
    breaker = look(breaker, USERS, SERVES, start + 4)
    assert not breaker.open
    at = start + 4 + later
    breaker = after_ends(USERS[:3], wanted=3, every=0.0, of=breaker, at=at)
    assert breaker.probe_at - at == pause


def test_it_says_what_happened_who_tries_next_and_what_an_operator_can_do() -> None:
    breaker = opened()
    gate = breaker.gate("u00")
    assert (gate.open, gate.reason) == (False, "MANY_FAILED")
    assert "3 of 3 accounts ended within 10 s" in gate.message
    assert "one is tried again at " in gate.message
    assert "`krakencopy start ID` tries at once" in gate.message
    assert "u00 is tried first" in look(breaker, USERS, GONE, NOW + 5).message


@given(st.lists(st.tuples(st.sampled_from(USERS[:5]), st.floats(0, 20)), max_size=40))
def test_it_opens_exactly_when_enough_accounts_ended_within_the_window(ends: list[tuple[str, float]]) -> None:
    breaker, now, history = CircuitBreaker(), NOW, list[tuple[str, float]]()
    for who, pause in ends:
        now += pause
        history.append((who, now))
        breaker = ended(breaker, who, now, 5)
        many = len({name for name, at in history if now - at < WINDOW_S})
        assert breaker.open == (many >= 3)
        if breaker.open:
            return
