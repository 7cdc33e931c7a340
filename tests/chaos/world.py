"""One world of a campaign as it runs: an exchange, a supervisor with its accounts, and what deals blows to
them.

It does what the plan says and writes down what happened. It judges nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any, Self

import requests

from krakencopy.client.sdk.errors import KrakenCopyError
from tests.chaos import plan, processes, reading
from tests.chaos.copied_by_trades import copied
from tests.chaos.loss_limits import LossWatch
from tests.chaos.owners import OWNERS_DO, Owners
from tests.chaos.plan import Action, Batch, World
from tests.chaos.quotes import TICKS
from tests.chaos.records import Record
from tests.chaos.rest import POLL_S, REST_MAX_S, DidNotRest, Rest
from tests.chaos.rows import FiredFault, Injection, PriceSet
from tests.chaos.supervisor_process import SupervisorProcess
from tests.chaos.tally import Tally
from tests.chaos.terms import ASSETS, PAIRS, RENAMED_PAIR, PairTerms
from tests.chaos.trading_states import SaidStates
from tests.support.system import Paper, System, wait_for

#: A batch that has not come to rest gets new quotes so often, in seconds, of so much money on either side.
QUOTE_AGAIN_S, QUOTED_USD = 5.0, Decimal(20_000)


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
        self._said = SaidStates(self._system.state_dir, self.record)
        self._losses = LossWatch(self._system.endpoint, self.record, self.tally, world.number)
        self._supervisor = SupervisorProcess(self._system, self.record, self.tally, self.folder)
        self._reader = reading.Reader(self._paper, self.record, self._hands)
        self._rest = Rest(
            self._paper, self._system, self.record, self._owners, self._reader, self.tally,
            [user.account for user in world.users],
        )  # fmt: skip

    def _make_system(self) -> System:
        for pair, price in self.plan.prices.items():
            self._price(pair, price, price + TICKS[pair], Decimal(1_000) / price)
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
        self._supervisor.start()
        wait_for("a supervisor", self._system.status)
        self.record.journal_id = self._journal_id()
        self._watch.start()
        self._said.start()
        self._losses.start()
        self._system.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.continue_all()
        self._watch.stop()
        self._said.close()
        self._losses.close()
        self._calls.shutdown(wait=False, cancel_futures=True)
        self._supervisor.end()
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
        if self._supervisor.pid is None:
            return "no supervisor"
        self._supervisor.kill()
        self._after(action.detail["seconds"], self._supervisor.start_if_none)
        return ""

    def _do_stop_supervisor(self, action: Action) -> str:
        if self._supervisor.pid is None:
            return "no supervisor"
        self._supervisor.stop()
        self._after(action.detail["seconds"], self._supervisor.go_on)
        return ""

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

    def _do_say(self, action: Action) -> str:
        return self._said.say(action)

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
        self._supervisor.go_on()
        self._said.lift_all()
        until = time.monotonic() + REST_MAX_S
        quote_at = time.monotonic() + QUOTE_AGAIN_S
        why = "nobody looked"
        while why:
            self._supervisor.start_if_none()
            self._watch.continue_all()
            why = self._rest.hindrance()
            if why and time.monotonic() > until:
                raise DidNotRest(why)
            if time.monotonic() > quote_at:
                self._quote_again()
                quote_at += QUOTE_AGAIN_S
            time.sleep(POLL_S if why else 0)
        self._rest.converge()
        self._rest.write_down()
        self._collect_runs()

    def _quote_again(self) -> None:
        """Somebody bids and asks again, as high as before: users that sold all at once have taken it all."""
        for pair in dict.fromkeys(row.pair for row in self.record.prices):
            bid, ask = self.record.last_price(pair)
            self._price(pair, bid, ask, QUOTED_USD / bid)

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
