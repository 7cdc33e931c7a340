"""The supervisor: one level-triggered loop over all accounts, the gate between master and users, events,
shutdown.

It decides nothing about one account (lifecycle/state_machine.py) and nothing about trades (the accounts do).
It knows who may start when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.folder_owner import owner_at
from krakencopy.account_proc.contract.spec import AccountSpec, Credentials, Role
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.exit_records import LastEnds
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.health_watch import HealthWatch
from krakencopy.supervisor.accounts.holders import holders
from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.shutdown import Shutdown
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.brokers import speaks_kraken
from krakencopy.supervisor.config.diff import Difference
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.reader import Mode
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.journal.report import counts
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import LOOK_S
from krakencopy.supervisor.lifecycle.start_order import Gate, MasterSeen, gate, narrower, without_master
from krakencopy.supervisor.lifecycle.state_machine import ALIVE, Life, Limits, State
from krakencopy.supervisor.processes.spawner import Spawner
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Accounts that are named in one sentence at most.
NAMED_MAX = 10
LOG_LEVEL = {
    pb.SEVERITY_INFO: logging.INFO,
    pb.SEVERITY_WARNING: logging.WARNING,
    pb.SEVERITY_ERROR: logging.ERROR,
}


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
        self.epoch = journal.next_epoch()
        self.started_at = time.time()
        self.fills = FillLog(journal)
        self.reports = ReportLog(journal)
        self.events = ChangeSignal()
        self.ends = LastEnds(journal)
        #: Rings on every change of any account.
        self.changes = ChangeSignal()
        #: The master's process is asked whether coins have other names.
        self._naming: asyncio.Task[None] | None = None
        #: Filled below, when there is all that an account may ask for.
        self._dirty: set[str] = set()
        self._work = asyncio.Event()
        self._master_was_serving = False
        self._masters_were: tuple[tuple[State, str], ...] = ()
        #: Masters that have been SERVING in this run.
        self._have_served: set[str] = set()
        self._users_from = 0.0
        self._watch = HealthWatch(self)
        self._failure: JournalFault | None = None
        self.registry = AccountRegistry(
            config, journal, lambda account: SupervisedAccount(account, self, spawner)
        )
        self.identities = Identities(journal, self)
        self.shutdown = Shutdown(self, self._everyone_changed)
        self._everyone_changed()

    # -- what one account may ask (Surroundings) ------------------------------------------------------------

    def gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start now."""
        if holder := self.registry.turns.holder(account.id):
            words = f"the process of {holder} still has this API key; this account starts once that has ended"
            return Gate(open=False, reason="KEY_IN_USE", message=words)
        return narrower(self.start_order(account), self._watch.gate(account.id))

    def start_order(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start, as far as masters and users go."""
        return gate(account.role, account.broker, self._masters_seen(), steady_time.now())

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
            for master_id, master in self.registry.masters().items()
        ]  # fmt: skip

    def ended_by_itself(self, account_id: str, now: float) -> bool:
        """Its process failed; whether so many do that it is not the account's own fault."""
        return self._watch.ended_by_itself(account_id, now)

    def remind(self, account_id: str) -> None:
        """Operators are to hear again where it stands."""
        self._watch.remind(account_id)

    @property
    def accounts(self) -> Mapping[str, SupervisedAccount]:
        """By id, in the order in which they are shown."""
        return self.registry.accounts

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run. At a shutdown users are unwanted first, masters once they are
        gone.
        """
        return self.registry.wanted(account_id) and not self.shutdown.lets_go(account_id)

    def master_serving(self) -> bool:
        """Whether the master's named health service is SERVING."""
        return self.accounts[self.config.master.id].serving

    @property
    def copying(self) -> list[str]:
        """Ids of the master and of the users that copy it, as they are configured: the master first."""
        return [self.config.master.id, *(user.id for user in self.config.users)]

    def process_started_at(self, account_id: str) -> float:
        """When the account's process was started (Unix seconds); 0 without one."""
        account = self.accounts.get(account_id)
        return 0.0 if account is None else account.started_at

    def condemn(self, account_id: str, reason: str, message: str) -> None:
        """The account must not trade until an operator starts it again."""
        account = self.accounts.get(account_id)
        if account is not None:
            account.condemn(reason, message)

    def names_doubted(self) -> None:
        """A user holds a coin in a pair that is not listed any more: it may have another name, which the
        master's process finds out.
        """
        if self._naming is None or self._naming.done():
            self._naming = asyncio.get_running_loop().create_task(self._find_names())

    async def _find_names(self) -> None:
        link = self.accounts[self.config.master.id].link
        if link is None:
            return  # it reads the exchange's tables when it starts
        try:
            # The tables are read for it, and what has another name by them comes on the stream of fills.
            await link.find_coins([])
        except CallFailed as error:
            log.warning("whether a coin has another name is not known yet: %s", error.message)

    def leaving(self) -> bool:
        """Whether the shutdown has begun."""
        return self.shutdown.begun

    def spec(self, account: AccountConfig, instance_id: str) -> AccountSpec:
        """What a new process is told."""
        rest_url = account.broker_url or ""
        # The paper exchange stands for Kraken, also for Kraken over ccxt.
        if account.is_kraken or (
            not rest_url and self.config.exchange.mode is Mode.PAPER and speaks_kraken(account.broker)
        ):
            rest_url = self.place.rest_url
        reserve = {
            self.journal.coins.current_name(asset): amount for asset, amount in account.reserve.items()
        }
        notional_asset = self.journal.coins.current_name(account.copy.notional_asset)
        return AccountSpec(
            id=account.id,
            role=account.role,
            broker=account.broker,
            epoch=self.epoch,
            instance_id=instance_id,
            rest_url=rest_url,
            ws_url=self.place.ws_url,
            nonce_path=self.place.nonce(account),
            socket_path=self.place.socket(account.id),
            ledger_path=self.place.state_dir / "accounts" / f"{account.id}.db",
            log_path=self.place.log(account.id),
            key_lock_dir=self.place.key_lock_dir,
            copy=replace(account.copy, notional_asset=notional_asset),
            strategy=account.strategy,
            strategy_options=account.strategy_options,
            strategy_risk=account.strategy_risk,
            paper=self.config.exchange.mode is Mode.PAPER,
            visibility_lag_s=self.config.exchange.visibility_lag_s,
            allow_withdraw_key=account.allow_withdraw_key,
            tier=account.tier,
            reserve=reserve,
            users=len(self.config.users),
            owner=self._owner_of(account, rest_url),
            adopt_ledger=self.place.adopt,
            journal_id=self.journal.journal_id,
        )

    def _owner_of(self, account: AccountConfig, rest_url: str) -> str:
        """Whose an account's ledger is: the state folder's, but at another broker."""
        if account.is_kraken or rest_url == self.place.rest_url:
            return self.place.owner
        return owner_at(self.config.exchange.mode, rest_url or account.broker)

    def credentials(self, account: AccountConfig) -> Credentials:
        """An account's API key, for one start of its process (config/credentials.py). Raises ConfigFaults."""
        credentials = self._credentials(account)
        self.registry.turns.started(account.id, credentials)
        return credentials

    def link(self, account: AccountConfig, socket: Path, owner: SupervisedAccount) -> AccountLink:
        """A conversation with a new process."""
        return AccountLink(
            account_id=account.id,
            role=account.role if account.is_kraken else None,
            socket=socket,
            epoch=self.epoch,
            journal=self.journal,
            fills=self.fills,
            reports=self.reports,
            owner=owner,
            paused=lambda: owner.paused,
        )

    def tell(self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str) -> None:
        """Writes an event to the journal and the log."""
        event = pb.Event(severity=severity, account_id=account_id, code=code, message=message)
        event.at.GetCurrentTime()
        self.journal.add_event(event)
        log.log(LOG_LEVEL[severity], "%s: %s %s", account_id or "supervisor", code, message)
        self.events.notify()

    def rename_asset(self, old: str, new: str, by: str) -> None:
        """Has positions follow a coin to its new name; ``by``: who says so. Raises ValueError for a
        contradiction, and JournalFault.
        """
        if self.journal.rename(old, new):
            words = (
                f"{old} is {new} from now on, by {by}: the master's count and every user's position follow it"
            )
            self.tell(pb.SEVERITY_WARNING, "", "ASSET_RENAMED", words)
            self.fills.renamed()
            self.fills.users.notify()

    async def copied(self, asset: str) -> str:
        """What users hold of a coin by copying, for people, as their ledgers say, also of users that do
        not run; empty for nothing.
        """
        ledgers = {
            user.id: self.place.state_dir / "accounts" / f"{user.id}.db"
            for user in self.config.users
            if user.is_kraken
        }
        # Files of other processes, and many of them: nothing waits for this.
        held = await asyncio.to_thread(holders, ledgers, asset)
        words = [
            f"{user} {'an unknown amount' if volume is None else plain(volume)}"
            for user, volume in held.items()
        ]
        more = f" and {len(words) - NAMED_MAX} more users" if len(words) > NAMED_MAX else ""
        return f"{', '.join(words[:NAMED_MAX])}{more}"

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

    # -- what operators ask ---------------------------------------------------------------------------------

    def start(self, account_id: str) -> None:
        """Wants the account to run, and gives it another try if it had FAILED. Kept across restarts."""
        self.registry.want(account_id, wanted=True)
        self._watch.try_now()
        self.accounts[account_id].reset()

    def stop(self, account_id: str) -> None:
        """Wants no process. Kept across restarts."""
        self.registry.want(account_id, wanted=False)
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
        self.fills.users.notify()
        self.dirty(account_id)

    def restart(self, account_id: str) -> None:
        """Wants a new process."""
        self.registry.want(account_id, wanted=True)
        self._watch.try_now()
        account = self.accounts[account_id]
        if account.life.state in ALIVE:
            account.restart()
        else:
            account.reset()

    def apply(self, difference: Difference, loaded: Mapping[str, Credentials]) -> None:
        """Takes a difference that needs no restart; ``loaded`` are the credentials of those that it touches.

        Processes of accounts that it does not touch are left alone. Raises JournalFault, before anything is
        changed.
        """
        self.registry.take(difference, loaded)
        self._users_from += difference.startup.nonce_separation_s - self.config.startup.nonce_separation_s
        self.config = difference.applied_to(self.config)
        self.limits = replace(self.limits, start=self.config.startup.health_timeout_s)
        self.identities.reconfigured()
        self._everyone_changed()

    def _everyone_changed(self) -> None:
        self._dirty.update(self.accounts)
        self._work.set()

    def _forget_removed(self) -> None:
        """Those whose process has ended; and whoever waited for the key of one that has."""
        self._dirty.update(self.registry.turns.come())
        for account_id in self.registry.forget_removed():
            self._tell_left_open(account_id)

    def _tell_left_open(self, account_id: str) -> None:
        """A process that could not finish in time leaves copies that the next one takes up, and here there
        is none.
        """
        left = counts(end for end in self.journal.ends() if end[0] == account_id).open
        if left:
            words = (
                f"{left} copies have no known end: look at its orders at the exchange, or configure it "
                "again to have them finished"
            )
            self.tell(pb.SEVERITY_WARNING, account_id, "REMOVED_WITH_OPEN_COPIES", words)

    def readiness(self) -> str:
        """Why the whole is not ready, for people; empty when every account that should run is RUNNING."""
        missing = [
            f"{account.config.id} is {account.life.state}"
            + (f" ({account.life.reason})" if account.life.reason else "")
            for account in self.accounts.values()
            if self.wanted(account.config.id) and account.life.state is not State.RUNNING
        ]
        if self.shutdown.begun:
            return "shutting down"
        if not self.registry.wanted(self.config.master.id):
            missing.insert(0, "the master is stopped by an operator")
        if self._watch.message:
            missing.insert(0, self._watch.message)
        return "; ".join(missing[:5]) + (f"; and {len(missing) - 5} more" if len(missing) > 5 else "")

    # -- the loop -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the shutdown is over. Raises JournalFault."""
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
            with self.journal.together():
                dirty = self._turn()
            self.fills.tidy()
            if dirty:
                self.changes.notify()
            if self.shutdown.over():
                return
            if not self._dirty:
                await self._wait()

    def _turn(self) -> set[str]:
        """Looks at everything that may have changed, once; the accounts that were looked at."""
        self._watch.look()
        self._watch_masters()
        dirty, self._dirty = self._dirty, set()
        at = steady_time.now()
        looked_at = [account for account_id, account in self.accounts.items() if account_id in dirty]
        # A user whose start follows from a master's health is told of after it.
        for account in sorted(looked_at, key=lambda account: account.config.role is not Role.MASTER):
            account.step(at)
        self._forget_removed()
        self._watch_masters()
        self._watch.tell_reminders(at)
        return dirty

    def _watch_masters(self) -> None:
        masters = list(self.registry.masters().values())
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
            self._users_from = steady_time.now() + self.config.startup.nonce_separation_s
            self.tell(
                pb.SEVERITY_INFO,
                self.config.master.id,
                "MASTER_READY",
                "the master is healthy; users may start",
            )
        elif not self.shutdown.begun:
            words = "users finish what is in flight, no user is started"
            self.tell(pb.SEVERITY_ERROR, self.config.master.id, "MASTER_LOST", words)
        # Whoever sends fills to users tells them who decides from here on.
        self.fills.users.notify()
        self._dirty.update(self.accounts)

    async def _wait(self) -> None:
        """For a change, the next deadline, or the next look; what is due then becomes dirty."""
        at_start = steady_time.now()
        due: dict[str, float] = {}
        for account_id, account in self.accounts.items():
            at = _next(account.life, self._users_from, self.limits)
            if at:
                due[account_id] = at
        pause = min(min(due.values(), default=at_start + LOOK_S) - at_start, LOOK_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), max(pause, 0.005))
        self._work.clear()
        passed = steady_time.now()
        self._dirty.update(account_id for account_id, at in due.items() if at <= passed)


def _next(life: Life, users_from: float, limits: Limits) -> float:
    """When this account must be looked at again even if nothing happens; 0 for never."""
    if life.state is State.WAITING and life.reason == "SEPARATION_WAIT":
        return min(users_from, life.deadline)
    if life.state is State.RUNNING:
        return life.serving_since + limits.healthy if life.attempt else 0.0
    return life.deadline
