"""The supervisor's end: the master's own strategy first, then the users, then the masters; hurried if
somebody cannot wait.

It knows in which order accounts may go; how one process is ended is lifecycle/state_machine.py's.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.state_machine import Limits
from krakencopy.v1 import types_pb2 as pb

#: Users get this long to answer the last fills, and nothing may happen for so long, in seconds.
QUIESCE_MAX_S, QUIET_S = 8.0, 0.6
HOW_TO_HURRY = "press Ctrl-C again to hurry (or: SIGTERM, krakencopy shutdown --now)"


class Shutdown:
    """From the first wish to end until everyone may go. What it records raises JournalFault."""

    def __init__(self, registry: AccountRegistry, fills: FillLog, events: EventLog, queue: WorkQueue) -> None:
        self._registry = registry
        self._fills = fills
        self._events = events
        self._queue = queue
        self._quiescing: asyncio.Task[None] | None = None
        #: Users may end; and masters as well.
        self._users_leave = False
        self._masters_leave = False
        self._hurried = False

    @property
    def begun(self) -> bool:
        """Whether somebody has asked for it."""
        return self._quiescing is not None

    def begin(self) -> None:
        """Once; a second time does nothing."""
        if self._quiescing is None:
            words = "users finish what is in flight and end first, then the master"
            self._events.record(pb.SEVERITY_INFO, "", "SHUTDOWN", f"{words}; {HOW_TO_HURRY}")
            self._quiescing = asyncio.get_running_loop().create_task(self._quiesce())

    def hurry(self, limits: Limits) -> None:
        """The shutdown, begun now or before, waits for nobody any more; in the same order. ``limits``: those
        that hold from now on.
        """
        self.begin()
        if self._hurried:
            return
        self._hurried = True
        words = (
            f"hurried: what does not end within {limits.drain:g} s gets SIGTERM, and SIGKILL "
            f"{limits.terminate:g} s later; what is "
            "in flight is taken up at the next start"
        )
        self._events.record(pb.SEVERITY_WARNING, "", "SHUTDOWN_HURRIED", words)
        if self._quiescing is not None:
            self._quiescing.cancel()
        self._let_users_go()

    def over(self) -> bool:
        """Whether nothing runs any more. Lets the masters go when the users are gone."""
        if not self._users_leave:
            return False
        accounts = self._registry.accounts.values()
        users_settled = all(one.settled for one in accounts if one.config.role is not Role.MASTER)
        if users_settled and not self._masters_leave:
            self._masters_leave = True
            self._dismiss(Role.MASTER)
            return False
        return users_settled and all(one.settled for one in accounts)

    async def _quiesce(self) -> None:
        """Lets the users answer the last fills of a strategy that no longer trades; then everyone may go."""
        master, fills = self._registry.master, self._fills
        if master.process.link is not None:
            with suppress(CallFailed):
                await master.process.link.drain()
        until, quiet_since, head = steady_time.now() + QUIESCE_MAX_S, steady_time.now(), fills.head
        while steady_time.now() < until and steady_time.now() - quiet_since < QUIET_S:
            await asyncio.sleep(QUIET_S / 10)
            if fills.head != head or not self._caught_up():
                head, quiet_since = fills.head, steady_time.now()
        self._let_users_go()

    def _let_users_go(self) -> None:
        self._users_leave = True
        self._dismiss(Role.USER)

    def _dismiss(self, role: Role) -> None:
        for account in self._registry.accounts.values():
            account.dismissed |= account.config.role is role
        self._queue.put_accounts(self._registry.accounts)

    def _caught_up(self) -> bool:
        """Whether every user that copies and runs has answered every fill."""
        snapshots = [
            account.process.link.snapshot
            for account in self._registry.accounts.values()
            if account.config.copies and account.serving and account.process.link is not None
        ]
        head = self._fills.head
        return all(snapshot.cursor_seq == head and not snapshot.copies_open for snapshot in snapshots)
