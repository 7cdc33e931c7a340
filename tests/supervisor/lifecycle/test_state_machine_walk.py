"""One account's process in any order of things that can happen."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, Effect, Ended, Life, Observed, State, step
from tests.support.lives import CRASH, DICE, LIMITS, NOW, after, life_in

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
