"""One supervised account: its life, its process, its link. Carries out the effects that
lifecycle/state_machine.py decides.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from krakencopy.account_proc.contract import nonce_report
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.account_proc.runtime.file_lock import holder_pid, is_locked
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.exit_records import (
    LastEnds,
    Lived,
    begin_output,
    last_output,
    process_end,
)
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import Seen
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import (
    ALIVE,
    Effect,
    Ended,
    Life,
    Limits,
    Observed,
    State,
    ends_by_itself,
    excuse,
    forgive,
    step,
)
from krakencopy.supervisor.lifecycle.trading_mode import told_mode
from krakencopy.supervisor.processes.child import Child, NotReady
from krakencopy.supervisor.processes.spawner import Spawner, crash_path
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb
from krakencopy.v1.account_pb2 import AccountSeen

log = logging.getLogger(__name__)

PB_STATE = {state: pb.AccountState.Value(f"ACCOUNT_STATE_{state}") for state in State}
#: A user's life is louder the worse it stands.
SEVERITY = {
    State.FAILED: pb.SEVERITY_ERROR,
    State.BACKOFF: pb.SEVERITY_WARNING,
    State.DEGRADED: pb.SEVERITY_WARNING,
}
#: A process's notice (account_proc/notices/unreadable.py): something is held in a pair that is not listed any
#: more.
NOT_LISTED = "NOT_LISTED"


class Surroundings(Protocol):
    """What one account needs of the supervisor."""

    limits: Limits
    ends: LastEnds

    def gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start now."""
        ...

    def without_master(self, account: AccountConfig) -> str:
        """What is to be said when this account starts now without a master of its broker; empty for most."""
        ...

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run."""
        ...

    def master_serving(self) -> bool:
        """Whether the master is SERVING."""
        ...

    def names_doubted(self) -> None:
        """A user holds a coin in a pair that is not listed any more: it may have another name, which the
        master's process finds out.
        """
        ...

    def leaving(self) -> bool:
        """Whether the supervisor is shutting down."""
        ...

    def ended_by_itself(self, account_id: str, now: float) -> bool:
        """Its process failed; whether so many do that it is not the account's own fault."""
        ...

    def remind(self, account_id: str) -> None:
        """Operators are to hear again where it stands."""
        ...

    def spec(self, account: AccountConfig, instance_id: str) -> AccountSpec:
        """What a new process is told."""
        ...

    def credentials(self, account: AccountConfig) -> Credentials:
        """Its API key, for one start (config/credentials.py). Raises ConfigFaults."""
        ...

    def link(self, account: AccountConfig, socket: Path, owner: SupervisedAccount) -> AccountLink:
        """A conversation with a new process."""
        ...

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        """Writes an event."""
        ...

    def rename_asset(self, old: str, new: str, by: str) -> None:
        """Has positions follow a coin to its new name; ``by``: who says so."""
        ...

    async def copied(self, asset: str) -> str:
        """What users hold of a coin by copying, for people; empty for nothing."""
        ...

    def dirty(self, account_id: str) -> None:
        """Something about this account changed."""
        ...

    @property
    def identities(self) -> Identities:
        """Which account at the exchange each of ours is."""
        ...

    def acked_seq(self, account_id: str) -> int:
        """The last fill that a user is known to have answered."""
        ...

    def fail(self, error: JournalFault) -> None:
        """Ends the supervisor."""
        ...


