"""The supervisor: one level-triggered loop over all accounts, the gate between master and users, events, shutdown.

It decides nothing about one account (lifecycle.py) and nothing about trades (the accounts do). It knows who may start when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from krakencopy.v1 import types_pb2 as pb

from account_proc.bell import Bell
from account_proc.spec import AccountSpec, Credentials, Role
from supervisor.account_link import AccountLink
from supervisor.accounts import SupervisedAccount
from supervisor.brokers import speaks_kraken
from supervisor.config import AccountConfig, Config, Mode
from supervisor.fanout import FillLog, ReportLog
from supervisor.gate import Gate, MasterSeen, gate, without_master
from supervisor.journal import Journal, JournalFault
from supervisor.lifecycle import ALIVE, Life, Limits, State
from supervisor.spawning import Spawner

log = logging.getLogger(__name__)

LOG_LEVEL = {
    pb.SEVERITY_INFO: logging.INFO,
    pb.SEVERITY_WARNING: logging.WARNING,
    pb.SEVERITY_ERROR: logging.ERROR,
}
#: At a shutdown, users get this long to answer the last fills, and nothing may happen for so long, in seconds.
QUIESCE_MAX_S, QUIET_S = 8.0, 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are. ``key_lock_dir`` is the same for all supervisors of a machine user."""

    state_dir: Path
    key_lock_dir: Path
    rest_url: str
    ws_url: str

    def nonce(self, account: AccountConfig) -> Path:
        """Named as in the seed."""
        owner = "master" if account.role is Role.MASTER else f"user_{account.id}"
        return self.state_dir / f"kraken_nonce_{owner}.txt"

    def log(self, account_id: str) -> Path:
        """An account's log, or the supervisor's own."""
        return self.state_dir / "logs" / f"{account_id}.jsonl"

    def socket(self, account_id: str) -> Path:
        """Where an account's process serves."""
        return self.state_dir / "run" / f"{account_id}.sock"


