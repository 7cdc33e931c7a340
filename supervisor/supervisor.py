"""The supervisor: one level-triggered loop over all accounts, and what operators ask of it.

Each turn lets the accounts that may have changed take their steps, and carries out what follows from them. It
decides nothing about one account (lifecycle/state_machine.py), nothing about who may start when
(accounts/master_gate.py), and nothing about trades (the accounts do).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.spec import Credentials, Role
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.configured_users import keep_users
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.conversation import Shared
from krakencopy.supervisor.accounts.disk_watch import DiskWatch
from krakencopy.supervisor.accounts.exit_records import LastEnds
from krakencopy.supervisor.accounts.health_watch import HealthWatch
from krakencopy.supervisor.accounts.holders import HoldersLog
from krakencopy.supervisor.accounts.kept_leavers import KeptLeavers
from krakencopy.supervisor.accounts.kept_settings import kept_events
from krakencopy.supervisor.accounts.key_handover import KeyTurns
from krakencopy.supervisor.accounts.launcher import Launcher
from krakencopy.supervisor.accounts.master_gate import MasterGate
from krakencopy.supervisor.accounts.notice_log import left_open
from krakencopy.supervisor.accounts.registry import AccountRegistry
from krakencopy.supervisor.accounts.same_account import Identities
from krakencopy.supervisor.accounts.shutdown import Shutdown
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.accounts.sync_orders import SyncOrders
from krakencopy.supervisor.accounts.total_limits import JUDGE_PAPER_S, JUDGE_S, TotalLimits
from krakencopy.supervisor.accounts.trading_acks import TradingAcks
from krakencopy.supervisor.accounts.trading_watch import TradingWatch
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.config.diff import Difference
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.config.model import AccountConfig, Config
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.config.values import Mode
from krakencopy.supervisor.journal.event_log import EventLog, event_of, events_of_last_run
from krakencopy.supervisor.journal.fan_out import FillLog, ReportLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.journal.last_run import LastRun
from krakencopy.supervisor.journal.refused_copies import RefusedCopies
from krakencopy.supervisor.journal.report import counts
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import LOOK_S
from krakencopy.supervisor.lifecycle.next_look import next_look
from krakencopy.supervisor.lifecycle.reminders import reminders
from krakencopy.supervisor.lifecycle.start_order import Gate, narrower
from krakencopy.supervisor.lifecycle.state_machine import Effect, Limits, State
from krakencopy.supervisor.processes.spawner import Spawner
from krakencopy.v1 import types_pb2 as pb

#: Accounts that are not ready and are named in one sentence at most.
NAMED_MAX = 5


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
        self.started_at = time.time()
        self.fills = FillLog(journal)
        self.reports = ReportLog(journal)
        self.events = EventLog(journal)
        self._refused_copies = RefusedCopies(self.events, steady_time.now)
        self.reports.committed = self._refused_copies.count
        self.ends = LastEnds(journal)
        #: Rings on every change of any account.
        self.changes = ChangeSignal()
        self._queue = WorkQueue()
        self._credentials = credentials
        self._turns = KeyTurns()
        #: Who is to be brought to the master's positions.
        self.syncs = SyncOrders(journal, self.events, self._link_of_master, self.fills.users.notify)
        self.registry = AccountRegistry(journal, self._turns, self._make_account, self.syncs)
        self.events.is_shadow = self.registry.is_shadow
        self.shutdown = Shutdown(self.registry, self.fills, self.events, self._queue)
        separation_s = config.startup.nonce_separation_s
        self.masters = MasterGate(self.registry, self.shutdown, self.fills, self.events, separation_s)
        self._watch = HealthWatch(self.registry, self._queue, self.events, self.masters.gate)
        self._disk = DiskWatch(place.state_dir, self.events, self._queue, lambda: self.accounts)
        #: What operators have said of trading, and who keeps to it.
        self.trading = TradingWatch(place.states, journal, self.events, self._queue.put_failure)
        self.trading_acks = TradingAcks(self.trading, self.events, lambda: self.accounts)
        is_paper = config.exchange.mode is Mode.PAPER
        self.total_limits = TotalLimits(
            config.total_limits, lambda: self.accounts, journal, self.events, self.trading,
            judge_s=JUDGE_PAPER_S if is_paper else JUDGE_S, changed=self.trading_acks.tell_all,
        )  # fmt: skip
        self.names = CoinNames(journal, self.fills, self.events, self._link_of_master)
        self._identities = Identities(journal, self.events, self.registry, config)
        shared = Shared(
            epoch=journal.next_epoch(), journal=journal, fills=self.fills, reports=self.reports,
            identities=self._identities, names=self.names, syncs=self.syncs,
            queue=self._queue,
        )  # fmt: skip
        self.epoch = shared.epoch
        self.launcher = Launcher(
            config=config, place=place, spawner=spawner, shared=shared, credentials=self._key_for_start
        )
        self._holders = HoldersLog(self.events, self._ledgers)
        self._left_open = left_open(events_of_last_run(journal))
        self.leavers = KeptLeavers(journal)
        self.leavers.keep_configured(config)
        self.registry.add_all(config)
        self._queue.put_accounts(self.accounts)

    def _make_account(self, config: AccountConfig) -> SupervisedAccount:
        return SupervisedAccount(
            config, launcher=self.launcher, ends=self.ends, events=self.events, queue=self._queue,
            names=self.names, holders=self._holders, master_lost=self.masters.lost,
            disk=self._disk.condition, left_open=self._left_open.pop(config.id, ()),
        )  # fmt: skip

    def _key_for_start(self, account: AccountConfig) -> Credentials:
        credentials = self._credentials(account)
        self._turns.note_start(account.id, credentials)
        return credentials

    def _link_of_master(self) -> AccountLink | None:
        return self.registry.master.process.link

    def _ledgers(self) -> dict[str, Path]:
        return {user.id: self.place.ledger(user.id) for user in self.config.users}

    @property
    def accounts(self) -> Mapping[str, SupervisedAccount]:
        """By id, in the order in which they are shown."""
        return self.registry.accounts

    # -- what operators ask ---------------------------------------------------------------------------------

    def start(self, account_id: str) -> None:
        """Wants the account to run, and gives it another try if it had FAILED. Kept across restarts."""
        self.registry.set_wanted(account_id, wanted=True)
        self._watch.try_now()
        self.accounts[account_id].reset()

    def stop(self, account_id: str) -> None:
        """Wants no process. Kept across restarts."""
        self.registry.set_wanted(account_id, wanted=False)
        self._queue.put_accounts([account_id])

    def restart(self, account_id: str) -> None:
        """Wants a new process. Kept across restarts."""
        self.registry.set_wanted(account_id, wanted=True)
        self._watch.try_now()
        self.accounts[account_id].renew()

    def pause(self, account_id: str) -> None:
        """Hands no more fills to a user. Kept across restarts."""
        if not self.accounts[account_id].paused:
            keep = partial(self.journal.set_paused, account_id, paused=True)
            words = "paused by an operator: fills wait in the journal"
            self.events.record_wish(keep, pb.SEVERITY_WARNING, account_id, "PAUSED", words)
        self._set_paused(account_id, paused=True)

    def resume(self, account_id: str) -> None:
        """Hands out fills again, those of the pause first."""
        if self.accounts[account_id].paused:
            keep = partial(self.journal.set_paused, account_id, paused=False)
            words = "resumed by an operator: first what has waited"
            self.events.record_wish(keep, pb.SEVERITY_INFO, account_id, "RESUMED", words)
        self._set_paused(account_id, paused=False)

    def _set_paused(self, account_id: str, *, paused: bool) -> None:
        self.accounts[account_id].paused = paused
        # The sender of its fills looks again.
        self.fills.users.notify()
        self._queue.put_accounts([account_id])

    def hurry_shutdown(self) -> None:
        """The shutdown, begun now or before, waits for nobody any more; in the same order."""
        self.limits = self.limits.hurried()
        self.shutdown.hurry(self.limits)

    def apply(
        self, difference: Difference, loaded: Mapping[str, Credentials], source: str,
        also: Sequence[pb.Event] = (), leavers: Mapping[str, Leaver] | None = None,
    ) -> None:  # fmt: skip
        """Takes a difference of ``source`` that needs no restart; ``loaded`` are the credentials of those
        that it touches, ``also`` is recorded with it, and who leaves with it is kept. Raises JournalFault,
        before anything is changed.
        """
        reloaded = event_of(pb.SEVERITY_INFO, "", "RELOADED", f"{source}: {difference}")

        def keep() -> None:
            self.registry.join_added(difference)
            if leavers is not None:
                self.leavers.put(leavers)

        self.events.record_wishes(keep, [reloaded, *also])
        self.take(difference, loaded)

    def take(self, difference: Difference, loaded: Mapping[str, Credentials]) -> None:
        """Takes a difference that is recorded. Processes of accounts that it does not touch are left
        alone.
        """
        self.registry.apply(difference, loaded)
        self.config = self.launcher.config = difference.applied_to(self.config)
        self.limits = replace(self.limits, start=self.config.startup.health_timeout_s)
        self.masters.use_separation(self.config.startup.nonce_separation_s)
        self._identities.use_config(self.config)
        self.leavers.keep_configured(self.config)
        keep_users(self.place.state_dir, (user.id for user in self.config.users))
        self._queue.put_accounts(self.accounts)

    def fail(self, error: JournalFault) -> None:
        """The journal cannot keep what has happened: the run ends."""
        self._queue.put_failure(error)

    def readiness(self) -> str:
        """Why the whole is not ready, for people; empty when every account that should run is RUNNING."""
        if self.shutdown.begun:
            return "shutting down"
        missing = [
            f"{account.config.id} is {account.life.state}"
            + (f" ({account.life.reason})" if account.life.reason else "")
            for account in self.accounts.values()
            if account.wanted and account.life.state is not State.RUNNING
        ]
        if not self.registry.master.wanted:
            missing.insert(0, "the master is stopped by an operator")
        if self._disk.trouble:
            missing.insert(0, self._disk.trouble)
        if self._watch.message:
            missing.insert(0, self._watch.message)
        if trouble := self.trading.trouble():
            missing.insert(0, trouble)
        more = f"; and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        return "; ".join(missing[:NAMED_MAX]) + more

    # -- the loop -------------------------------------------------------------------------------------------

    def begin_run(self) -> str:
        """Records that the run before did not come to its own end, and what ended it; for people, empty if it
        did. Once, before ``run``. Raises JournalFault.
        """
        is_cut_off = self.journal.begin_run()
        last_run = LastRun(self.place.state_dir)
        cause, ended_at = last_run.cause(), last_run.ended_at()
        last_run.begin()
        if not is_cut_off:
            return ""
        (last, *_) = self.journal.events_before(self.journal.last_event + 1, 1) or [pb.Event()]
        shown = timestamp(ended_at).ToJsonString() if ended_at else ""
        when = f"at {shown}" if shown else f"after {last.at.ToJsonString()}"
        words = f"the run before did not come to its own end, {when}: {cause}; what was in flight is taken up"
        data = {"last_event_at": last.at.ToJsonString(), "cause": cause, "ended_at": shown}
        self.events.record(pb.SEVERITY_WARNING, "", "LAST_RUN_CUT_OFF", words, data)
        return words

    async def run(self) -> None:
        """Until the shutdown is over. Raises JournalFault."""
        keep_users(self.place.state_dir, (user.id for user in self.config.users))
        words = f"run {self.epoch}, {len(self.accounts)} accounts"
        self.events.record(pb.SEVERITY_INFO, "", "STARTED", words)
        self.events.record_wishes(lambda: None, kept_events(self.config))
        committing = asyncio.get_running_loop().create_task(self._commit_reports())
        try:
            await self._loop()
            self.reports.flush()
            self.journal.end_run()
        finally:
            committing.cancel()
            self.trading.close()
            for account in self.accounts.values():
                await account.process.close()

    async def _commit_reports(self) -> None:
        try:
            await self.reports.run()
        except JournalFault as error:
            self._queue.put_failure(error)

    async def _loop(self) -> None:
        while True:
            self._queue.raise_failure()
            with self.journal.together():
                any_looked_at = self._take_turn()
            self.fills.tidy()
            if any_looked_at:
                self.changes.notify()
            if self.shutdown.over():
                return
            if not self._queue.has_accounts:
                await self._wait()

    def _take_turn(self) -> bool:
        """Looks at everything that may have changed, once; whether any account was looked at."""
        self._refused_copies.record_due()
        self._disk.look()
        self.trading_acks.look()
        self.total_limits.look(time.time())
        self._watch.look()
        self.syncs.look(self.accounts)
        self._look_at_masters()
        now, account_ids = steady_time.now(), self._queue.take_accounts()
        looked_at = [account for account_id, account in self.accounts.items() if account_id in account_ids]
        # A user whose start follows from a master's health is looked at after it.
        looked_at.sort(key=lambda account: account.config.role is not Role.MASTER)
        standing_still = [account for account in looked_at if Effect.REMIND in self._step(account, now)]
        blocked = {account.config.id: words for account in looked_at if (words := account.take_blocked())}
        self.masters.record_blocked(blocked)
        self._forget_removed()
        self._look_at_masters()
        for reminder in reminders([account.life for account in standing_still], now):
            severity = pb.SEVERITY_ERROR if reminder.loud else pb.SEVERITY_WARNING
            self.events.record(severity, reminder.account_id, reminder.code, reminder.message)
        return bool(account_ids)

    def _look_at_masters(self) -> None:
        if self.masters.look():
            self._queue.put_accounts(self.accounts)

    def _step(self, account: SupervisedAccount, now: float) -> set[Effect]:
        """Lets an account take its steps, until its state does not change any more; their effects."""
        done: set[Effect] = set()
        while True:
            before = account.life.state
            effects = account.step(
                self._gate(account.config), now, self.limits, master_serving=self.masters.serving,
                many_failed=self._watch.many_failed,
            )  # fmt: skip
            for effect in effects:
                self._carry_out(effect, account, now)
            done.update(effects)
            if account.life.state is before:
                return done

    def _carry_out(self, effect: Effect, account: SupervisedAccount, now: float) -> None:
        match effect:
            case Effect.SPAWN:
                self.masters.record_start(account.config)
                account.process.start(account.config, self.limits.start)
            case Effect.DRAIN:
                account.process.drain()
            case Effect.TERMINATE:
                account.process.send_signal(signal.SIGTERM)
            case Effect.KILL:
                account.process.send_signal(signal.SIGKILL)
            case Effect.COUNT_FAILURE:
                self._watch.count_failure(account.config.id, now, self.limits)
            case Effect.REMIND:
                pass  # at the end of the turn, those of one kind together

    def _gate(self, account: AccountConfig) -> Gate:
        """Whether a process of this account may start now."""
        if holder := self._turns.holder(account.id):
            words = f"the process of {holder} still has this API key; this account starts once that has ended"
            return Gate(open=False, reason="KEY_IN_USE", message=words)
        if not (room := self._disk.gate()).open:
            return room
        return narrower(self.masters.gate(account), self._watch.gate(account.id))

    def _forget_removed(self) -> None:
        """Those whose process has ended; and one that waited for the key of such a one starts."""
        self._queue.put_accounts(self._turns.take_ready())
        for account_id in self.registry.forget_removed():
            # A process that could not finish in time leaves copies that the next one takes up; here is none.
            left = counts(end for end in self.journal.ends() if end[0] == account_id).open
            if left:
                words = f"{left} copies have no known end: see its orders, or configure it to have them ended"
                self.events.record(pb.SEVERITY_WARNING, account_id, "REMOVED_WITH_OPEN_COPIES", words)

    async def _wait(self) -> None:
        """For a change, the next deadline, or the next look; what is due then is looked at."""
        at_start = steady_time.now()
        due: dict[str, float] = {}
        for account_id, account in self.accounts.items():
            at = next_look(account.life, self.masters.users_from, self.limits)
            if at:
                due[account_id] = at
        pause = min(min(due.values(), default=at_start + LOOK_S) - at_start, LOOK_S)
        await self._queue.wait(max(pause, 0.005))
        passed = steady_time.now()
        self._queue.put_accounts(account_id for account_id, at in due.items() if at <= passed)
