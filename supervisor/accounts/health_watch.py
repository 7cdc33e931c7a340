"""What concerns all accounts together: whose pulse stopped, whether many fail at once, what operators are
told again.

A thin shell: judged by lifecycle/liveness.py, lifecycle/circuit_breaker.py and lifecycle/reminders.py. It
must not know what follows for one account (lifecycle/state_machine.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import LOOK_S, Pulses
from krakencopy.supervisor.lifecycle.reminders import reminders
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, State
from krakencopy.v1 import types_pb2 as pb

#: A look that comes so much later than planned, in seconds: the machine or this process stood still.
LATE_S = 1.0


class Over(Protocol):
    """What the watch needs of the supervisor."""

    @property
    def accounts(self) -> Mapping[str, SupervisedAccount]:
        """All of them, by id."""
        ...

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run."""
        ...

    def start_order(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start, as far as master and users go."""
        ...

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        """Writes an event."""
        ...

    def dirty(self, account_id: str) -> None:
        """Something about this account changed."""
        ...


class HealthWatch:
    """Over all accounts of one supervisor."""

    def __init__(self, over: Over) -> None:
        self._over = over
        self._breaker = breaker.CircuitBreaker()
        self._pulses = Pulses(time.monotonic_ns())
        self._looked_at = steady_time.now()
        self._reminders: list[str] = []

    def look(self) -> None:
        """Reads every pulse, twice a second, and sees to the breaker."""
        now_ns, at = time.monotonic_ns(), steady_time.now()
        if self._pulses.due(now_ns):
            late = at - self._looked_at - LOOK_S
            self._looked_at = at
            if abs(late) > LATE_S:
                for account in self._over.accounts.values():
                    account.excuse(late)
            self._read_pulses(now_ns)
        if self._breaker.open:
            self._look_at_breaker(at)

    def _read_pulses(self, now_ns: int) -> None:
        """Whose pulse has stopped does not answer, whatever it said before."""
        accounts = self._over.accounts.values()
        stopped = self._pulses.look(dict(filter(None, (account.pulse for account in accounts))), now_ns)
        for account in accounts:
            answering = account.instance_id not in stopped
            if answering != account.answering:
                account.answering = answering
                self._over.dirty(account.config.id)

    # -- many that fail at once -----------------------------------------------------------------------------

    def gate(self, account_id: str) -> Gate:
        """Whether a process of this account may start, as far as the failures of many go."""
        return self._breaker.gate(account_id)

    @property
    def message(self) -> str:
        """Why accounts are held back; empty if they are not."""
        return self._breaker.message

    def try_now(self) -> None:
        """An operator starts an account: who is held back need not wait for the next try."""
        self._breaker = breaker.hurry(self._breaker, steady_time.now())

    def ended_by_itself(self, account_id: str, now: float) -> bool:
        """A process failed; whether so many do that it is not the account's own fault."""
        was_open = self._breaker.open
        wanted = sum(map(self._over.wanted, self._over.accounts))
        self._breaker = breaker.ended(self._breaker, account_id, now, wanted)
        if self._breaker.open and not was_open:
            self._over.tell(pb.SEVERITY_ERROR, "", breaker.REASON, self._breaker.message)
            for account in self._over.accounts.values():
                account.forgive(now - breaker.WINDOW_S, now)
            self._everyone_again()
        return self._breaker.open

    def _look_at_breaker(self, now: float) -> None:
        before = self._breaker
        waiting = [account_id for account_id, account in self._over.accounts.items() if self._waits(account)]
        self._breaker = breaker.look(before, waiting, self._probe(waiting), now)
        if not self._breaker.open:
            words = f"{before.probe} holds; the others are started again"
            self._over.tell(pb.SEVERITY_INFO, "", "MANY_FAILED_OVER", words)
        if (self._breaker.open, self._breaker.probe) != (before.open, before.probe):
            self._everyone_again()

    def _waits(self, account: SupervisedAccount) -> bool:
        """Whether it waits for nothing but the breaker. The master stands first among the accounts, and so
        among these.
        """
        waiting = account.life.state is State.WAITING and self._over.wanted(account.config.id)
        return waiting and self._over.start_order(account.config).open

    def _probe(self, waiting: Sequence[str]) -> breaker.ProbeSeen:
        account = self._over.accounts.get(self._breaker.probe)
        if account is None:
            return breaker.ProbeSeen(there=False, answering=False, serving=False)
        there = account.config.id in waiting or account.life.state in ALIVE - {State.STOPPING}
        return breaker.ProbeSeen(there=there, answering=account.linked, serving=account.serving)

    def _everyone_again(self) -> None:
        for account_id in self._over.accounts:
            self._over.dirty(account_id)

    # -- accounts that stand still --------------------------------------------------------------------------

    def remind(self, account_id: str) -> None:
        """Operators are to hear again where it stands."""
        self._reminders.append(account_id)

    def tell_reminders(self, now: float) -> None:
        """Tells them, those of one kind together."""
        due, self._reminders = self._reminders, []
        for reminder in reminders([self._over.accounts[account_id].life for account_id in due], now):
            severity = pb.SEVERITY_ERROR if reminder.loud else pb.SEVERITY_WARNING
            self._over.tell(severity, reminder.account_id, reminder.code, reminder.message)