class SupervisedAccount:
    """One account."""

    def __init__(self, config: AccountConfig, around: Surroundings, spawner: Spawner) -> None:
        self.config = config
        self._around = around
        self._spawner = spawner
        self.life = Life(account_id=config.id, since=steady_time.now())
        self._state_before = self.life.state
        #: Whether the loop of its process moves, as far as its pulse tells.
        self.answering = True
        self.child: Child | None = None
        self.link: AccountLink | None = None
        self.instance_id = ""
        self.starts = 0
        self._ended: Ended | None = None
        self._refused: tuple[str, str] | None = None
        #: Why it must not trade until an operator starts it again.
        self._condemned: tuple[str, str] | None = None
        #: When its process was started (Unix seconds); 0 without one.
        self.started_at = 0.0
        self._restart = False
        self._reset = False
        self._blocked_told = False
        #: What operators were told that holds, by code and subject; also of the process before.
        self._noticed: dict[tuple[str, str], str] = {}
        #: For users: an operator wants fills to wait.
        self.paused = False
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- what is asked --------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Ends the process and starts it again."""
        self._restart, self._condemned = True, None
        self._around.dirty(self.config.id)

    def reset(self) -> None:
        """Another try, after FAILED or without waiting for a backoff."""
        # Kept for later, it would undo the next backoff, or the next FAILED that nobody has looked at.
        self._reset = self.life.state in {State.FAILED, State.BACKOFF}
        self._condemned = None
        self._around.dirty(self.config.id)

    def condemn(self, reason: str, message: str) -> None:
        """It must not trade until an operator starts it again: its process finishes what is in flight and
        ends.
        """
        if self.life.state in ALIVE:
            self._condemned = reason, message
            self._around.dirty(self.config.id)

    @property
    def serving(self) -> bool:
        """Whether its process says that it can trade, and moves: a stuck loop cannot take back what it has
        said.
        """
        return self.link is not None and self.link.serving and self.answering and self.life.state in ALIVE

    @property
    def linked(self) -> bool:
        """Whether its process answers."""
        return self.link is not None and self.link.linked and self.answering

    @property
    def pulse(self) -> tuple[str, Seen] | None:
        """Which process it is, and how it stands; None without a process."""
        return (
            None if self.child is None else (self.instance_id, Seen(self.child.last_beat, self.child.stopped))
        )

    @property
    def settled(self) -> bool:
        """Whether nothing of it runs."""
        return self.life.state not in ALIVE and self.child is None

    # -- the loop's step ------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Compares what is wanted with what is seen, and does what follows."""
        while True:
            gate = self._around.gate(self.config)
            seen = self._observed(gate)
            if ends_by_itself(self.life, seen):
                seen = replace(seen, many_failed=self._around.ended_by_itself(self.config.id, now))
            before = self.life
            self.life, effects = step(before, seen, now, self._around.limits, random.random())  # noqa: S311
            if self.life.state is not before.state:
                self._state_before = before.state
                self._forget_asked(before.state)
                self._tell_change(before)
            for effect in effects:
                self._do(effect)
            if self.life.state is before.state:
                break
        self._tell_blocked(gate)

    def forgive(self, since: float, now: float) -> None:
        """What it did after ``since`` was not its own fault."""
        before = self.life
        self.life = forgive(before, since, now, self._around.limits)
        if self.life.state is not before.state:
            self._tell_change(before)

    def excuse(self, late: float) -> None:
        """Nobody looked for so many seconds."""
        self.life = excuse(self.life, late)

    def _observed(self, gate: Gate) -> Observed:
        link = self.link
        reason, message = ("", "") if link is None else (link.snapshot.reason, link.snapshot.message)
        if self._refused is not None:
            reason, message = self._refused
        return Observed(
            wanted=self._around.wanted(self.config.id), gate_open=gate.open, gate_reason=gate.reason,
            gate_message=gate.message, linked=self.linked,
            serving=self.serving and self._refused is None, reason=reason, message=message, ended=self._ended,
            restart=self._restart, reset=self._reset, condemned=self._condemned,
            master_serving=not self.config.copies or self._around.master_serving(),
        )  # fmt: skip

    def _forget_asked(self, before: State) -> None:
        if self.life.state not in ALIVE:
            self._ended = None
        if self.life.state is State.STOPPING:
            self._restart = False
        if before in {State.FAILED, State.BACKOFF} or self.life.state is State.STARTING:
            self._reset = False
            self._restart = False

    def _tell_change(self, before: Life) -> None:
        life = self.life
        code, severity = "ACCOUNT_STATE_CHANGED", SEVERITY.get(life.state, pb.SEVERITY_INFO)
        words = f"{before.state} -> {life.state}"
        if life.reason:
            words += f" ({life.reason}{': ' + life.message if life.message else ''})"
        self._around.tell(severity, self.config.id, code, words)
        if life.state is State.STARTING and (words := self._around.without_master(self.config)):
            self._around.tell(pb.SEVERITY_WARNING, self.config.id, "USER_WITHOUT_MASTER", words)

    def _tell_blocked(self, gate: Gate) -> None:
        """Once for each time that the account is held up by something that is wrong, and not only not
        ready yet.
        """
        blocked = self.life.state is State.WAITING and gate.blocked
        if blocked and not self._blocked_told:
            self._around.tell(pb.SEVERITY_ERROR, self.config.id, "KRAKEN_USER_BLOCKED", gate.message)
        self._blocked_told = blocked

    # -- effects --------------------------------------------------------------------------------------------

    def _do(self, effect: Effect) -> None:
        match effect:
            case Effect.SPAWN:
                self._begin(self._start())
            case Effect.DRAIN:
                self._begin(self._drain())
            case Effect.TERMINATE:
                self._signal(signal.SIGTERM)
            case Effect.KILL:
                self._signal(signal.SIGKILL)
            case Effect.REMIND:
                self._around.remind(self.config.id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _signal(self, number: signal.Signals) -> None:
        if self.child is not None:
            self.child.signal(number)

    async def _start(self) -> None:
        self.starts += 1
        self._refused = self._condemned = None
        self.instance_id = uuid.uuid4().hex[:12]
        spec = self._around.spec(self.config, self.instance_id)
        output, started_at = crash_path(spec), steady_time.now()
        self.started_at = time.time()
        try:
            start = begin_output(output)
            child = await self._spawner.spawn(spec, self._around.credentials(self.config))
        except Exception as error:  # noqa: BLE001 - whatever it is, the account did not start and says so
            self._process_ended(Ended(None, None, f"could not be started: {error}"))
            return
        self.child = child
        self._begin(self._wait_for_end(child, self.instance_id, started_at, output, start))
        self._keep(lambda ends: ends.started(self.config.id))
        try:
            await child.wait_ready(self._around.limits.start)
        except (NotReady, TimeoutError):
            return  # its end, or the deadline of STARTING, says more
        if self.life.state is State.STOPPING:
            self._signal(signal.SIGTERM)  # it was stopped while it was being started
        elif self.child is child:
            self.link = self._around.link(self.config, spec.socket_path, self)
            self.link.open()

    async def _wait_for_end(
        self, child: Child, instance_id: str, started_at: float, output: Path, start: int
    ) -> None:
        status = await child.wait_exit()
        words = last_output(output, start)
        if self._is_wanted():
            lived = Lived(child.pid, instance_id, started_at, steady_time.now(), status, words)
            end = process_end(lived, self.life, self._state_before)
            end.at.CopyFrom(timestamp(steady_time.shown(lived.ended_at)))
            self._keep(lambda ends: ends.ended(self.config.id, end))
        if self.link is not None:
            await self.link.close()
            self.link = None
        self.child, self.started_at = None, 0.0
        self._process_ended(Ended(status.code, status.signal, words[-1] if words else ""))

    def _is_wanted(self) -> bool:
        """Whether nobody has asked for the end of its process, or for another one in its place."""
        asked = self.life.state is State.STOPPING or self._restart
        return not asked and self._around.wanted(self.config.id)

    def _keep(self, keep: Callable[[LastEnds], None]) -> None:
        try:
            keep(self._around.ends)
        except JournalFault as error:
            self._around.fail(error)

    def _process_ended(self, ended: Ended) -> None:
        self._ended = ended
        self._around.dirty(self.config.id)

    async def _drain(self) -> None:
        if self.link is not None:
            try:
                await self.link.drain()
            except CallFailed as error:
                log.warning("%s could not be drained: %s", self.config.id, error)
        self._signal(signal.SIGTERM)

    async def close(self) -> None:
        """Ends what this object itself has going; the process is not touched."""
        for task in self._tasks:
            task.cancel()
        if self.link is not None:
            await self.link.close()

    # -- what the link tells --------------------------------------------------------------------------------

    def link_changed(self) -> None:
        """Its health changed, or what it says of it."""
        self.noticed()
        self._around.dirty(self.config.id)

    def noticed(self) -> None:
        """Its process tells what operators should know; what it does not tell any more is over."""
        if self.link is None:
            return
        snapshot = self.link.snapshot
        told = {(notice.code, notice.subject): notice.message for notice in snapshot.notices}
        for key, message in told.items():
            if key not in self._noticed:
                self._around.tell(pb.SEVERITY_WARNING, self.config.id, key[0], message)
                if key[0] == NOT_LISTED and self.config.copies:
                    self._around.names_doubted()
        # Before it can trade a process does not know all of them yet.
        for key in () if snapshot.reason else self._noticed.keys() - told.keys():
            words = f"over: {self._noticed.pop(key)}"
            self._around.tell(pb.SEVERITY_INFO, self.config.id, f"{key[0]}_OVER", words)
        self._noticed |= told

    def journal_failed(self, error: JournalFault) -> None:
        """What was received cannot be kept."""
        self._around.fail(error)

    def trading_mode(self, *, fills_wait: bool) -> pb.TradingMode.ValueType:
        """Who is to decide what this user trades now."""
        if self.config.strategy is None:
            # As told_mode says, whatever else holds: most users, and each of them asks for each fill.
            return pb.TRADING_MODE_COPYING
        return told_mode(
            has_strategy=self.config.strategy is not None, master_serving=self._around.master_serving(),
            paused=self.paused, leaving=self._around.leaving(), fills_wait=fills_wait,
        )  # fmt: skip

    def trading_mode_told(self, mode: pb.TradingMode.ValueType) -> None:
        """Its process was told so."""
        if mode == pb.TRADING_MODE_OWN:
            words = (
                f"the master is lost: strategy {self.config.strategy} trades by itself, once nothing "
                "is copied any more"
            )
            self._around.tell(pb.SEVERITY_WARNING, self.config.id, "OWN_STRATEGY_ON", words)
        else:
            words = (
                f"strategy {self.config.strategy} is off before its next order; fills are copied from here on"
            )
            self._around.tell(pb.SEVERITY_INFO, self.config.id, "OWN_STRATEGY_OFF", words)

    def link_refused(self, reason: str, message: str) -> None:
        """The process refuses its stream: a human must look."""
        self._refused = (reason, message)
        self._around.tell(pb.SEVERITY_ERROR, self.config.id, reason, message)
        self._around.dirty(self.config.id)

    def asset_renamed(self, old: str, new: str) -> None:
        """The exchange has another name for a coin."""
        try:
            self._around.rename_asset(old, new, "the exchange's tables")
        except ValueError as error:
            words = f"{old} is {new} by the exchange's tables, which contradicts an earlier word: {error}"
            self._around.tell(pb.SEVERITY_ERROR, self.config.id, "RENAME_CONTRADICTS", words)

    def announced(self, announcement: account_pb2.Announcement) -> None:
        """Its process has something to tell operators, once."""
        if announcement.asset and self.config.role is Role.MASTER:
            self._begin(self._tell_with_holders(announcement))
        else:
            self._around.tell(announcement.severity, self.config.id, announcement.code, announcement.message)

    async def _tell_with_holders(self, announcement: account_pb2.Announcement) -> None:
        held = await self._around.copied(announcement.asset)
        words = f"; by copying users still hold: {held}" if held else "; no user holds any of it by copying"
        self._around.tell(
            announcement.severity, self.config.id, announcement.code, announcement.message + words
        )

    def account_seen(self, seen: AccountSeen) -> bool:
        """Its process says which account at the exchange it has found; whether it may trade. Raises
        JournalFault.
        """
        return self._around.identities.seen(self.config.id, seen.identity, seen.marked)

    def drifts_told(self, drifts: Sequence[pb.Drift]) -> None:
        """It says what it found in its account's record of orders."""
        self._around.identities.drifts_told(self.config.id, drifts)

    def set_apart(self, fills: Sequence[pb.Fill]) -> None:
        """Marks fills that nobody is to copy, before they are journalled."""
        self._around.identities.set_apart(fills)

    async def nonce_report(self) -> pb.NonceReport:
        """What the process and the exchange tell of the nonce, or the file alone where no process can be
        asked.
        """
        if self.link is not None:
            try:
                return await self.link.nonce_report()
            except CallFailed as error:
                log.info("%s: its nonce could not be asked for: %s", self.config.id, error)
        path = self._around.spec(self.config, "").nonce_path
        content = path.read_bytes() if path.exists() else None
        pid = holder_pid(path) if content is not None and is_locked(path) else None
        return nonce_report.report_of_file(
            self.config.id, str(path), content, now_us=time.time_ns() // 1_000, holder_pid=pid or 0
        )

    # -- what others may know -------------------------------------------------------------------------------

    def to_proto(self) -> pb.Account:
        """The account in the public API."""
        life, config = self.life, self.config
        account = pb.Account(
            id=config.id, role=pb.ROLE_MASTER if config.role is Role.MASTER else pb.ROLE_USER,
            broker=config.broker, state=PB_STATE[life.state], reason=life.reason, message=life.message,
            since=timestamp(steady_time.shown(life.since)), pid=self.child.pid if self.child else 0,
            restarts=max(self.starts - 1, 0),
        )  # fmt: skip
        if self.child is not None:
            account.instance_id = self.instance_id
        if (end := self._around.ends.of(config.id)) is not None:
            account.last_end.CopyFrom(end)
        if life.state is State.BACKOFF:
            account.retry_at.CopyFrom(timestamp(steady_time.shown(life.deadline)))
        if self.link is not None:
            snapshot = self.link.snapshot
            account.equity.CopyFrom(snapshot.equity)
            account.nonce.CopyFrom(snapshot.nonce)
            account.cursor_seq = snapshot.cursor_seq
            account.positions.extend(snapshot.positions)
            account.drifts.extend(snapshot.drifts)
            if snapshot.HasField("reconciled_at"):
                account.reconciled_at.CopyFrom(snapshot.reconciled_at)
            if snapshot.HasField("preflight"):
                account.preflight.CopyFrom(snapshot.preflight)
            if snapshot.HasField("rate"):
                account.rate.CopyFrom(snapshot.rate)
            account.notices.extend(snapshot.notices)
            account.feed_connected = snapshot.feed_connected
            account.copies_open = snapshot.copies_open
            account.trading_mode = snapshot.trading_mode
            if snapshot.HasField("strategy"):
                account.strategy.CopyFrom(snapshot.strategy)
        if config.copies:
            account.copy_mode = pb.COPY_MODE_PAUSED if self.paused else pb.COPY_MODE_COPYING
            account.cursor_seq = account.cursor_seq or self._around.acked_seq(config.id)
        return account
