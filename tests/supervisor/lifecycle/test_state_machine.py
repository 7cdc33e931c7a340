"""What is wanted, what is seen, what follows: each transition by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.supervisor.lifecycle.state_machine import Effect, Ended, Life, Limits, State, excuse, step
from tests.support.lives import (
    CRASH,
    LIMITS,
    NOW,
    OVERDUE,
    RUNNING,
    SILENT,
    STARTING,
    STOPPING,
    after,
    life_in,
    seen,
)


@pytest.mark.parametrize(
    ("life", "what", "state", "effects"),
    [
        pytest.param(life_in(State.STOPPED), {"wanted": False}, "STOPPED", [], id="stays stopped"),
        pytest.param(life_in(State.STOPPED), {}, "WAITING", [], id="wanted: waits first"),
        pytest.param(life_in(State.WAITING), {"gate_open": False}, "WAITING", [], id="gate closed: waits"),
        pytest.param(life_in(State.WAITING), {"wanted": False}, "STOPPED", [], id="not wanted while waiting"),
        pytest.param(life_in(State.WAITING), {}, "STARTING", ["SPAWN"], id="gate open: is spawned"),
        pytest.param(STARTING, {}, "STARTING", [], id="has time to start"),
        pytest.param(STARTING, {"linked": True}, "STARTING", [], id="linked and not serving yet"),
        pytest.param(STARTING, {"linked": True, "serving": True}, "RUNNING", [], id="serving: runs"),
        pytest.param(OVERDUE, {}, "STARTING", ["KILL"], id="no answer in time: killed"),
        pytest.param(OVERDUE, {"linked": True}, "DEGRADED", [], id="an answer in time, not serving: lives"),
        pytest.param(STARTING, {"wanted": False}, "STOPPING", ["DRAIN"], id="not wanted while starting"),
        pytest.param(STARTING, {"ended": CRASH}, "BACKOFF", ["COUNT_FAILURE"], id="ended while starting"),
        pytest.param(RUNNING, {"linked": True, "serving": True}, "RUNNING", [], id="runs on"),
        pytest.param(
            RUNNING,
            {"linked": True, "serving": True, "gate_open": False},
            "RUNNING",
            [],
            id="the gate closes behind it",
        ),
        pytest.param(
            RUNNING,
            {"linked": True, "serving": True, "master_serving": False},
            "DEGRADED",
            [],
            id="master lost",
        ),
        pytest.param(RUNNING, {"linked": True}, "DEGRADED", [], id="answers that it does not serve"),
        pytest.param(RUNNING, {}, "DEGRADED", [], id="does not answer"),
        pytest.param(
            RUNNING,
            {"linked": True, "serving": True, "restart": True},
            "STOPPING",
            ["DRAIN"],
            id="to be restarted",
        ),
        pytest.param(
            RUNNING,
            {"linked": True, "serving": True, "wanted": False},
            "STOPPING",
            ["DRAIN"],
            id="not wanted any more",
        ),
        pytest.param(RUNNING, {"ended": CRASH}, "BACKOFF", ["COUNT_FAILURE"], id="crashed"),
        pytest.param(
            RUNNING, {"ended": Ended(0, None)}, "BACKOFF", ["COUNT_FAILURE"], id="ended by itself with 0"
        ),
        pytest.param(
            RUNNING, {"ended": Ended(None, 9)}, "BACKOFF", ["COUNT_FAILURE"], id="killed by someone"
        ),
        pytest.param(RUNNING, {"ended": Ended(78, None)}, "FAILED", [], id="ended for good: no failure"),
        pytest.param(
            RUNNING,
            {"ended": CRASH, "wanted": False},
            "STOPPED",
            [],
            id="ended as it was about to be stopped",
        ),
        pytest.param(SILENT, {}, "DEGRADED", ["KILL"], id="silent for too long: killed"),
        pytest.param(SILENT, {"linked": True}, "DEGRADED", [], id="answers again at the last moment"),
        pytest.param(
            SILENT, {"linked": True, "serving": True}, "RUNNING", [], id="serves again at the last moment"
        ),
        pytest.param(STOPPING, {"wanted": False}, "STOPPING", [], id="has time to drain"),
        pytest.param(
            replace(STOPPING, deadline=NOW),
            {"wanted": False},
            "STOPPING",
            ["TERMINATE"],
            id="did not drain in time",
        ),
        pytest.param(
            replace(STOPPING, deadline=NOW, terminated=True),
            {"wanted": False},
            "STOPPING",
            ["KILL"],
            id="ignored SIGTERM",
        ),
        pytest.param(
            STOPPING, {"wanted": False, "ended": Ended(0, None)}, "STOPPED", [], id="gone as wanted"
        ),
        pytest.param(
            STOPPING, {"ended": Ended(0, None)}, "WAITING", [], id="gone, and wanted again: no failure"
        ),
        pytest.param(life_in(State.BACKOFF), {}, "BACKOFF", [], id="not yet again"),
        pytest.param(life_in(State.BACKOFF), {"reset": True}, "WAITING", [], id="an operator does not wait"),
        pytest.param(
            life_in(State.BACKOFF, deadline=NOW), {"gate_open": False}, "WAITING", [], id="backoff over"
        ),
        pytest.param(
            life_in(State.BACKOFF), {"wanted": False}, "STOPPED", [], id="not wanted during a backoff"
        ),
        pytest.param(life_in(State.FAILED), {}, "FAILED", [], id="stays failed"),
        pytest.param(life_in(State.FAILED), {"restart": True}, "FAILED", [], id="no process to restart"),
        pytest.param(life_in(State.FAILED), {"reset": True}, "WAITING", [], id="another try"),
        pytest.param(life_in(State.FAILED), {"wanted": False}, "STOPPED", [], id="failed and not wanted"),
    ],
)
def test_a_step(life: Life, what: dict[str, Any], state: str, effects: list[str]) -> None:
    next_life, then = after(life, **what)
    assert (next_life.state, list(then)) == (state, effects)


def test_waiting_says_what_it_waits_for_and_keeps_since_when() -> None:
    life, _ = after(
        life_in(State.WAITING), gate_open=False, gate_reason="MASTER_NOT_READY", gate_message="blocked"
    )
    assert (life.reason, life.message, life.since) == ("MASTER_NOT_READY", "blocked", NOW - 100)


def test_a_new_state_begins_now_and_leaves_the_old_reason_behind() -> None:
    life, _ = after(life_in(State.DEGRADED, reason="FEED_DOWN", message="-"), linked=True, serving=True)
    assert (life.since, life.reason, life.message) == (NOW, "", "")


def test_degraded_says_what_the_process_says() -> None:
    life, _ = after(RUNNING, linked=True, reason="FEED_DOWN", message="no heartbeat for 5 s")
    assert (life.reason, life.message) == ("FEED_DOWN", "no heartbeat for 5 s")
    assert after(RUNNING, linked=True)[0].reason == "NOT_SERVING"


def test_a_master_that_is_lost_is_the_reason_and_no_fault_of_the_user() -> None:
    life, _ = after(RUNNING, linked=True, serving=True, master_serving=False)
    assert life.reason == "MASTER_LOST"
    assert after(life, linked=True, serving=True)[0].state is State.RUNNING


def test_silence_is_counted_from_its_first_moment() -> None:
    life, _ = after(RUNNING)
    assert (life.reason, life.deadline) == ("NO_ANSWER", NOW + LIMITS.silence)
    later, effects = after(life, now=NOW + LIMITS.silence - 1)
    assert (later.deadline, effects) == (life.deadline, ())
    assert after(later, now=NOW + LIMITS.silence)[1] == (Effect.KILL,)


@pytest.mark.parametrize("serving", [False, True])
def test_an_answer_ends_the_silence(serving: bool) -> None:
    life, _ = after(RUNNING)
    life, _ = after(life, now=NOW + 9, linked=True, serving=serving)
    life, effects = after(life, now=NOW + 11)
    assert (life.deadline, effects) == (NOW + 11 + LIMITS.silence, ())


def test_a_new_process_has_to_earn_its_fresh_start_itself() -> None:
    life, _ = after(life_in(State.WAITING, attempt=3, serving_since=NOW - 1_000))
    life, _ = after(life, now=NOW + 1, linked=True, serving=True)
    assert (life.state, life.attempt) == (State.RUNNING, 3)


@pytest.mark.parametrize(
    ("life", "why"), [(OVERDUE, "no answer within 60 s"), (SILENT, "did not answer for 10 s")]
)
def test_a_process_that_was_killed_for_its_silence_says_so_until_and_after_its_end(
    life: Life, why: str
) -> None:
    killed, _ = after(life)
    assert why in killed.message
    assert after(killed, now=NOW + 1, reason="CONNECTING", message="connecting") == (killed, ())
    over, _ = after(killed, now=NOW + 2, ended=Ended(None, 9))
    assert over.state is State.BACKOFF
    assert why in over.message
    assert "signal 9" in over.message


def test_an_end_says_when_it_is_started_again_or_what_comes_before_that() -> None:
    over, _ = after(RUNNING, ended=Ended(None, 9))
    assert over.message == f"signal 9; starting again in {over.deadline - NOW:.1f} s"
    over, _ = after(RUNNING, ended=Ended(82, None, "NEWER_LEDGER: schema 99"))
    words = "schema 99; once that version is installed: `krakencopy start anna`"
    assert (over.reason, over.message) == ("NEWER_LEDGER", words)
    silent, _ = after(RUNNING)
    assert silent.message.endswith(f"after {LIMITS.silence:g} s it is killed, and another one starts")


@pytest.mark.parametrize("life", [OVERDUE, SILENT])
def test_a_process_that_outlives_its_kill_is_killed_again(life: Life) -> None:
    killed, _ = after(life)
    assert killed.deadline > NOW
    assert after(killed, now=killed.deadline)[1] == (Effect.KILL,)


def test_a_process_that_ignores_everything_is_killed_within_drain_and_terminate() -> None:
    life, first = after(RUNNING, wanted=False, linked=True, serving=True)
    life, second = after(life, now=NOW + LIMITS.drain, wanted=False)
    life, third = after(life, now=NOW + LIMITS.drain + LIMITS.terminate, wanted=False)
    assert (first, second, third) == ((Effect.DRAIN,), (Effect.TERMINATE,), (Effect.KILL,))
    assert "SIGKILL" in life.message


def test_a_second_stop_begins_with_a_drain_and_patience_again() -> None:
    life, _ = after(life_in(State.RUNNING, terminated=True), restart=True, linked=True, serving=True)
    assert not life.terminated


def test_what_an_operator_wants_while_it_stops_decides_where_it_ends() -> None:
    unwanted, _ = after(RUNNING, wanted=False)
    assert after(unwanted, ended=Ended(0, None))[0].state is State.WAITING
    restarting, _ = after(RUNNING, restart=True)
    assert after(restarting, ended=Ended(0, None), wanted=False)[0].state is State.STOPPED


CONDEMNED = ("SAME_ACCOUNT", "the keys of anna and master open one account")


def test_who_must_not_trade_finishes_what_is_in_flight_and_is_failed_until_an_operator_starts_it() -> None:
    life, effects = after(RUNNING, linked=True, serving=True, condemned=CONDEMNED)
    assert (life.state, life.reason, effects) == (State.STOPPING, "SAME_ACCOUNT", (Effect.DRAIN,))
    life, _ = after(life, ended=Ended(0, None), condemned=CONDEMNED)
    assert (life.state, life.reason, life.failures) == (State.FAILED, "SAME_ACCOUNT", ())
    assert life.message == f"{CONDEMNED[1]}; then: `krakencopy start anna`"
    assert after(life, condemned=CONDEMNED)[0].state is State.FAILED
    assert after(life, reset=True)[0].state is State.WAITING


def test_who_must_not_trade_and_ends_by_itself_is_not_started_again() -> None:
    assert after(RUNNING, ended=CRASH, condemned=CONDEMNED)[0].state is State.FAILED


def test_a_reason_is_said_once() -> None:
    words = "KEY_USED_ELSEWHERE: Balance: Kraken refuses larger nonces"
    life, _ = after(RUNNING, ended=Ended(ExitCode.KEY_USED_ELSEWHERE, None, words))
    assert life.message.startswith("Balance: Kraken refuses larger nonces; once the other program is stopped")


def test_an_operator_who_starts_again_who_must_not_trade_while_it_stops_has_looked() -> None:
    life, _ = after(RUNNING, condemned=CONDEMNED)
    assert after(life, ended=Ended(0, None))[0].state is State.WAITING


@pytest.mark.parametrize(
    ("life", "what"),
    [
        pytest.param(
            life_in(State.STOPPED), {"gate_open": False, "gate_reason": "MASTER_NOT_READY"}, id="WAITING"
        ),
        pytest.param(RUNNING, {"linked": True, "reason": "FEED_DOWN"}, id="DEGRADED"),
        pytest.param(RUNNING, {"linked": True, "serving": True, "master_serving": False}, id="MASTER_LOST"),
    ],
)
def test_what_force_cannot_end_is_told_again_after_a_minute_and_then_ever_more_seldom(
    life: Life, what: dict[str, Any]
) -> None:
    life, effects = after(life, **what)
    assert effects == ()
    told: list[float] = []
    for _ in range(9):
        now = life.deadline
        assert after(life, now=now - 0.001, **what)[1] == ()
        life, effects = after(life, now=now, **what)
        assert effects == (Effect.REMIND,)
        told.append(now - NOW - sum(told))
    assert told == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert life.since == NOW


def test_a_moment_of_silence_or_another_reason_does_not_put_the_reminder_off() -> None:
    life, _ = after(RUNNING, linked=True, reason="FEED_DOWN")
    life, _ = after(life, now=NOW + 55)
    assert life.reason == "NO_ANSWER"
    life, effects = after(life, now=NOW + 61, linked=True, reason="CATCHING_UP")
    assert effects == (Effect.REMIND,)


def test_a_new_wait_begins_its_reminders_anew() -> None:
    life, _ = after(life_in(State.WAITING, reminders=5, remind_at=NOW + 1000), linked=True)
    life, _ = after(life, now=NOW + 1, linked=True, serving=True)
    life, _ = after(life, now=NOW + 2, linked=True)
    assert (life.reminders, life.deadline) == (0, NOW + 2 + LIMITS.remind)


@given(st.floats(-4_000, 4_000))
def test_nobody_is_held_to_time_that_nobody_watched(late: float) -> None:
    silent, _ = after(RUNNING)
    starting = STARTING
    for life in (silent, starting):
        later = excuse(life, late)
        assert after(later, now=later.deadline - 0.001)[1] == ()
        assert after(later, now=later.deadline + 0.001)[1] == (Effect.KILL,)
        assert later.deadline == pytest.approx(life.deadline + late)
    assert excuse(life_in(State.RUNNING), late) == life_in(State.RUNNING)


def test_in_a_hurry_what_is_stopping_already_has_a_second_until_sigterm_and_one_more_until_sigkill() -> None:
    def stopped_at(life: Life, now: float, limits: Limits) -> tuple[Life, tuple[Effect, ...]]:
        return step(life, seen(wanted=False), now, limits, 0.5)

    hurried = LIMITS.hurried()
    life, effects = stopped_at(life_in(State.STOPPING, deadline=NOW + LIMITS.drain), NOW, hurried)
    assert (effects, life.deadline) == ((), NOW + 1)
    life, effects = stopped_at(life, NOW + 1, hurried)
    assert (effects, life.deadline) == ((Effect.TERMINATE,), NOW + 2)
    life, effects = stopped_at(life, NOW + 2, hurried)
    assert effects == (Effect.KILL,)
    # One that had its SIGTERM before the hurry, too.
    late = life_in(State.STOPPING, deadline=NOW + LIMITS.terminate, terminated=True)
    life, _ = stopped_at(late, NOW, hurried)
    assert stopped_at(life, NOW + 1, hurried)[1] == (Effect.KILL,)
    # Without a hurry the limits stay as they were.
    assert stopped_at(late, NOW + 1, LIMITS) == (late, ())


LACKING = ("INVALID_KEY", "the exchange does not take the key")


def test_a_process_that_serves_and_lacks_something_is_degraded_by_that_and_never_ended() -> None:
    life = life_in(State.RUNNING)
    seen: dict[str, Any] = {"linked": True, "serving": True, "lacking": LACKING}
    for hours in range(5):
        life, effects = after(life, NOW + 3_600 * hours, **seen)
        assert (life.state, life.reason, life.message) == (State.DEGRADED, *LACKING)
        assert set(effects) <= {Effect.REMIND}
    life, _ = after(life, linked=True, serving=True)
    assert (life.state, life.reason) == (State.RUNNING, "")


def test_what_it_lacks_itself_is_told_before_its_master() -> None:
    life, _ = after(RUNNING, linked=True, serving=True, lacking=LACKING, master_serving=False)
    assert life.reason == "INVALID_KEY"
