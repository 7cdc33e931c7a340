"""Masters before users: how masters stand, who may start because of it, and whether the master is lost.

Judged by lifecycle/start_order.py. It must not know what follows for one account
(lifecycle/state_machine.py).
"""

from __future__ import annotations

from krakencopy.account_proc.contract.conditions import first_that_matters
from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.shutdown import Shutdown
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.start_order import Gate, MasterSeen, gate, without_master
from krakencopy.supervisor.lifecycle.state_machine import State
from krakencopy.v1 import types_pb2 as pb


class MasterGate:
    """Between the masters and the users of one supervisor."""

    def __init__(
        self, registry: AccountRegistry, shutdown: Shutdown, fills: FillLog, events: EventLog,
        separation_s: float,
    ) -> None:  # fmt: skip
        """``separation_s``: how long after the master's readiness users may start."""
        self._registry = registry
        self._shutdown = shutdown
        self._fills = fills
        self._events = events
        self._separation_s = separation_s
        #: From when on users may start; 0 before the master has been SERVING.
        self.users_from = 0.0
        self._was_serving = False
        self._states: list[tuple[State, str]] = []
        #: Masters that have been SERVING in this run.
        self._have_served: set[str] = set()

    @property
    def serving(self) -> bool:
        """Whether the master is SERVING."""
        return self._registry.master.serving

    def lost(self) -> bool:
        """Whether the master is not SERVING, and not because of a shutdown."""
        return not self.serving and not self._shutdown.begun

    def use_separation(self, separation_s: float) -> None:
        """Another separation from now on, also for a wait that has begun."""
        self.users_from += separation_s - self._separation_s
        self._separation_s = separation_s

    def gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start, as far as masters and users go."""
        return gate(account.role, account.broker, self._masters_seen(), steady_time.now())

    def record_start(self, account: AccountConfig) -> None:
        """An account starts: operators hear of it if it does so without a healthy master of its own."""
        if words := without_master(account.role, account.broker, self._masters_seen()):
            self._events.record(pb.SEVERITY_WARNING, account.id, "USER_WITHOUT_MASTER", words)

    def _masters_seen(self) -> list[MasterSeen]:
        return [
            MasterSeen(
                id=master_id, broker=master.config.broker, life=master.life, wanted=master.wanted,
                serving=master.serving, has_served=master_id in self._have_served,
                users_from=self.users_from, separation_s=self._separation_s,
            )
            for master_id, master in self._registry.masters.items()
        ]  # fmt: skip

    def look(self) -> bool:
        """Notices what has become of masters; whether that moves other accounts. Raises JournalFault."""
        masters = self._registry.masters.values()
        self._have_served.update(master.config.id for master in masters if master.serving)
        before, self._states = self._states, [(master.life.state, master.life.reason) for master in masters]
        if self.serving is self._was_serving:
            return self._states != before
        self._was_serving = self.serving
        master_id = self._registry.master.config.id
        if self._was_serving:
            self.users_from = steady_time.now() + self._separation_s
            words = "the master is healthy; users may start"
            self._events.record(pb.SEVERITY_INFO, master_id, "MASTER_READY", words)
        elif not self._shutdown.begun:
            words = f"{_why_lost(self._registry.master)}; users finish what is in flight, no user is started"
            self._events.record(pb.SEVERITY_ERROR, master_id, "MASTER_LOST", words)
        # The sender of fills to users also sends who decides from here on.
        self._fills.users.notify()
        return True


def _why_lost(master: SupervisedAccount) -> str:
    """In words, by what its process said last; its state follows a turn later."""
    link = master.process.link
    if link is None:
        return "the master's process has ended"
    lacking = first_that_matters(link.snapshot.conditions)
    why = (link.snapshot.message if lacking is None else lacking.message) or master.life.message
    return f"the master cannot trade ({why})" if why else "the master cannot trade"
