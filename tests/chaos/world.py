"""One world of a campaign as it runs: an exchange, a supervisor with its accounts, and what deals blows to
them.

It does what the plan says and writes down what happened. It judges nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Self

import requests

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.v1 import types_pb2 as pb
from tests.chaos import plan, processes, reading
from tests.chaos.judge_money import copied, still_held
from tests.chaos.owners import OWNERS_DO, Owners
from tests.chaos.plan import Action, Batch, World
from tests.chaos.records import FiredFault, Injection, PriceSet, Record, Settled, SupervisorSeen
from tests.chaos.terms import ASSETS, PAIRS, RENAMED_PAIR, PairTerms
from tests.support.system import ROOT, Paper, System, wait_for

#: How long all may take to come to rest after a batch. Reads of an exchange that trail are looked at again
#: after 60 s.
REST_MAX_S = 100.0
POLL_S = 0.1
#: In the world's folder.
STANDARD_ERROR = "supervisor.stderr"
#: How long a supervisor may take to leave.
LEAVE_MAX_S = 40.0
#: A backoff that lasts longer is cut short by an operator's `start`.
BACKOFF_MAX_S = 0.5
#: Exits that are still owed get so long once all else is at rest: what was refused again and again is tried
#: up to once a minute.
CONVERGE_MAX_S = 75.0
#: The same for the reports of those.
REPORT_MAX_S = 5.0


#: What a batch may leave behind, and what holds up nothing: a clock that is wrong, coins that owners took.
LASTING = frozenset({"CLOCK_OFF", "COINS_MISSING"})


def _goes_on(account: Any) -> bool:
    """Whether an account trades, though it may lack something that lasts."""
    lasts = account.state == pb.ACCOUNT_STATE_DEGRADED and account.reason in LASTING
    return account.state in {pb.ACCOUNT_STATE_RUNNING, pb.ACCOUNT_STATE_STOPPED} or lasts


class DidNotRest(Exception):
    """A batch did not come to its end in time; says who hangs where."""


@dataclass
class Tally:
    """What was done and met, counted."""

    blows: Counter[str] = field(default_factory=Counter)
    not_done: Counter[str] = field(default_factory=Counter)
    faults_set: Counter[str] = field(default_factory=Counter)
    faults_fired: Counter[str] = field(default_factory=Counter)
    started_again: Counter[str] = field(default_factory=Counter)
    orders: int = 0

    def add(self, other: Tally) -> None:
        """Takes in another count."""
        for name in ("blows", "not_done", "faults_set", "faults_fired", "started_again"):
            getattr(self, name).update(getattr(other, name))
        self.orders += other.orders


class RunningWorld:
    """A context manager: what it starts, it ends."""

    def __init__(self, world: World) -> None:
        self.plan = world
        self.record = Record(master=dict(world.master), users=list(world.users))
        self.tally = Tally()
        self.folder = Path(tempfile.mkdtemp(prefix="kcx"))
        self._paper = Paper("--tick-ms", "3600000", "--seed", str(world.number))
        self._owners = Owners(self._paper, self.record)
        self._hands: frozenset[str] = frozenset()
        self._system = self._make_system()
        self._watch = processes.Watch(self._system.endpoint)
        self._calls = ThreadPoolExecutor(max_workers=4, thread_name_prefix="operator")
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._faults: dict[int, tuple[str, float]] = {}
        self._supervisor_stopped = False
        self._listening: threading.Thread | None = None
        self._reader = reading.Reader(self._paper, self.record, self._hands)

    def _make_system(self) -> System:
        for pair, price in plan.START_PRICES.items():
            self._price(pair, price, price + plan.TICKS[pair], Decimal(1_000) / price)
        if "USDT" in self.plan.master:
            # At Kraken there is one; without it nothing shows what the coin is worth in dollars.
            self._paper.call("POST", "/pairs", base="USDT", quote="USD", price="1", altname="USDTUSD")
        keys = {}
        for user in self.plan.users:
            coins = {asset: str(amount) for asset, amount in user.coins.items()}
            keys[user.account] = self._paper.open_account(user.account, {"ZUSD": str(user.usd), **coins})
        owned = {asset: str(amount) for asset, amount in self.plan.master.items()}
        keys["master"] = self._paper.open_account("master", owned)
        self._hands = frozenset(self._owners.give_key(account) for account in keys)
        return System(
            self._paper,
            {user.account: str(user.usd) for user in self.plan.users},
            user_lines={user.account: plan.config_line(user) for user in self.plan.users},
            folder=self.folder,
            keys=keys,
        )

    def __enter__(self) -> Self:
        self._start_supervisor()
        wait_for("a supervisor", self._system.status)
        self.record.journal_id = self._journal_id()
        self._watch.start()
        self._system.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.continue_all()
        self._watch.stop()
        self._calls.shutdown(wait=False, cancel_futures=True)
        if self._system.process is not None:
            if self._supervisor_stopped:
                self._system.process.send_signal(signal.SIGCONT)
            if self._system.process.poll() is None:
                self._system.process.terminate()
                try:
                    self._system.process.wait(timeout=LEAVE_MAX_S)
                except subprocess.TimeoutExpired:
                    self._system.process.kill()
            self._forget_supervisor()
        self._paper.close()

    def remove(self) -> None:
        """Deletes the state folder, once nobody needs it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _journal_id(self) -> str:
        """From a copy: SQLite wants one connection to a file."""
        copy = self.folder / "look"
        copy.mkdir(exist_ok=True)
        for path in self._system.state_dir.glob("journal.db*"):
            shutil.copy(path, copy / path.name)
        database = sqlite3.connect(copy / "journal.db")
        try:
            return str(database.execute("SELECT value FROM meta WHERE key = 'journal_id'").fetchone()[0])
        finally:
            database.close()
            shutil.rmtree(copy)

    # -- the supervisor -------------------------------------------------------------------------------------

    def _start_supervisor(self) -> None:
        # Not System.start: nobody reads its pipe, and a supervisor whose log cannot be written says much on
        # standard error. Nor a file: to a supervisor whose disk is full it would be full, too.
        self._system.process = process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "krakencopy.supervisor.daemon",
                "--config",
                str(self._system.write_config()),
                "--state-dir",
                str(self._system.state_dir),
                "--quiet",
            ],
            env=self._system.environment(),
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            errors="replace",
        )
        self._listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        self._listening.start()
        started = SupervisorSeen(pid=self._system.process.pid, epoch=0, started=time.time())
        self.record.supervisors.append(started)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Keeps what a supervisor says on standard error."""
        assert process.stderr is not None
        with process.stderr, (self.folder / STANDARD_ERROR).open("a") as kept:
            for line in process.stderr:
                kept.write(line)
                kept.flush()

    def _forget_supervisor(self) -> None:
        """It has ended."""
        process = self._system.process
        assert process is not None
        process.wait(timeout=LEAVE_MAX_S)
        self._system.process = None
        self._supervisor_stopped = False
        assert self._listening is not None
        self._listening.join(timeout=LEAVE_MAX_S)
        said = (self.folder / STANDARD_ERROR).read_text(errors="replace").strip().splitlines()[-1:]
        self.record.supervisors[-1] = replace(
            self.record.supervisors[-1],
            ended=time.time(),
            exit_code=process.returncode,
            last_words="".join(said),
        )

    def _mend_supervisor(self) -> None:
        """Starts one if none runs."""
        process = self._system.process
        if process is not None and process.poll() is not None:
            self.tally.started_again[f"supervisor after exit {process.returncode}"] += 1
            self._forget_supervisor()
        if self._system.process is None:
            self._start_supervisor()

    # -- a batch --------------------------------------------------------------------------------------------

    def run(self, batch: Batch) -> None:
        """Does everything that the batch says, at its time. Returns when it is done, not when all is at
        rest.
        """
        begin = time.monotonic()
        waiting = sorted(batch.actions, key=lambda action: action.at)
        while waiting or self._later:
            now = time.monotonic() - begin
            self._later.sort(key=lambda item: item[0])
            while self._later and self._later[0][0] <= time.monotonic():
                self._later.pop(0)[1]()
            while waiting and waiting[0].at <= now:
                self._do(waiting.pop(0))
            time.sleep(0.005)

    def _do(self, action: Action) -> None:
        try:
            # What owners do, and what happens to processes and the exchange.
            done_by = self._owners if action.kind in OWNERS_DO else self
            name = action.kind if action.kind in OWNERS_DO else f"_do_{action.kind}"
            note = getattr(done_by, name)(action)
        except (AssertionError, requests.RequestException) as error:
            note = str(error)[:200]
        self._write_down(action, note or "")

    def _write_down(self, action: Action, note: str) -> None:
        self.record.injections.append(
            Injection(
                at=time.time(),
                round=action.round,
                kind=action.kind,
                account=action.account,
                detail=action.detail,
                done=not note,
                note=note,
            )
        )
        name = self._name(action)
        if note:
            self.tally.not_done[f"{name}: {note[:60]}"] += 1
        else:
            self.tally.blows[name] += 1

    @staticmethod
    def _name(action: Action) -> str:
        if action.kind in {"kill", "stop", "disk_full"}:
            return f"{action.kind} {'master' if action.account == 'master' else 'user'}"
        if action.kind == "fault":
            return f"fault {action.detail['kind']}"
        return action.kind

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, what))

    # -- trading --------------------------------------------------------------------------------------------

    def _price(self, pair: str, bid: Decimal, ask: Decimal, depth: Decimal) -> None:
        size = depth.quantize(Decimal("1e-8"))
        self._paper.call(
            "POST",
            f"/markets/{self._owners.altname(pair)}",
            bid=f"{bid:f}",
            ask=f"{ask:f}",
            depth=f"{size:f}",
        )
        self.record.prices.append(PriceSet(at=time.time(), pair=pair, bid=bid, ask=ask))

    def _do_price(self, action: Action) -> str:
        detail = action.detail
        self._price(detail["pair"], *(Decimal(detail[name]) for name in ("bid", "ask", "depth")))
        return ""

    def _do_market(self, action: Action) -> str:
        return self._trade(action, ordertype="market")

    def _do_limit(self, action: Action) -> str:
        return self._trade(action, ordertype="limit", price=action.detail["price"])

    def _trade(self, action: Action, **more: str) -> str:
        detail = action.detail
        terms = PAIRS[detail["pair"]]
        volume = self._volume(terms, detail)
        if volume < terms.ordermin:
            return "nothing to sell" if detail["side"] == "sell" else "nothing to pay with"
        more |= {name: detail[name] for name in ("oflags",) if name in detail}
        answer = self._owners.order("master", terms.symbol, detail["side"], volume, **more)
        self.tally.orders += 1
        return ", ".join(answer["error"])

    def _volume(self, terms: PairTerms, detail: dict[str, Any]) -> Decimal:
        """How much of the base: so much, a share of what the master bought of it (or has of it), or what a
        share of its money buys.
        """
        if "volume" in detail:
            return Decimal(detail["volume"])
        if "of_quote" in detail:
            _, ask = self.record.last_price(terms.symbol)
            free = self._owners.free("master", ASSETS[terms.quote])
            # The fee has to be paid as well.
            volume = free * Decimal(detail["of_quote"]) / ask * Decimal("0.98")
        else:
            free = self._owners.free("master", terms.asset)
            if not detail.get("old"):
                self._reader.read_exchange()
                bought = copied(self.record, "master", len(self.record.trades)).held(terms.base)
                free = min(free, Decimal(bought.numerator) / Decimal(bought.denominator))
            volume = free * Decimal(detail["fraction"])
        return volume.quantize(Decimal("1e-8"), rounding=ROUND_DOWN)

    # -- blows ----------------------------------------------------------------------------------------------

    def _do_kill(self, action: Action) -> str:
        return self._watch.hit(action.account, signal.SIGKILL)

    def _do_stop(self, action: Action) -> str:
        note = self._watch.hit(action.account, signal.SIGSTOP)
        if not note:
            self._after(action.detail["seconds"], lambda: self._continue(action.account))
        return note

    def _continue(self, account: str) -> None:
        self._watch.hit(account, signal.SIGCONT)

    def _do_kill_supervisor(self, action: Action) -> str:
        process = self._system.process
        if process is None or process.poll() is not None:
            return "no supervisor"
        process.kill()
        self._forget_supervisor()
        self._after(action.detail["seconds"], self._mend_supervisor)
        return ""

    def _do_stop_supervisor(self, action: Action) -> str:
        process = self._system.process
        if process is None or process.poll() is not None:
            return "no supervisor"
        process.send_signal(signal.SIGSTOP)
        self._supervisor_stopped = True
        self._after(action.detail["seconds"], self._continue_supervisor)
        return ""

    def _continue_supervisor(self) -> None:
        if self._system.process is not None and self._supervisor_stopped:
            self._system.process.send_signal(signal.SIGCONT)
        self._supervisor_stopped = False

    def _do_kill_forkserver(self, _: Action) -> str:
        process = self._system.process
        pid = processes.forkserver_of(process.pid) if process is not None else None
        if pid is None:
            return "no forkserver"
        os.kill(pid, signal.SIGKILL)
        return ""

    def _do_disk_full(self, action: Action) -> str:
        return self._watch.fill_disk(action.account)

    def _do_disk_full_journal(self, _: Action) -> str:
        process = self._system.process
        return "no supervisor" if process is None else processes.limit_files(process.pid)

    # -- operators and users --------------------------------------------------------------------------------

    def _do_pause(self, action: Action) -> str:
        return self._tell("pause_account", action.account)

    def _do_resume(self, action: Action) -> str:
        return self._tell("resume_account", action.account)

    def _tell(self, what: str, account: str) -> str:
        """Beside everything else: a supervisor that is stopped answers late, or never."""

        def ask() -> None:
            with self._system.api() as api:
                try:
                    getattr(api, what)(account, timeout_s=3.0)
                except KrakenCopyError as error:
                    self.tally.not_done[f"{what}: {type(error).__name__}"] += 1

        self._calls.submit(ask)
        return ""

    def _do_clock(self, action: Action) -> str:
        """The newest one holds; also when it is zero."""
        fault = Action(
            at=0.0, round=action.round, kind="fault", detail={"kind": "clock_skew", **action.detail}
        )
        return self._do_fault(fault)

    # -- faults of the exchange -----------------------------------------------------------------------------

    def _do_fault(self, action: Action) -> str:
        body = dict(action.detail)
        if body.get("pair") == PAIRS[RENAMED_PAIR].altname:
            body["pair"] = self._owners.altname(RENAMED_PAIR)
        if action.account and body["kind"] not in {"ws_refuse", "market_mode", "ordermin", "clock_skew"}:
            body["account"] = action.account
        # Not by Paper.call: a fault has a field of the name of its first argument.
        answer = requests.post(f"{self._paper.rest_url}/paper/v1/faults", json=body, timeout=10)
        if not answer.ok:
            return f"{answer.status_code} {answer.text}"
        self._faults[answer.json()["id"]] = (action.account, time.time())
        self.tally.faults_set[body["kind"]] += 1
        return ""

    def _clear_faults(self) -> None:
        if not self._faults:
            return
        now = time.time()
        for row in self._paper.call("GET", "/faults")["faults"]:
            if row["id"] in self._faults:
                _, set_at = self._faults[row["id"]]
                self.record.faults.append(
                    FiredFault(
                        kind=row["kind"],
                        account=row.get("account") or "",
                        method=row.get("method") or "",
                        set_at=set_at,
                        cleared_at=now,
                        fired=row["fired"],
                    )
                )
                self.tally.faults_fired[row["kind"]] += row["fired"]
        self._paper.call("DELETE", "/faults")
        self._faults.clear()

    # -- coming to rest -------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Ends all blows and faults, repairs what needs an operator, and waits until everything is over.
        Raises DidNotRest.
        """
        self._clear_faults()
        self._owners.put_back()
        self._watch.continue_all()
        self._continue_supervisor()
        until = time.monotonic() + REST_MAX_S
        why = "nobody looked"
        while why:
            self._mend_supervisor()
            self._watch.continue_all()
            why = self._unrest()
            if why and time.monotonic() > until:
                raise DidNotRest(why)
            time.sleep(POLL_S if why else 0)
        self._converge()
        self._write_down_rest()

    def _unrest(self) -> str:
        """Why not all is over yet; empty when it is."""
        status = self._system.status()
        if status is None:
            return "no supervisor answers"
        self._help(status)
        self._tell_names()
        if self._owners.untold:
            return "a coin's new name is not told"
        if not (status.ready or all(map(_goes_on, status.accounts))):
            return f"not ready: {status.message}"
        self._reader.read_exchange()
        fills = len(self.record.trades_of("master"))
        if status.head_seq < fills:
            return f"the journal has {status.head_seq} of {fills} fills"
        behind = [
            f"{account.id} at {account.cursor_seq} with {account.copies_open} open"
            for account in status.accounts
            if account.role == pb.ROLE_USER and (account.cursor_seq < fills or account.copies_open)
        ]
        if behind:
            return f"of {fills} fills: {', '.join(behind[:5])}"
        with self._system.api() as api:
            try:
                self._reader.read_system(api, status.head_change)
            except KrakenCopyError as error:
                return str(error)
        unanswered = self._reader.unanswered()
        return f"reports are missing: {', '.join(unanswered[:5])}" if unanswered else ""

    def _help(self, status: Any) -> None:
        """What an operator would do."""
        now = time.time()
        for account in status.accounts:
            retry_at = account.retry_at.ToMicroseconds() / 1e6
            is_failed = account.state == pb.ACCOUNT_STATE_FAILED
            is_slow = account.state == pb.ACCOUNT_STATE_BACKOFF and retry_at - now > BACKOFF_MAX_S
            if is_failed or is_slow:
                reason = f"FAILED {account.reason}" if is_failed else "BACKOFF"
                self.tally.started_again[reason] += 1
                self._ask("start_account", account.id)
            if account.copy_mode == pb.COPY_MODE_PAUSED:
                self._ask("resume_account", account.id)

    def _tell_names(self) -> None:
        """An operator says which coin has another name; again until it is taken."""
        while self._owners.untold:
            with self._system.api() as api:
                try:
                    api.rename_asset(*self._owners.untold[0], timeout_s=3.0)
                except KrakenCopyError as error:
                    self.tally.not_done[f"rename_asset: {type(error).__name__}"] += 1
                    if error.reason != "NOT_RENAMED":  # else it was never traded, and has another name again
                        return
            self._owners.untold.pop(0)

    def _ask(self, what: str, account: str) -> None:
        with self._system.api() as api:
            try:
                getattr(api, what)(account, timeout_s=3.0)
            except KrakenCopyError as error:
                self.tally.not_done[f"{what}: {type(error).__name__}"] += 1

    def _converge(self) -> None:
        """Owed exits may take a while; whether they came to their end is for the validators to say."""
        until = time.monotonic() + CONVERGE_MAX_S
        while time.monotonic() < until:
            self._reader.read_exchange()
            if not self._owing():
                break
            time.sleep(POLL_S)
        # What was sold meanwhile is to be reported, too.
        until = time.monotonic() + REST_MAX_S
        while why := self._unrest():
            if time.monotonic() > until:
                raise DidNotRest(why)
            time.sleep(POLL_S)

    def _untold(self) -> bool:
        """Whether a user has traded since the last rest by an order that no copy names so far."""
        named = {(copy.account, copy.cl_ord_id) for copy in self.record.copies}
        settled = self.record.settled[-1].trades if self.record.settled else 0
        by_hand = {order.order_id for order in self.record.hand_orders}
        return any(
            trade.n > settled
            and trade.account != "master"
            and trade.order_id not in by_hand
            and (trade.account, trade.cl_ord_id) not in named
            for trade in self.record.trades
        )

    def _owing(self) -> bool:
        return any(still_held(self.record, len(self.record.trades), time.time()))

    def _write_down_rest(self) -> None:
        """What everyone has, once the copies of all trades since the last rest are reported.

        No fill stands behind an owed exit, so nobody misses its report, and one may trade at any moment, this
        one as well. A report that never comes is for the validators to find.
        """
        until = time.monotonic() + REPORT_MAX_S
        while True:
            balances: dict[str, dict[str, Decimal]] = {}
            open_orders: dict[str, int] = {}
            for account in ("master", *(user.account for user in self.plan.users)):
                row = self._paper.call("GET", f"/accounts/{account}")
                balances[account] = {asset: Decimal(amount) for asset, amount in row["balances"].items()}
                open_orders[account] = len(row["open_orders"])
            self._reader.read_exchange()
            if not self._untold() or time.monotonic() > until:
                break
            time.sleep(POLL_S)
            self._unrest()
        last = self.record.trades[-1].n if self.record.trades else 0
        self.record.settled.append(
            Settled(at=time.time(), trades=last, balances=balances, open_orders=open_orders)
        )
        self._collect_runs()

    def collect(self) -> None:
        """Takes into the record what has not been taken yet."""
        self._reader.read_exchange()
        self._collect_runs()

    def _collect_runs(self) -> None:
        self.record.processes = self._watch.seen()
        epochs = self._watch.epochs
        self.record.supervisors[:] = [
            replace(run, epoch=epochs.get(run.pid, 0)) for run in self.record.supervisors
        ]
        self._reader.read_logs(self._system.state_dir / "logs")
