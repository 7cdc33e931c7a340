"""A supervisor of one master and several users, in any order of things that can happen: what it promises
holds at every moment.

The model is a shell around the real decisions (tests/support/supervised_shell.py).
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExitCode
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle.state_machine import (
    ALIVE,
    Ended,
    State,
    excuse,
)
from tests.support.supervised_shell import SupervisedShell
from tests.support.supervised_world import (
    ABROAD,
    ENDS,
    EVERYONE,
    LIMITS,
    MASTER,
    RECOVERY_S,
    SEPARATION_S,
    USERS,
    WHO,
)


class SupervisorsWorld(SupervisedShell):
    @invariant()
    def there_is_at_most_one_live_process_of_each_account(self) -> None:
        assert all(len(account.processes) <= 1 for account in self.accounts.values())
        assert not any(spawn.others_alive for spawn in self.spawns)

    @invariant()
    def a_process_is_known_exactly_while_it_lives(self) -> None:
        for account in self.accounts.values():
            assert bool(account.processes) == (account.life.state in ALIVE)

    @invariant()
    def no_kraken_user_was_started_while_the_master_did_not_serve(self) -> None:
        for spawn in self.spawns:
            assert spawn.account not in USERS or (spawn.master_served and spawn.separated)

    @invariant()
    def what_an_operator_stopped_was_never_started(self) -> None:
        assert not any(spawn.stopped for spawn in self.spawns)

    @invariant()
    def what_an_operator_stopped_or_restarted_runs_no_longer_than_its_limits(self) -> None:
        for name, account in self.accounts.items():
            assert name not in self.stopped or account.life.state in {State.STOPPED, State.STOPPING}
            assert account.life.state is not State.STOPPING or self.now < account.gone_by

    @invariant()
    def no_process_lives_that_does_not_answer_in_time(self) -> None:
        """One that is asked to end has the limits of that instead."""
        for account in self.accounts.values():
            for process in account.processes:
                in_time = self.now - process.silent_since < LIMITS.start + 0.001
                assert process.linked or in_time or account.life.state is State.STOPPING

    @invariant()
    def nobody_is_blamed_for_what_happened_to_many(self) -> None:
        for account in self.accounts.values():
            assert set(account.life.failures) <= set(account.own_ends)

    @invariant()
    def nobody_was_restarted_more_often_than_allowed(self) -> None:
        assert all(spawn.recent_ends <= LIMITS.restarts_max for spawn in self.spawns)

    @invariant()
    def only_who_ended_too_often_by_itself_is_at_its_restart_limit(self) -> None:
        for account in self.accounts.values():
            if account.life.reason == "RESTART_LIMIT":
                last = account.own_ends[-1]
                recent = [at for at in account.own_ends if last - at < LIMITS.restarts_window]
                assert len(recent) > LIMITS.restarts_max

    @invariant()
    def a_final_end_is_failed_and_was_never_retried(self) -> None:
        assert not any(spawn.after_a_final_end for spawn in self.spawns)
        for account in self.accounts.values():
            assert not account.final or account.life.state is State.FAILED

    @invariant()
    def who_is_failed_says_why_and_how_it_goes_on(self) -> None:
        for name, account in self.accounts.items():
            if account.life.state is State.FAILED:
                assert account.life.reason
                assert f"`krakencopy start {name}`" in account.life.message

    @invariant()
    def every_passing_state_has_a_deadline_that_is_still_to_come(self) -> None:
        for account in self.accounts.values():
            if account.life.state in {State.STOPPED, State.RUNNING, State.FAILED}:
                assert not account.life.deadline
            else:
                assert account.life.deadline > self.now

    @invariant()
    def who_waits_says_what_for(self) -> None:
        for account in self.accounts.values():
            assert account.life.state is not State.WAITING or account.life.reason

    @invariant()
    def while_many_fail_only_the_probe_was_started(self) -> None:
        assert not any(spawn.held_back for spawn in self.spawns)
        self.spawns.clear()

    # -- what can happen ------------------------------------------------------------------------------------

    @initialize(master=st.sampled_from(["serving", "starting"]))
    def begins(self, master: str) -> None:
        self.pump()
        if master == "serving":
            self.process_serves(MASTER)
            self.pass_time(SEPARATION_S)
            for name in USERS:
                self.process_serves(name)

    @rule(dice=st.floats(0, 1, exclude_max=True))
    def the_dice_fall(self, dice: float) -> None:
        self.dice = dice

    @rule(name=WHO)
    def operator_starts(self, name: str) -> None:
        self.stopped.discard(name)
        account = self.accounts[name]
        self.breaker = breaker.hurry(self.breaker, self.now)
        account.reset = account.life.state in {State.FAILED, State.BACKOFF}
        if account.life.state in {State.STOPPED, State.FAILED}:
            account.own_ends, account.final = [], False
        self.pump()
        assert account.life.state not in {State.STOPPED, State.FAILED, State.BACKOFF}

    @rule(name=st.sampled_from(USERS))
    def operator_starts_a_user_in_the_moment_that_the_master_is_lost(self, name: str) -> None:
        self.process_serves(MASTER)
        self.operator_stops(name)
        self.pass_time(LIMITS.drain + LIMITS.terminate)
        master = self.accounts[MASTER].process
        if master is not None and master.linked:
            master.linked, master.silent_since = False, self.now
        self.operator_starts(name)

    @rule(name=WHO)
    def operator_stops(self, name: str) -> None:
        self.stopped.add(name)
        self.accounts[name].final = False
        self.expect_end(name)
        self.pump()

    @rule(name=WHO)
    def operator_restarts(self, name: str) -> None:
        if self.accounts[name].life.state not in ALIVE:
            self.operator_starts(name)
            return
        self.stopped.discard(name)
        self.accounts[name].restart = True
        self.expect_end(name)
        self.pump()

    def expect_end(self, name: str) -> None:
        """A second word does not make the time for it longer."""
        account = self.accounts[name]
        if account.life.state is not State.STOPPING:
            account.gone_by = self.now + LIMITS.drain + LIMITS.terminate + 0.001

    @rule(name=WHO)
    def process_serves(self, name: str) -> None:
        process = self.accounts[name].process
        if process is not None:
            process.linked = process.serving = True
        self.pump()

    @rule(name=WHO)
    def process_answers_and_does_not_serve(self, name: str) -> None:
        process = self.accounts[name].process
        if process is not None:
            process.linked, process.serving = True, False
        self.pump()

    @rule(name=WHO, polite=st.booleans())
    def process_hangs(self, name: str, polite: bool) -> None:
        process = self.accounts[name].process
        if process is not None:
            process.silent_since = self.now if process.linked else process.silent_since
            process.linked, process.polite = False, polite
        self.pump()

    @rule(name=WHO, ended=ENDS)
    def process_ends(self, name: str, ended: Ended) -> None:
        self.end(name, ended)
        self.pump()

    @rule(names=st.sets(WHO, min_size=3), ended=ENDS)
    def many_processes_end(self, names: set[str], ended: Ended) -> None:
        for name in sorted(names):
            self.end(name, ended)
        self.pump()

    @precondition(lambda self: any(account.life.state is State.BACKOFF for account in self.accounts.values()))
    @rule()
    def whoever_is_in_backoff_crashes_again(self) -> None:
        for name, account in self.accounts.items():
            if account.life.state is State.BACKOFF:
                self.pass_time(account.life.deadline - self.now)
                self.end(name, Ended(1, None))
                self.pump()
                return

    @rule(name=WHO)
    def one_at_its_limit_ends_together_with_many(self, name: str) -> None:
        account = self.accounts[name]
        for _ in range(LIMITS.restarts_max):
            self.end(name, Ended(1, None))
            self.pump()
            if account.life.state is State.BACKOFF:
                self.pass_time(account.life.deadline - self.now)
        for each in (name, *EVERYONE):
            self.end(each, Ended(1, None))
            self.pump()

    @rule()
    def all_end_and_an_operator_stops_who_is_tried_first(self) -> None:
        for name in EVERYONE:
            self.end(name, Ended(1, None))
        self.pump()
        self.pass_time(max(self.breaker.probe_at - self.now, 0.0))
        if self.breaker.probe:
            self.operator_stops(self.breaker.probe)

    @rule(name=WHO, stopped=st.booleans())
    def process_hangs_for_good(self, name: str, stopped: bool) -> None:
        self.process_hangs(name, polite=False)
        if stopped:
            self.operator_stops(name)
        self.pass_time(LIMITS.start + 1)

    @rule(seconds=st.floats(0.001, 400))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(seconds=st.floats(2, 4_000), silent=st.sets(WHO))
    def the_machine_stands_still(self, seconds: float, silent: set[str]) -> None:
        """Nobody looked, so nobody may be killed for it, not even who had just stopped answering."""
        for name in silent:
            self.process_hangs(name, polite=True)
        self.now += seconds
        killed = {name for name, account in self.accounts.items() if account.processes}
        for account in self.accounts.values():
            account.life = excuse(account.life, seconds)
            account.gone_by += seconds
            for process in account.processes:
                process.silent_since += seconds
        self.pump()
        assert killed <= {name for name, account in self.accounts.items() if account.processes}

    @rule()
    def the_supervisor_starts_again(self) -> None:
        """Its processes end with it: their lifeline is cut."""
        self.begin()
        self.pump()

    def teardown(self) -> None:
        """Without more faults everyone who is to run and has not FAILED runs in the end, by itself."""
        self.well = True
        self.pump()
        self.pass_time(RECOVERY_S)
        master = self.accounts[MASTER].life
        for name, account in self.accounts.items():
            if name in self.stopped:
                assert account.life.state is State.STOPPED
            elif account.life.state is State.FAILED:
                final = {ExitCode(code).name for code in FINAL_EXIT_CODES}
                assert account.life.reason in {"RESTART_LIMIT", *final}
            elif name in USERS and master.state is not State.RUNNING:
                assert account.life.reason in {"MASTER_NOT_READY", "MASTER_LOST"}
                assert MASTER in self.stopped or master.state is State.FAILED
            elif name == ABROAD and master.state is not State.RUNNING:
                assert account.life.reason == "MASTER_LOST"
            else:
                assert account.life.state is State.RUNNING, account.life


def test_who_is_restarted_just_before_its_start_would_have_been_given_up_has_the_time_of_a_restart() -> None:
    world = SupervisorsWorld()
    world.begins("starting")
    world.pass_time(LIMITS.start - 8)
    world.operator_restarts(MASTER)
    for seconds in (9, LIMITS.drain + LIMITS.terminate - 10):
        world.pass_time(seconds)
        assert world.accounts[MASTER].life.state is State.STOPPING
        world.no_process_lives_that_does_not_answer_in_time()
        world.what_an_operator_stopped_or_restarted_runs_no_longer_than_its_limits()
    world.pass_time(1.1)
    assert world.accounts[MASTER].life.state is State.STARTING
    assert world.accounts[MASTER].ended is None
    world.teardown()


SupervisorsWorld.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSupervisorsWorld = SupervisorsWorld.TestCase
