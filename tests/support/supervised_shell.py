"""A shell around the real decisions about accounts' lives (lifecycle/state_machine.py,
lifecycle/start_order.py, lifecycle/circuit_breaker.py), for a state machine of tests. What it remembers to
judge them by is its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis.stateful import RuleBasedStateMachine

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES
from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle.start_order import Gate, MasterSeen, gate, narrower
from krakencopy.supervisor.lifecycle.state_machine import (
    ALIVE,
    Effect,
    Ended,
    Life,
    Observed,
    State,
    forgive,
    step,
)
from tests.support.supervised_world import (
    ABROAD,
    EVERYONE,
    LIMITS,
    MASTER,
    NOW,
    SEPARATION_S,
    Account,
    Process,
    Spawn,
)


class SupervisedShell(RuleBasedStateMachine):
    """What supervisor.py and accounts/ do with the real decisions, without sockets, processes or clocks."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.dice = 0.5
        #: Kept on disk.
        self.stopped: set[str] = set()
        self.spawns: list[Spawn] = []
        self.well = False
        self.begin()

    def begin(self) -> None:
        """A supervisor starts; of an earlier one nothing is left but what an operator stopped."""
        self.accounts = {name: Account(Life(account_id=name, since=self.now)) for name in EVERYONE}
        self.breaker = breaker.CircuitBreaker()
        self.master_was_serving = self.master_has_served = False
        self.users_from = 0.0

    # -- the shell: what supervisor.py and accounts/ do -----------------------------------------------------

    def order(self, name: str) -> Gate:
        master = self.accounts[MASTER]
        seen = MasterSeen(
            id=MASTER,
            broker="kraken",
            has_served=self.master_has_served,
            life=master.life,
            wanted=MASTER not in self.stopped,
            serving=master.serving,
            users_from=self.users_from,
            separation_s=SEPARATION_S,
        )
        role = Role.MASTER if name == MASTER else Role.USER
        return gate(role, "other" if name == ABROAD else "kraken", [seen], self.now)

    def look(self, name: str) -> Observed:
        account = self.accounts[name]
        found = narrower(self.order(name), self.breaker.gate(name))
        return Observed(
            wanted=name not in self.stopped,
            gate_open=found.open,
            gate_reason=found.reason,
            gate_message=found.message,
            linked=account.linked,
            serving=account.serving,
            ended=account.ended,
            restart=account.restart,
            reset=account.reset,
            master_serving=name == MASTER or self.accounts[MASTER].serving,
            many_failed=self.breaker.open,
        )

    def pump(self) -> None:
        """Until nothing changes any more."""
        for _ in range(100):
            before = [account.life for account in self.accounts.values()], self.breaker
            self.watch_breaker()
            # Users first: what a user sees of its master must not depend on who is looked at first.
            for name in reversed(EVERYONE):
                self.watch_master()
                while self.step(name):
                    pass
            if self.well:
                self.heal()
            if before == ([account.life for account in self.accounts.values()], self.breaker):
                return
        raise AssertionError("never comes to rest")

    def step(self, name: str) -> bool:
        """Whether the state changed."""
        account, seen = self.accounts[name], self.look(name)
        if seen.ended is not None and seen.ended.code in FINAL_EXIT_CODES:
            account.final = seen.wanted and account.life.state is not State.STOPPING
        before = account.life
        account.life, effects = step(before, seen, self.now, LIMITS, self.dice)
        if account.life.state is not before.state:
            account.reset = False
            account.restart = account.restart and account.life.state in ALIVE - {State.STOPPING}
        if account.life.state not in ALIVE:
            account.ended = None
        for effect in effects:
            self.carry_out(name, effect)
        return account.life.state is not before.state

    def count_failure(self, name: str) -> None:
        was_open = self.breaker.open
        wanted = len(EVERYONE) - len(self.stopped)
        self.breaker = breaker.ended(self.breaker, name, self.now, wanted)
        if not self.breaker.open:
            self.accounts[name].own_ends.append(self.now)
        elif not was_open:
            for account in self.accounts.values():
                account.life = forgive(account.life, self.now - breaker.WINDOW_S, self.now, LIMITS)
                account.own_ends = [at for at in account.own_ends if at < self.now - breaker.WINDOW_S]

    def watch_master(self) -> None:
        serving = self.accounts[MASTER].serving and self.accounts[MASTER].life.state in ALIVE
        if serving and not self.master_was_serving:
            self.users_from = self.now + SEPARATION_S
        self.master_was_serving = serving
        self.master_has_served = self.master_has_served or serving

    def watch_breaker(self) -> None:
        if not self.breaker.open:
            return
        waiting = [
            name
            for name, account in self.accounts.items()
            if account.life.state is State.WAITING and name not in self.stopped and self.order(name).open
        ]
        probe = self.accounts.get(self.breaker.probe)
        seen = breaker.ProbeSeen(
            there=probe is not None
            and (self.breaker.probe in waiting or probe.life.state in ALIVE - {State.STOPPING}),
            answering=probe is not None and probe.linked,
            serving=probe is not None and probe.serving,
        )
        self.breaker = breaker.look(self.breaker, waiting, seen, self.now)

    def carry_out(self, name: str, effect: Effect) -> None:
        account = self.accounts[name]
        match effect:
            case Effect.SPAWN:
                self.note_spawn(name)
                account.processes.append(Process(silent_since=self.now))
            case Effect.DRAIN | Effect.TERMINATE:
                if account.process is not None and account.process.polite and account.process.linked:
                    self.end(name, Ended(0, None))
            case Effect.KILL:
                self.end(name, Ended(None, 9))
            case Effect.COUNT_FAILURE:
                self.count_failure(name)
            case Effect.REMIND:
                assert account.life.state in {State.WAITING, State.DEGRADED}

    def end(self, name: str, ended: Ended) -> None:
        if self.accounts[name].processes:
            self.accounts[name].processes.pop()
            self.accounts[name].ended = ended

    def note_spawn(self, name: str) -> None:
        account = self.accounts[name]
        last = account.own_ends[-1] if account.own_ends else 0.0
        spawn = Spawn(
            account=name,
            others_alive=len(account.processes),
            master_served=self.accounts[MASTER].serving,
            separated=self.now >= self.users_from,
            stopped=name in self.stopped,
            recent_ends=sum(last - at < LIMITS.restarts_window for at in account.own_ends),
            after_a_final_end=account.final,
            held_back=self.breaker.open and self.breaker.probe != name,
        )
        self.spawns.append(spawn)

    # -- the promises ---------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min([until, *(at for at in self.next_times() if at > self.now)])
            self.pump()

    def next_times(self) -> Iterator[float]:
        yield from (account.life.deadline for account in self.accounts.values())
        yield self.users_from
        yield self.breaker.probe_at
        yield self.breaker.serving_since + breaker.SERVING_S
        yield self.breaker.answering_since + breaker.ANSWERING_S

    def heal(self) -> None:
        """No more faults: what lives works."""
        for account in self.accounts.values():
            if account.process is not None:
                account.process.linked = account.process.serving = account.process.polite = True
