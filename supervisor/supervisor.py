"""The supervisor: one level-triggered loop over all accounts, the gate between master and users, events, shutdown.

It decides nothing about one account (lifecycle.py) and nothing about trades (the accounts do). It knows who may start when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from supervisor.gate import Gate, MasterSeen, gate, narrower, without_master
from supervisor.journal import Journal, JournalFault
from supervisor.key_turns import KeyTurns
from supervisor.lifecycle import ALIVE, Life, Limits, State
from supervisor.process_end import LastEnds
from supervisor.pulses import LOOK_S
from supervisor.reload import Difference
from supervisor.report import counts
from supervisor.spawning import Spawner
from supervisor.watch import Watch

log = logging.getLogger(__name__)

LOG_LEVEL = {
    pb.SEVERITY_INFO: logging.INFO,
    pb.SEVERITY_WARNING: logging.WARNING,
    pb.SEVERITY_ERROR: logging.ERROR,
}
#: At a shutdown, users get this long to answer the last fills, and nothing may happen for so long, in seconds.
QUIESCE_MAX_S, QUIET_S = 8.0, 0.6
HOW_TO_HURRY = "press Ctrl-C again to hurry (or: SIGTERM, krakencopy shutdown --now)"


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
    """All accounts of one configuration, which may change while they run."""

    def __init__(
        self, *, config: Config, place: Place, journal: Journal, spawner: Spawner,
        credentials: Callable[[AccountConfig], Credentials], limits: Limits | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self.place = place
        self.journal = journal
        self.limits = limits or Limits(start=config.startup.health_timeout_s)
        self._credentials = credentials
        self._spawner = spawner
        self.epoch = journal.next_epoch()
        self.started_at = time.time()
        self.fills = FillLog(journal)
        self.reports = ReportLog(journal)
        self.events = Bell()
        self.ends = LastEnds(journal)
        #: Rings on every change of any account.
        self.changes = Bell()
        ordered = sorted(config.accounts, key=_place_in_status)
        self.accounts: Mapping[str, SupervisedAccount] = {
            account.id: SupervisedAccount(account, self, spawner) for account in ordered
        }
        self._stopped = {account.id for account in ordered if not journal.wanted(account.id)}
        #: Not configured any more; they finish what is in flight and are forgotten.
        self._removed: set[str] = set()
        self._turns = KeyTurns()
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
        self._watch = Watch(self)
        self._quiescing: asyncio.Task[None] | None = None
        self._leaving = False
        self._hurried = False
        self._masters_leaving = False
        self._failure: JournalFault | None = None

    # -- what one account may ask (Surroundings) ----------------------------------------------------------------

    def gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start now."""
        if holder := self._turns.holder(account.id):
            words = f"the process of {holder} still has this API key; this account starts once that has ended"
            return Gate(open=False, reason="KEY_IN_USE", message=words)
        return narrower(self.start_order(account), self._watch.gate(account.id))

    def start_order(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start, as far as masters and users go."""
        return gate(account.role, account.broker, self._masters_seen(), time.time())

    def without_master(self, account: AccountConfig) -> str:
        """What is to be said when this account starts now; empty for most."""
        return without_master(account.role, account.broker, self._masters_seen())

    def _masters_seen(self) -> list[MasterSeen]:
        return [
            MasterSeen(
                id=master_id, broker=master.config.broker, life=master.life, wanted=self.wanted(master_id),
                serving=master.serving, has_served=master_id in self._have_served,
                users_from=self._users_from, separation_s=self.config.startup.nonce_separation_s,
            )
            for master_id, master in self._masters.items()
        ]  # fmt: skip

    @property
    def _masters(self) -> dict[str, SupervisedAccount]:
        """By id; Kraken's first."""
        return {key: one for key, one in self.accounts.items() if one.config.role is Role.MASTER}

    def ended_by_itself(self, account_id: str, now: float) -> bool:
        """Its process failed; whether so many do that it is not the account's own fault."""
        return self._watch.ended_by_itself(account_id, now)

    def remind(self, account_id: str) -> None:
        """Operators are to hear again where it stands."""
        self._watch.remind(account_id)

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run. At shutdown users are unwanted first, masters once they are gone."""
        is_master = self.accounts[account_id].config.role is Role.MASTER
        if self._leaving and (not is_master or self._masters_leaving):
            return False
        return account_id not in self._stopped and account_id not in self._removed

    def master_serving(self) -> bool:
        """Whether the master's named health service is SERVING."""
        return self.accounts[self.config.master.id].serving

    def leaving(self) -> bool:
        """Whether the shutdown has begun."""
        return self._quiescing is not None

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
            strategy=account.strategy, strategy_options=account.strategy_options, strategy_risk=account.strategy_risk,
            paper=self.config.exchange.mode is Mode.PAPER,
            visibility_lag_s=self.config.exchange.visibility_lag_s, allow_withdraw_key=account.allow_withdraw_key,
            tier=account.tier,
        )  # fmt: skip

    def credentials(self, account: AccountConfig) -> Credentials:
        """An account's API key, for one start of its process (credentials.py). Raises ConfigFaults."""
        credentials = self._credentials(account)
        self._turns.started(account.id, credentials)
        return credentials

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
        self._watch.try_now()
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
        self._watch.try_now()
        account = self.accounts[account_id]
        if account.life.state in ALIVE:
            account.restart()
        else:
            account.reset()

    def is_removed(self, account_id: str) -> bool:
        """Whether the account is only there until its process has ended."""
        return account_id in self._removed

    def is_stopped(self, account_id: str) -> bool:
        """Whether an operator has stopped the account, also before it was configured (again)."""
        return not self.journal.wanted(account_id)

    def apply(self, difference: Difference, loaded: Mapping[str, Credentials]) -> None:
        """Takes a difference that needs no restart; ``loaded`` are the credentials of those that it touches.

        Processes of accounts that it does not touch are left alone. Raises JournalFault, before anything is changed.
        """
        for account in difference.added:
            if account.copies:
                self.journal.join(account.id)
        pause_s = difference.startup.nonce_separation_s - self.config.startup.nonce_separation_s
        self.config = difference.applied_to(self.config)
        self.limits = replace(self.limits, start=self.config.startup.health_timeout_s)
        self._users_from += pause_s
        self._turns.hand_over(loaded, self.accounts)
        self._removed |= {account.id for account in difference.removed}
        for account in difference.added:
            self._add(account)
        for changed in difference.changed:
            self._renew(changed.account)
        known = sorted(self.accounts.values(), key=lambda one: _place_in_status(one.config))
        self.accounts = {one.config.id: one for one in known}
        self._dirty.update(self.accounts)
        self._work.set()

    def _add(self, account: AccountConfig) -> None:
        """A user that is new, or one that was removed and comes back: then with what operators wanted of it."""
        if account.id in self._removed:
            # Its last process has not ended yet.
            self._removed.discard(account.id)
            self._renew(account)
            return
        added = SupervisedAccount(account, self, self._spawner)
        added.paused = self.journal.paused(account.id)
        self.accounts = {**self.accounts, account.id: added}
        if self.is_stopped(account.id):
            self._stopped.add(account.id)

    def _renew(self, account: AccountConfig) -> None:
        """Other settings: for the next process, which comes at once if there is one now, or if the last one failed."""
        known = self.accounts[account.id]
        known.config = account
        if known.life.state in ALIVE:
            known.restart()
        else:
            known.reset()

    def _forget_removed(self) -> None:
        """Those whose process has ended; and whoever waited for the key of one that has."""
        self._dirty.update(self._turns.come())
        for account_id in list(self._removed):
            account = self.accounts[account_id]
            if account.life.state is State.STOPPED and account.settled:
                self._removed.discard(account_id)
                self._stopped.discard(account_id)
                self._tell_left_open(account_id)
                self.accounts = {key: one for key, one in self.accounts.items() if key != account_id}

    def _tell_left_open(self, account_id: str) -> None:
        """A process that could not finish in time leaves copies that the next one takes up, and here there is none."""
        left = counts(end for end in self.journal.ends() if end[0] == account_id).open
        if left:
            words = f"{left} copies have no known end: look at its orders at the exchange, or configure it again to have them finished"
            self.tell(pb.SEVERITY_WARNING, account_id, "REMOVED_WITH_OPEN_COPIES", words)

    def leave(self) -> None:
        """Begins the shutdown: the master's own strategy first, then the users, then the masters."""
        if self._quiescing is None:
            words = "users finish what is in flight and end first, then the master"
            self.tell(pb.SEVERITY_INFO, "", "SHUTDOWN", f"{words}; {HOW_TO_HURRY}")
            self._quiescing = asyncio.get_running_loop().create_task(self._quiesce())

    def hurry(self) -> None:
        """The shutdown, begun now or before, waits for nobody any more; in the same order."""
        if self._quiescing is None:
            self.leave()
        if self._hurried:
            return
        self._hurried = True
        self.limits = self.limits.hurried()
        words = (
            f"hurried: what does not end within {self.limits.drain:g} s gets SIGTERM, and SIGKILL "
            f"{self.limits.terminate:g} s later; what is in flight is taken up at the next start"
        )
        self.tell(pb.SEVERITY_WARNING, "", "SHUTDOWN_HURRIED", words)
        if self._quiescing is not None:
            self._quiescing.cancel()
        self._let_go()

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
        self._let_go()

    def _let_go(self) -> None:
        """Everyone may end, each in its turn."""
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
        if self._watch.message:
            missing.insert(0, self._watch.message)
        return "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")

    # -- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until ``leave`` is done. Raises JournalFault."""
        self.tell(pb.SEVERITY_INFO, "", "STARTED", f"run {self.epoch}, {len(self.accounts)} accounts")
        committing = asyncio.get_running_loop().create_task(self._commit_reports())
        try:
            await self._loop()
            self.reports.flush()
        finally:
            committing.cancel()
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
            self._watch.look()
            self._watch_masters()
            dirty, self._dirty = self._dirty, set()
            now = time.time()
            for account_id in dirty & self.accounts.keys():
                self.accounts[account_id].step(now)
            self._forget_removed()
            self._watch_masters()
            self._watch.tell_reminders(now)
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
            self._dirty.update(self._masters)
            return False
        return users_gone and all(master.settled for master in self._masters.values())

    def _watch_masters(self) -> None:
        masters = list(self._masters.values())
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
        # Whoever sends fills to users tells them who decides from here on.
        self.fills.bell.ring()
        self._dirty.update(self.accounts)

    async def _wait(self) -> None:
        """For a change, the next deadline, or the next look; what is due then becomes dirty."""
        now = time.time()
        due: dict[str, float] = {}
        for account_id, account in self.accounts.items():
            at = _next(account.life, self._users_from, self.limits)
            if at:
                due[account_id] = at
        pause = min(min(due.values(), default=now + LOOK_S) - now, LOOK_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), max(pause, 0.005))
        self._work.clear()
        now = time.time()
        self._dirty.update(account_id for account_id, at in due.items() if at <= now)


def _place_in_status(account: AccountConfig) -> tuple[bool, bool, str]:
    """Masters first, Kraken's before others, then by id."""
    return account.role is not Role.MASTER, not account.is_kraken, account.id


def _next(life: Life, users_from: float, limits: Limits) -> float:
    """When this account must be looked at again even if nothing happens; 0 for never."""
    if life.state is State.WAITING and life.reason == "SEPARATION_WAIT":
        return min(users_from, life.deadline)
    if life.state is State.RUNNING:
        return life.serving_since + limits.healthy if life.attempt else 0.0
    return life.deadline
