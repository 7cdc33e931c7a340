"""Masters before users: how masters stand, who may start because of it, and whether the master is lost.

Judged by lifecycle/start_order.py. It must not know what follows for one account
(lifecycle/state_machine.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.shutdown import Shutdown
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount, why_not_serving
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.start_order import Gate, MasterSeen, gate, without_master
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, State
from krakencopy.v1 import types_pb2 as pb

#: So long the loss of the master waits for its cause, in seconds: its process says that it cannot trade
#: before it says why, and a connection breaks before the end of a process is seen.
CAUSE_WAIT_S = 1.0
#: More users that are blocked at once than this are one event; so many of them are named.
SINGLE_MAX, NAMED_MAX = 3, 10


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
        #: Since when the master is lost and operators do not know yet; 0 where they do.
        self._untold_since = 0.0
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

    def _record_loss(self) -> None:
        """Once, as soon as its cause is known, or has not come in time."""
        if not self._untold_since:
            return
        master = self._registry.master
        reason, words = _why_lost(master)
        if not reason:
            if not self.serving and steady_time.now() - self._untold_since < CAUSE_WAIT_S:
                return
            why = f" ({master.life.message})" if master.life.message else ""
            reason, words = master.life.reason, f"the master cannot trade{why}"
        self._untold_since = 0.0
        words += "; users finish what is in flight, no user is started"
        data = {"reason": reason} if reason else {}
        self._events.record(pb.SEVERITY_ERROR, master.config.id, "MASTER_LOST", words, data)

    def record_blocked(self, blocked: Mapping[str, str]) -> None:
        """Users that were held up at once by what is wrong with a master, with words for each: many of them
        are one event.
        """
        alike: dict[str, list[str]] = defaultdict(list)
        for account_id, words in blocked.items():
            alike[words].append(account_id)
        for words, ids in alike.items():
            if len(ids) <= SINGLE_MAX:
                for account_id in ids:
                    self._events.record(pb.SEVERITY_ERROR, account_id, "KRAKEN_USER_BLOCKED", words)
                continue
            more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
            text = f"{len(ids)} users ({', '.join(ids[:NAMED_MAX])}{more}): {words}"
            data = {"count": str(len(ids))}
            self._events.record(pb.SEVERITY_ERROR, "", "KRAKEN_USER_BLOCKED", text, data)

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
            self._record_loss()
            return self._states != before
        self._was_serving = self.serving
        if self._was_serving:
            self._record_loss()
            self.users_from = steady_time.now() + self._separation_s
            master_id, words = self._registry.master.config.id, "the master is healthy; users may start"
            self._events.record(pb.SEVERITY_INFO, master_id, "MASTER_READY", words)
        elif not self._shutdown.begun:
            self._untold_since = steady_time.now()
            self._record_loss()
        # The sender of fills to users also sends who decides from here on.
        self._fills.users.notify()
        return True


def _why_lost(master: SupervisedAccount) -> tuple[str, str]:
    """As a code and in words; empty where the cause is not known yet: its process says it a moment later, or
    its life shows it a turn later.
    """
    life, link = master.life, master.process.link
    if not master.wanted:
        return "STOPPED", "the master was stopped by an operator"
    if life.state is State.STOPPING:
        return life.reason, "the master gets a new process"
    if life.state not in ALIVE:
        return life.reason, f"the master's process has ended ({life.message})"
    if link is None or not master.process.linked:
        return "", ""
    reason, message = why_not_serving(link.snapshot)
    return reason, f"the master cannot trade ({message})"
