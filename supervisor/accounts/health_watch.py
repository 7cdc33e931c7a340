"""What concerns all accounts together: whose pulse stopped, and whether many fail at once.

A thin shell: judged by lifecycle/liveness.py and lifecycle/circuit_breaker.py. It must not know what follows
for one account (lifecycle/state_machine.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import LOOK_S, Pulses
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, Limits, State
from krakencopy.v1 import types_pb2 as pb

#: A look that comes so much later than planned, in seconds: the machine or this process stood still.
LATE_S = 1.0


class HealthWatch:
    """Over all accounts of one supervisor. What it records raises JournalFault."""

    def __init__(
        self, registry: AccountRegistry, queue: WorkQueue, events: EventLog,
        start_order: Callable[[AccountConfig], Gate],
    ) -> None:  # fmt: skip
        """``start_order``: whether an account may start as far as masters and users go."""
        self._registry = registry
        self._queue = queue
        self._events = events
        self._start_order = start_order
        self._breaker = breaker.CircuitBreaker()
        self._pulses = Pulses(time.monotonic_ns())
        self._looked_at = steady_time.now()

    def look(self) -> None:
        """Reads every pulse, twice a second, and sees to the breaker."""
        now_ns, at = time.monotonic_ns(), steady_time.now()
        if self._pulses.due(now_ns):
            late = at - self._looked_at - LOOK_S
            self._looked_at = at
            if abs(late) > LATE_S:
                for account in self._registry.accounts.values():
                    account.excuse(late)
            self._read_pulses(now_ns)
        if self._breaker.open:
            self._look_at_breaker(at)

    def _read_pulses(self, now_ns: int) -> None:
        """Whose pulse has stopped does not answer, whatever it said before."""
        processes = {account_id: one.process for account_id, one in self._registry.accounts.items()}
        pulses = dict(filter(None, (process.pulse for process in processes.values())))
        stopped = self._pulses.look(pulses, now_ns)
        for account_id, process in processes.items():
            answering = process.instance_id not in stopped
            if answering != process.answering:
                process.answering = answering
                self._queue.put_accounts([account_id])

    # -- many that fail at once -----------------------------------------------------------------------------

    @property
    def many_failed(self) -> bool:
        """Whether so many fail that it is not the accounts' own fault."""
        return self._breaker.open

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

    def count_failure(self, account_id: str, now: float, limits: Limits) -> None:
        """A process has failed, and its account's life says so; where many do, none of them is held against
        its account.
        """
        was_open = self._breaker.open
        accounts = self._registry.accounts
        wanted = sum(account.wanted for account in accounts.values())
        self._breaker = breaker.ended(self._breaker, account_id, now, wanted)
        if self._breaker.open and not was_open:
            self._events.record(pb.SEVERITY_ERROR, "", breaker.REASON, self._breaker.message)
            for account in accounts.values():
                account.forgive(now - breaker.WINDOW_S, now, limits)
            self._queue.put_accounts(accounts)

    def _look_at_breaker(self, now: float) -> None:
        before = self._breaker
        accounts = self._registry.accounts
        waiting = [account_id for account_id, account in accounts.items() if self._waits(account)]
        self._breaker = breaker.look(before, waiting, self._probe(waiting), now)
        if not self._breaker.open:
            words = f"{before.probe} holds; the others are started again"
            self._events.record(pb.SEVERITY_INFO, "", "MANY_FAILED_OVER", words)
        if (self._breaker.open, self._breaker.probe) != (before.open, before.probe):
            self._queue.put_accounts(accounts)

    def _waits(self, account: SupervisedAccount) -> bool:
        """Whether it waits for nothing but the breaker. The master stands first among the accounts, and so
        among these.
        """
        waiting = account.life.state is State.WAITING and account.wanted
        return waiting and self._start_order(account.config).open

    def _probe(self, waiting: Sequence[str]) -> breaker.ProbeSeen:
        account = self._registry.accounts.get(self._breaker.probe)
        if account is None:
            return breaker.ProbeSeen(there=False, answering=False, serving=False)
        there = account.config.id in waiting or account.life.state in ALIVE - {State.STOPPING}
        return breaker.ProbeSeen(there=there, answering=account.process.linked, serving=account.serving)