class Supervisor:
    """All accounts of one configuration."""

    def __init__(
        self, *, config: Config, place: Place, journal: Journal, spawner: Spawner,
        credentials: Callable[[AccountConfig], Credentials], limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.place = place
        self.journal = journal
        self.limits = limits or Limits(start=config.startup.health_timeout_s)
        self._credentials = credentials
        self.epoch = journal.next_epoch()
        self.started_at = time.time()
        self.fills = FillLog(journal)
        self.reports = ReportLog(journal)
        self.events = Bell()
        #: Rings on every change of any account.
        self.changes = Bell()
        ordered = sorted(
            config.accounts,
            key=lambda account: (account.role is not Role.MASTER, not account.is_kraken, account.id),
        )
        self._masters = tuple(account for account in ordered if account.role is Role.MASTER)
        self.accounts: Mapping[str, SupervisedAccount] = {
            account.id: SupervisedAccount(account, self, spawner) for account in ordered
        }
        self._stopped = {account.id for account in ordered if not journal.wanted(account.id)}
        for user in config.users:
            journal.join(user.id)
            self.accounts[user.id].paused = journal.paused(user.id)
        self._dirty: set[str] = set(self.accounts)
        self._work = asyncio.Event()
        self._master_was_serving = False
        self._masters_were: tuple[tuple[State, str], ...] = ()
        #: Masters that have been SERVING in this run.
        self._have_served: set[str] = set()
        self._users_from = 0.0
        self._quiescing: asyncio.Task[None] | None = None
        self._leaving = False
        self._masters_leaving = False
        self._failure: JournalFault | None = None

    # -- what one account may ask (Surroundings) ----------------------------------------------------------------

    def gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start now (gate.py)."""
        return gate(account.role, account.broker, self._masters_seen(), time.time())

    def without_master(self, account: AccountConfig) -> str:
        """What is to be said when this account starts now; empty for most."""
        return without_master(account.role, account.broker, self._masters_seen())

    def _masters_seen(self) -> list[MasterSeen]:
        return [
            MasterSeen(
                id=master.id, broker=master.broker, life=self.accounts[master.id].life, wanted=self.wanted(master.id),
                serving=self.accounts[master.id].serving, has_served=master.id in self._have_served,
                users_from=self._users_from, separation_s=self.config.startup.nonce_separation_s,
            )
            for master in self._masters
        ]  # fmt: skip

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run. At shutdown users are unwanted first, masters once they are gone."""
        is_master = self.accounts[account_id].config.role is Role.MASTER
        if self._leaving and (not is_master or self._masters_leaving):
            return False
        return account_id not in self._stopped

    def master_serving(self) -> bool:
        """Whether the master's named health service is SERVING."""
        return self.accounts[self.config.master.id].serving

    def spec(self, account: AccountConfig, instance_id: str) -> AccountSpec:
        """What a new process is told."""
        rest_url = account.broker_url or ""
        # The paper exchange stands for Kraken, also for Kraken over ccxt.
        if account.is_kraken or (
            not rest_url and self.config.exchange.mode is Mode.PAPER and speaks_kraken(account.broker)
        ):
            rest_url = self.place.rest_url
        return AccountSpec(
            id=account.id, role=account.role, broker=account.broker, epoch=self.epoch, instance_id=instance_id,
            rest_url=rest_url, ws_url=self.place.ws_url, nonce_path=self.place.nonce(account),
            socket_path=self.place.socket(account.id),
            ledger_path=self.place.state_dir / "accounts" / f"{account.id}.db",
            log_path=self.place.log(account.id), key_lock_dir=self.place.key_lock_dir, copy=account.copy,
            strategy=account.strategy, paper=self.config.exchange.mode is Mode.PAPER,
            visibility_lag_s=self.config.exchange.visibility_lag_s, allow_withdraw_key=account.allow_withdraw_key,
            tier=account.tier,
        )  # fmt: skip

    def credentials(self, account: AccountConfig) -> Credentials:
        """An account's API key, for one start of its process (credentials.py). Raises ConfigFaults."""
        return self._credentials(account)

    def link(self, account: AccountConfig, socket: Path, owner: SupervisedAccount) -> AccountLink:
        """A conversation with a new process."""
        return AccountLink(
            account_id=account.id, role=account.role if account.is_kraken else None, socket=socket, epoch=self.epoch, journal=self.journal,
            fills=self.fills, reports=self.reports, owner=owner, publish=lambda _: self.changes.ring(),
            paused=lambda: owner.paused,
        )  # fmt: skip

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        """Writes an event to the journal and the log."""
        event = pb.Event(severity=severity, account_id=account_id, code=code, message=message)
        event.at.GetCurrentTime()
        self.journal.add_event(event)
        log.log(LOG_LEVEL[severity], "%s: %s %s", account_id or "supervisor", code, message)
        self.events.ring()

    def dirty(self, account_id: str) -> None:
        """Something about an account changed."""
        self._dirty.add(account_id)
        self._work.set()

    def acked_seq(self, account_id: str) -> int:
        """The last fill that a user is known to have answered."""
        return self.journal.mark(account_id).acked_seq

    def fail(self, error: JournalFault) -> None:
        """Ends the supervisor with this error; the accounts' lifelines end them."""
        self._failure = self._failure or error
        self._work.set()

    # -- what operators ask -------------------------------------------------------------------------------------

    def start(self, account_id: str) -> None:
        """Wants the account to run, and gives it another try if it had FAILED. Kept across restarts."""
        self.journal.set_wanted(account_id, wanted=True)
        self._stopped.discard(account_id)
        self.accounts[account_id].reset()

    def stop(self, account_id: str) -> None:
        """Wants no process. Kept across restarts."""
        self.journal.set_wanted(account_id, wanted=False)
        self._stopped.add(account_id)
        self.dirty(account_id)

    def pause(self, account_id: str) -> None:
        """Hands no more fills to a user. Kept across restarts."""
        self._set_paused(account_id, paused=True)

    def resume(self, account_id: str) -> None:
        """Hands out fills again, those of the pause first."""
        self._set_paused(account_id, paused=False)

    def _set_paused(self, account_id: str, *, paused: bool) -> None:
        account = self.accounts[account_id]
        if account.paused != paused:
            self.journal.set_paused(account_id, paused=paused)
            account.paused = paused
            if paused:
                self.tell(
                    pb.SEVERITY_WARNING,
                    account_id,
                    "PAUSED",
                    "paused by an operator: fills wait in the journal",
                )
            else:
                self.tell(
                    pb.SEVERITY_INFO, account_id, "RESUMED", "resumed by an operator: first what has waited"
                )
        # Whoever sends fills to it looks again.
        self.fills.bell.ring()
        self.dirty(account_id)

    def restart(self, account_id: str) -> None:
        """Wants a new process."""
        self.journal.set_wanted(account_id, wanted=True)
        self._stopped.discard(account_id)
        account = self.accounts[account_id]
        if account.life.state in ALIVE:
            account.restart()
        else:
            account.reset()

    def leave(self) -> None:
        """Begins the shutdown: the master's own strategy first, then the users, then the masters."""
        if self._quiescing is None:
            self.tell(
                pb.SEVERITY_INFO,
                "",
                "SHUTDOWN",
                "users finish what is in flight and end first, then the master",
            )
            self._quiescing = asyncio.get_running_loop().create_task(self._quiesce())

    async def _quiesce(self) -> None:
        """Lets the users answer the last fills of a strategy that no longer trades; then everyone may go."""
        master = self.accounts[self.config.master.id]
        if master.link is not None:
            with suppress(grpc.aio.AioRpcError):
                await master.link.drain()
        until, quiet_since, head = time.time() + QUIESCE_MAX_S, time.time(), self.fills.head
        while time.time() < until and time.time() - quiet_since < QUIET_S:
            await asyncio.sleep(QUIET_S / 10)
            if self.fills.head != head or not self._caught_up():
                head, quiet_since = self.fills.head, time.time()
        self._leaving = True
        self._dirty.update(self.accounts)
        self._work.set()

    def _caught_up(self) -> bool:
        """Whether every user that copies and runs has answered every fill."""
        snapshots = [
            account.link.snapshot
            for account in self.accounts.values()
            if account.config.copies and account.serving and account.link is not None
        ]
        return all(
            snapshot.cursor_seq == self.fills.head and not snapshot.copies_open for snapshot in snapshots
        )

    def readiness(self) -> str:
        """Why the whole is not ready, for people; empty when every account that should run is RUNNING."""
        missing = [
            f"{account.config.id} is {account.life.state}"
            + (f" ({account.life.reason})" if account.life.reason else "")
            for account in self.accounts.values()
            if self.wanted(account.config.id) and account.life.state is not State.RUNNING
        ]
        if self._quiescing is not None:
            return "shutting down"
        if self.config.master.id in self._stopped:
            missing.insert(0, "the master is stopped by an operator")
        return "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")

    # -- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until ``leave`` is done. Raises JournalFault."""
        self.tell(pb.SEVERITY_INFO, "", "STARTED", f"run {self.epoch}, {len(self.accounts)} accounts")
        committing = asyncio.get_running_loop().create_task(self._commit_reports())
        try:
            await self._loop()
        finally:
            committing.cancel()
        self.reports.flush()
        for account in self.accounts.values():
            await account.close()

    async def _commit_reports(self) -> None:
        try:
            await self.reports.run()
        except JournalFault as error:
            self.fail(error)

    async def _loop(self) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            self._watch_masters()
            dirty, self._dirty = self._dirty, set()
            now = time.time()
            for account_id in dirty:
                self.accounts[account_id].step(now)
            self._watch_masters()
            if dirty:
                self.changes.ring()
            if self._leaving and self._all_gone():
                return
            if not self._dirty:
                await self._wait()

    def _all_gone(self) -> bool:
        users_gone = all(
            account.settled for account in self.accounts.values() if account.config.role is not Role.MASTER
        )
        if users_gone and not self._masters_leaving:
            self._masters_leaving = True
            self._dirty.update(master.id for master in self._masters)
            return False
        return users_gone and all(self.accounts[master.id].settled for master in self._masters)

    def _watch_masters(self) -> None:
        masters = [self.accounts[master.id] for master in self._masters]
        self._have_served.update(master.config.id for master in masters if master.serving)
        states = tuple((master.life.state, master.life.reason) for master in masters)
        if states != self._masters_were:
            self._masters_were = states
            self._dirty.update(self.accounts)
        serving = self.master_serving()
        if serving == self._master_was_serving:
            return
        self._master_was_serving = serving
        if serving:
            self._users_from = time.time() + self.config.startup.nonce_separation_s
            self.tell(
                pb.SEVERITY_INFO,
                self.config.master.id,
                "MASTER_READY",
                "the master is healthy; users may start",
            )
        elif self._quiescing is None:
            words = "users finish what is in flight, no user is started"
            self.tell(pb.SEVERITY_ERROR, self.config.master.id, "MASTER_LOST", words)
        self._dirty.update(self.accounts)

    async def _wait(self) -> None:
        """For a change or the next deadline; what is due then becomes dirty."""
        now = time.time()
        due: dict[str, float] = {}
        for account_id, account in self.accounts.items():
            at = _next(account.life, self._users_from, self.limits)
            if at:
                due[account_id] = at
        pause = min(due.values(), default=now + 3600.0) - now
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), max(pause, 0.005))
        self._work.clear()
        now = time.time()
        self._dirty.update(account_id for account_id, at in due.items() if at <= now)


def _next(life: Life, users_from: float, limits: Limits) -> float:
    """When this account must be looked at again even if nothing happens; 0 for never."""
    if life.state is State.WAITING:
        return users_from if life.reason == "SEPARATION_WAIT" else 0.0
    if life.state is State.RUNNING:
        return life.serving_since + limits.healthy if life.attempt else 0.0
    return life.deadline
