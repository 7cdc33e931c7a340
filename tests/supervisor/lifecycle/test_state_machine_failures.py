"""Ends of processes: how often one may fail, how long it pauses, and what is held against it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExitCode
from krakencopy.supervisor.lifecycle.state_machine import Effect, Ended, Life, State, forgive
from tests.support.lives import CRASH, DICE, LIMITS, NOW, RUNNING, after, life_in


@pytest.mark.parametrize("code", [ExitCode.LOCK_HELD, ExitCode.CREDENTIALS, ExitCode.CONFIGURATION])
@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.DEGRADED])
def test_an_end_that_a_restart_cannot_mend_is_failed_at_once_and_says_what_the_process_said(
    state: State, code: ExitCode
) -> None:
    life, effects = after(life_in(state), ended=Ended(code, None, "EAPI:Invalid key"))
    assert (life.state, life.reason, effects) == (State.FAILED, code.name, ())
    assert "EAPI:Invalid key" in life.message
    assert life.message.endswith(": `krakencopy start anna`")
    assert not life.deadline


@given(st.integers(0, 255).filter(lambda code: code not in FINAL_EXIT_CODES))
def test_every_other_exit_code_is_worth_another_try(code: int) -> None:
    assert after(RUNNING, ended=Ended(code, None))[0].state is State.BACKOFF


def test_a_killed_processs_signal_is_not_taken_for_an_exit_code() -> None:
    assert after(RUNNING, ended=Ended(None, ExitCode.CONFIGURATION))[0].state is State.BACKOFF


def failing(times: int, every: float) -> Life:
    """After so many ends, with so many seconds between them."""
    life = life_in(State.RUNNING)
    for number in range(times):
        now = NOW + number * every
        life, effects = after(replace(life, state=State.RUNNING), now=now, ended=CRASH)
        assert effects == (Effect.COUNT_FAILURE,)
    return life


def test_more_ends_than_allowed_within_the_window_are_failed_and_say_what_to_do() -> None:
    assert failing(LIMITS.restarts_max, 1.0).state is State.BACKOFF
    life = failing(LIMITS.restarts_max + 1, 1.0)
    assert (life.state, life.reason) == (State.FAILED, "RESTART_LIMIT")
    assert "ended 6 times in 300 s" in life.message
    assert "KeyError: 'XBT'" in life.message
    assert life.message.endswith(
        "find out why (`krakencopy logs anna`), correct it, then `krakencopy start anna`"
    )


def test_ends_for_want_of_room_on_the_disk_are_held_against_nobody_however_many() -> None:
    life = life_in(State.RUNNING)
    for _ in range(3 * LIMITS.restarts_max):
        words = "DISK_NOT_WRITABLE: anna.db: no room on /"
        life, effects = after(replace(life, state=State.RUNNING), ended=Ended(ExitCode.NO_ROOM, None, words))
        assert (effects, life.state, life.reason) == ((), State.BACKOFF, "DISK_NOT_WRITABLE")
        assert life.message == f"{words}; it is started again by itself"
    assert (life.failures, life.attempt) == ((), 0)


def test_ends_that_are_further_apart_than_the_window_never_fail_it() -> None:
    assert failing(50, LIMITS.restarts_window / LIMITS.restarts_max).state is State.BACKOFF


@pytest.mark.parametrize("way", ["reset", "stop and start"])
def test_an_operator_gives_it_as_many_tries_as_a_new_one_has(way: str) -> None:
    life = failing(LIMITS.restarts_max + 1, 1.0)
    now = NOW + 10
    if way == "reset":
        life, _ = after(life, now=now, reset=True)
    else:
        life, _ = after(life, now=now, wanted=False)
        assert life.state is State.STOPPED
        life, _ = after(life, now=now)
    assert (life.state, life.failures, life.attempt) == (State.WAITING, (), 0)


@given(st.integers(0, 5_000), DICE)
def test_backoff_has_full_jitter_between_its_bounds_however_often_it_failed(
    attempt: int, dice: float
) -> None:
    life, _ = after(life_in(State.RUNNING, attempt=attempt), dice=dice, ended=CRASH)
    longest = 60.0 if attempt >= 6 else 0.5 * 2 ** (attempt + 1)
    assert 0.5 <= life.deadline - NOW <= longest
    assert life.deadline - NOW == pytest.approx(0.5 + dice * (longest - 0.5), abs=1e-5)


def test_accounts_that_failed_together_come_back_all_over_the_pause() -> None:
    pauses = [
        after(life_in(State.RUNNING, attempt=9), dice=n / 10, ended=CRASH)[0].deadline - NOW
        for n in range(10)
    ]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[-1] > 50


def test_a_healthy_minute_starts_the_backoff_from_the_beginning() -> None:
    life = life_in(State.RUNNING, attempt=4, serving_since=NOW)
    almost, _ = after(life, now=NOW + LIMITS.healthy - 0.001, linked=True, serving=True)
    whole, _ = after(life, now=NOW + LIMITS.healthy, linked=True, serving=True)
    assert (almost.attempt, whole.attempt) == (4, 0)


def test_health_is_counted_anew_after_every_interruption() -> None:
    life = life_in(State.RUNNING, attempt=4, serving_since=NOW - 59)
    life, _ = after(life, linked=True)
    life, _ = after(life, now=NOW + 2, linked=True, serving=True)
    assert life.attempt == 4


def test_an_end_among_many_is_not_held_against_it_and_does_not_lengthen_its_backoff() -> None:
    life = life_in(State.RUNNING)
    for number in range(50):
        life, _ = after(replace(life, state=State.RUNNING), now=NOW + number, ended=CRASH, many_failed=True)
        assert life.state is State.BACKOFF
        assert life.deadline <= NOW + number + LIMITS.backoff_min
    assert (life.failures, life.attempt) == ((), 0)


@pytest.mark.parametrize("code", sorted(FINAL_EXIT_CODES))
def test_a_final_end_among_many_is_final_all_the_same(code: int) -> None:
    assert after(RUNNING, ended=Ended(code, None), many_failed=True)[0].state is State.FAILED


def test_what_turns_out_to_be_nobodys_fault_is_forgiven_and_only_that() -> None:
    life = failing(LIMITS.restarts_max + 1, 10.0)
    assert life.state is State.FAILED
    since = NOW + 10.0 * LIMITS.restarts_max
    assert forgive(life, since + 0.001, NOW + 60, LIMITS) == life
    forgiven = forgive(life, since, NOW + 60, LIMITS)
    assert (forgiven.state, len(forgiven.failures), forgiven.attempt) == (State.BACKOFF, 5, 5)
    assert forgiven.deadline > NOW + 60
    once_more, _ = after(replace(forgiven, state=State.RUNNING), now=NOW + 70, ended=CRASH)
    assert once_more.reason == "RESTART_LIMIT"


def test_a_final_failure_is_not_forgiven_with_the_others() -> None:
    life, _ = after(failing(3, 1.0), now=NOW + 5)
    life, _ = after(replace(life, state=State.RUNNING), now=NOW + 6, ended=Ended(78, None))
    assert forgive(life, NOW, NOW + 7, LIMITS).state is State.FAILED
