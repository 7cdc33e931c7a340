"""The supervisor's end: the master's own strategy first, then the users, then the masters; hurried if
somebody cannot wait.

It knows in which order accounts may go; how one process is ended is lifecycle/state_machine.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from krakencopy.account_proc.contract.spec import Role
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.state_machine import Limits
from krakencopy.v1 import types_pb2 as pb

#: Users get this long to answer the last fills, and nothing may happen for so long, in seconds.
QUIESCE_MAX_S, QUIET_S = 8.0, 0.6
HOW_TO_HURRY = "press Ctrl-C again to hurry (or: SIGTERM, krakencopy shutdown --now)"


class Whole(Protocol):
    """What it needs of the supervisor."""

    config: Config
    limits: Limits
    fills: FillLog

    @property
    def accounts(self) -> Mapping[str, SupervisedAccount]:
        """All of them, by id."""
        ...

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        """Writes an event."""
        ...


class Shutdown:
    """From the first wish to end until everyone may go."""

    def __init__(self, whole: Whole, everyone_changed: Callable[[], None]) -> None:
        """``everyone_changed`` is called when other accounts may end than before."""
        self._whole = whole
        self._everyone_changed = everyone_changed
        self._quiescing: asyncio.Task[None] | None = None
        #: Users may end; and masters as well.
        self._users_leave = False
        self._masters_leave = False
        self._hurried = False

    @property
    def begun(self) -> bool:
        """Whether somebody has asked for it."""
        return self._quiescing is not None

    def lets_go(self, account_id: str) -> bool:
        """Whether the account is to end now."""
        is_master = self._whole.accounts[account_id].config.role is Role.MASTER
        return self._masters_leave if is_master else self._users_leave

    def begin(self) -> None:
        """Once; a second time does nothing."""
        if self._quiescing is None:
            words = "users finish what is in flight and end first, then the master"
            self._whole.tell(pb.SEVERITY_INFO, "", "SHUTDOWN", f"{words}; {HOW_TO_HURRY}")
            self._quiescing = asyncio.get_running_loop().create_task(self._quiesce())

    def hurry(self) -> None:
        """The shutdown, begun now or before, waits for nobody any more; in the same order."""
        self.begin()
        if self._hurried:
            return
        self._hurried = True
        limits = self._whole.limits = self._whole.limits.hurried()
        words = (
            f"hurried: what does not end within {limits.drain:g} s gets SIGTERM, and SIGKILL "
            f"{limits.terminate:g} s later; what is "
            "in flight is taken up at the next start"
        )
        self._whole.tell(pb.SEVERITY_WARNING, "", "SHUTDOWN_HURRIED", words)
        if self._quiescing is not None:
            self._quiescing.cancel()
        self._let_users_go()

    def over(self) -> bool:
        """Whether nothing runs any more. Lets the masters go when the users are gone."""
        if not self._users_leave:
            return False
        settled = {True: True, False: True}
        for account in self._whole.accounts.values():
            settled[account.config.role is Role.MASTER] &= account.settled
        masters_settled, users_settled = settled[True], settled[False]
        if users_settled and not self._masters_leave:
            self._masters_leave = True
            self._everyone_changed()
            return False
        return users_settled and masters_settled

    async def _quiesce(self) -> None:
        """Lets the users answer the last fills of a strategy that no longer trades; then everyone may go."""
        whole = self._whole
        master = whole.accounts[whole.config.master.id]
        if master.link is not None:
            with suppress(CallFailed):
                await master.link.drain()
        until, quiet_since, head = steady_time.now() + QUIESCE_MAX_S, steady_time.now(), whole.fills.head
        while steady_time.now() < until and steady_time.now() - quiet_since < QUIET_S:
            await asyncio.sleep(QUIET_S / 10)
            if whole.fills.head != head or not self._caught_up():
                head, quiet_since = whole.fills.head, steady_time.now()
        self._let_users_go()

    def _let_users_go(self) -> None:
        self._users_leave = True
        self._everyone_changed()

    def _caught_up(self) -> bool:
        """Whether every user that copies and runs has answered every fill."""
        snapshots = [
            account.link.snapshot
            for account in self._whole.accounts.values()
            if account.config.copies and account.serving and account.link is not None
        ]
        head = self._whole.fills.head
        return all(snapshot.cursor_seq == head and not snapshot.copies_open for snapshot in snapshots)
