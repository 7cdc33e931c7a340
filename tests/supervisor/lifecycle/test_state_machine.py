"""What is wanted, what is seen, what follows: each transition by itself, and then any order of things that
can happen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExitCode
from krakencopy.supervisor.lifecycle.state_machine import (
    ALIVE,
    Effect,
    Ended,
    Life,
    Limits,
    Observed,
    State,
    excuse,
    forgive,
    step,
)

LIMITS = Limits()
NOW = 1_800_000_000.0
CRASH = Ended(1, None, "KeyError: 'XBT'")
#: Dice at both ends of what random() gives, and in between.
DICE = st.floats(0, 1, exclude_max=True)

WITH_NEXT = {
    State.STOPPED: {State.WAITING},
    State.WAITING: {State.STOPPED, State.STARTING},
    State.STARTING: {
        State.RUNNING,
        State.DEGRADED,
        State.STOPPING,
        State.STOPPED,
        State.BACKOFF,
        State.FAILED,
    },
    State.RUNNING: {State.DEGRADED, State.STOPPING, State.STOPPED, State.BACKOFF, State.FAILED},
    State.DEGRADED: {State.RUNNING, State.STOPPING, State.STOPPED, State.BACKOFF, State.FAILED},
    State.STOPPING: {State.STOPPED, State.WAITING, State.FAILED},
    State.BACKOFF: {State.WAITING, State.STOPPED},
    State.FAILED: {State.WAITING, State.STOPPED},
}


def seen(**what: Any) -> Observed:
    return Observed(**{"wanted": True, "gate_open": True, **what})


def after(life: Life, dice: float = 0.5, now: float = NOW, **what: Any) -> tuple[Life, tuple[Effect, ...]]:
    return step(life, seen(**what), now, LIMITS, dice)


def life_in(state: State, **more: Any) -> Life:
    deadline = NOW + 5 if state in {State.STARTING, State.STOPPING, State.BACKOFF} else 0.0
    return Life(**{"account_id": "anna", "state": state, "since": NOW - 100, "deadline": deadline, **more})


RUNNING = life_in(State.RUNNING, serving_since=NOW - 10)
STARTING = life_in(State.STARTING)
OVERDUE = life_in(State.STARTING, deadline=NOW)
STOPPING = life_in(State.STOPPING)
SILENT = life_in(State.DEGRADED, silent_since=NOW - LIMITS.silence, deadline=NOW)


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


def test_an_operator_who_starts_again_who_must_not_trade_while_it_stops_has_looked() -> None:
    life, _ = after(RUNNING, condemned=CONDEMNED)
    assert after(life, ended=Ended(0, None))[0].state is State.WAITING


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
        "find out why (`krakencopy logs anna`), mend it, then `krakencopy start anna`"
    )


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


# -- anything in any order ---------------------------------------------------------------------------------


@dataclass
class Process:
    """A process as the supervisor can see it, and what it does when it is told to end."""

    linked: bool = False
    serving: bool = False
    polite: bool = True


class AccountsLife(RuleBasedStateMachine):
    """A world around ``step``: a process that does what it likes, operators, a gate, time."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(since=NOW)
        self.now = NOW
        self.dice = 0.5
        self.wanted = False
        self.gate = False
        self.master = True
        self.process: Process | None = None
        self.ended: Ended | None = None
        #: What the model itself remembers: ends by themselves since an operator last helped, and in a row.
        self.ends: list[float] = []
        self.in_a_row = 0
        self.serving_since: float | None = None
        self.silent_since: float | None = None
        self.may_fail = False

    # -- the shell ------------------------------------------------------------------------------------------

    def look(self, *, restart: bool = False, reset: bool = False) -> Observed:
        process = self.process
        return Observed(
            wanted=self.wanted, gate_open=self.gate, linked=process is not None and process.linked,
            serving=process is not None and process.serving, ended=self.ended, restart=restart, reset=reset,
            master_serving=self.master,
        )  # fmt: skip

    def pump(self, **asked: bool) -> bool:
        """Steps until nothing changes, as the supervisor does. Whether anything happened."""
        happened = False
        for _ in range(len(State)):
            before, sight = self.life, self.look(**asked)
            self.remember(sight)
            self.life, effects = step(before, sight, self.now, LIMITS, self.dice)
            self.judge(before, sight, effects)
            if self.life.state not in ALIVE:
                self.ended = None
            for effect in effects:
                self.carry_out(effect)
            happened = happened or bool(effects) or self.life.state is not before.state
            if self.life.state is before.state and self.ended is None:
                return happened
            asked = {}
        raise AssertionError(f"never comes to rest: {self.life}")

    def carry_out(self, effect: Effect) -> None:
        match effect:
            case Effect.SPAWN:
                assert self.process is None, "a second process"
                self.process = Process()
            case Effect.DRAIN | Effect.TERMINATE:
                assert self.process is not None
                if self.process.polite:
                    self.end(Ended(0, None))
            case Effect.KILL:
                assert self.process is not None
                self.end(Ended(None, 9))
            case Effect.COUNT_FAILURE:
                assert self.ends[-1] == self.now
            case Effect.REMIND:
                assert self.now >= self.life.since + LIMITS.remind

    def end(self, ended: Ended) -> None:
        self.process, self.ended = None, ended

    # -- the promises ---------------------------------------------------------------------------------------

    def remember(self, sight: Observed) -> None:
        """The model's own account of failures and health."""
        self.may_fail = False
        if sight.ended is not None:
            by_itself = sight.wanted and self.life.state is not State.STOPPING
            if by_itself and sight.ended.code not in FINAL_EXIT_CODES:
                self.ends.append(self.now)
                self.in_a_row += 1
            recent = [at for at in self.ends if self.now - at < LIMITS.restarts_window]
            too_often = len(recent) > LIMITS.restarts_max
            self.may_fail = by_itself and (too_often or sight.ended.code in FINAL_EXIT_CODES)
        if sight.serving:
            self.serving_since = self.now if self.serving_since is None else self.serving_since
            if self.now >= self.serving_since + LIMITS.healthy and self.life.state is not State.STOPPING:
                self.in_a_row = 0
        else:
            self.serving_since = None
        if sight.linked or self.life.state not in {State.RUNNING, State.DEGRADED}:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = self.now
        helped = self.life.state is State.STOPPED or (self.life.state is State.FAILED and sight.reset)
        if helped and sight.wanted:
            self.ends, self.in_a_row = [], 0

    def judge(self, before: Life, sight: Observed, effects: tuple[Effect, ...]) -> None:
        state = self.life.state
        assert state is before.state or state in WITH_NEXT[before.state]
        assert self.life.since == (self.now if state is not before.state else before.since)
        assert len(effects) <= 1
        if Effect.SPAWN in effects:
            assert sight.wanted
            assert sight.gate_open
        if Effect.DRAIN in effects:
            assert not sight.wanted or sight.restart
        if Effect.TERMINATE in effects:
            assert state is State.STOPPING
        if Effect.COUNT_FAILURE in effects:
            assert state in {State.BACKOFF, State.FAILED}
        if Effect.KILL in effects and state is not State.STOPPING:
            assert not sight.linked
            assert self.silent_since is None or self.now >= self.silent_since + LIMITS.silence
        if before.state in ALIVE and not sight.wanted:
            assert state in {State.STOPPING, State.STOPPED}
        assert (state is State.FAILED and before.state is not State.FAILED) == self.may_fail
        if state is State.BACKOFF and before.state is not State.BACKOFF:
            pause = self.life.deadline - self.now
            assert LIMITS.backoff_min - 1e-6 <= pause
            assert pause <= min(LIMITS.backoff_max, LIMITS.backoff_min * 2.0**self.in_a_row) + 1e-6

    @invariant()
    def a_process_exists_only_in_states_that_have_one(self) -> None:
        assert (self.process is not None) == (self.life.state in ALIVE)

    @invariant()
    def what_passes_has_a_deadline_that_is_still_to_come(self) -> None:
        if self.life.state in {State.STOPPED, State.RUNNING, State.FAILED}:
            assert not self.life.deadline
        else:
            assert self.life.deadline > self.now

    @invariant()
    def without_a_change_nothing_follows(self) -> None:
        assert step(self.life, self.look(), self.now, LIMITS, 0.0) == (self.life, ())

    # -- what can happen ------------------------------------------------------------------------------------

    @initialize()
    def begins(self) -> None:
        self.pump()

    @rule(dice=DICE)
    def the_dice_fall(self, dice: float) -> None:
        self.dice = dice

    @rule()
    def operator_starts(self) -> None:
        self.wanted = True
        self.pump(reset=True)
        assert self.life.state not in {State.FAILED, State.BACKOFF, State.STOPPED}

    @rule()
    def operator_stops(self) -> None:
        self.wanted = False
        self.pump()
        assert self.life.state in {State.STOPPING, State.STOPPED}

    @rule()
    def operator_restarts(self) -> None:
        alive = self.life.state in {State.STARTING, State.RUNNING, State.DEGRADED}
        self.pump(restart=True)
        if alive and self.wanted:
            assert self.life.state in {State.STOPPING, State.WAITING, State.STARTING}

    @rule(is_open=st.booleans())
    def gate_moves(self, is_open: bool) -> None:
        self.gate = is_open
        self.pump()
        if self.life.state is State.WAITING:
            assert not self.gate

    @rule(serving=st.booleans())
    def master_changes(self, serving: bool) -> None:
        self.master = serving
        self.pump()

    @precondition(lambda self: self.process is not None)
    @rule(linked=st.booleans(), serving=st.booleans())
    def process_changes(self, linked: bool, serving: bool) -> None:
        assert self.process is not None
        self.process.linked, self.process.serving = linked, linked and serving
        self.pump()

    @precondition(lambda self: self.process is not None)
    @rule(polite=st.booleans())
    def process_takes_a_resolution(self, polite: bool) -> None:
        assert self.process is not None
        self.process.polite = polite

    @precondition(lambda self: self.process is not None)
    @rule(
        ended=st.one_of(
            st.builds(Ended, st.integers(0, 255), st.none()),
            st.builds(Ended, st.sampled_from(sorted(FINAL_EXIT_CODES)), st.none()),
            st.builds(Ended, st.none(), st.integers(1, 64)),
        )
    )
    def process_ends(self, ended: Ended) -> None:
        self.end(ended)
        self.pump()
        assert self.life.state not in {State.RUNNING, State.DEGRADED}

    @precondition(lambda self: self.gate and self.wanted and self.life.state is State.BACKOFF)
    @rule()
    def is_started_again_and_crashes(self) -> None:
        self.now = self.life.deadline
        self.pump()
        assert self.life.state is State.STARTING
        self.end(CRASH)
        self.pump()

    @rule(seconds=st.floats(0.001, 400))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < self.life.deadline <= until:
            self.now = self.life.deadline
            assert self.pump(), "a deadline passed and nothing happened"
        self.now = until
        self.pump()

    @rule()
    def nobody_wants_it_any_more_and_it_does_not_care(self) -> None:
        """Whatever it does, it is gone within the two limits."""
        self.wanted = False
        if self.process is not None:
            self.process.polite = False
        until = self.now + LIMITS.drain + LIMITS.terminate
        self.pump()
        while self.life.state is not State.STOPPED:
            assert self.now < until
            self.now = self.life.deadline
            self.pump()


AccountsLife.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestAccountsLife = AccountsLife.TestCase


@given(
    state=st.sampled_from(State),
    what=st.fixed_dictionaries(
        {
            key: st.booleans()
            for key in ("wanted", "gate_open", "linked", "restart", "reset", "master_serving")
        }
    ),
    serving=st.booleans(),
    ahead=st.floats(-100, 100),
    dice=DICE,
)
def test_only_an_end_leads_to_backoff_or_failed(
    state: State, what: dict[str, bool], serving: bool, ahead: float, dice: float
) -> None:
    assume(state not in {State.BACKOFF, State.FAILED})
    life = life_in(state, deadline=NOW + ahead)
    assert after(life, dice, **what, serving=serving and what["linked"])[0].state not in {
        State.BACKOFF,
        State.FAILED,
    }


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
