"""Calls that change something are in the audit log, once each, with what came of them; what stops trading
does not wait for it, and others are refused where it cannot be written. On the real socket of a supervisor.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from krakencopy.supervisor.audit.chain import Kind
from krakencopy.supervisor.audit.verification import verify
from krakencopy.supervisor.control.audited_calls import stops_trading
from krakencopy.supervisor.control.call_pace import CallPace
from krakencopy.supervisor.control.permissions import AUDITED
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import access_pb2, account_pb2, types_pb2
from krakencopy.v1 import control_pb2 as pb
from tests.support.front import run, until
from tests.support.idle_supervisor import AnsweringLink, idle_supervisor, set_running
from tests.support.served_control import refused, served
from tests.support.small_disk import disk_of, fill_disk
from tests.support.supervisor_samples import grouped_config
from tests.support.system import ROOT
from tests.support.trading_links import set_living


class World:
    """A supervisor with the users anna, bob and carl, whose socket is real."""

    def __init__(self, stub: Any, supervisor: Supervisor) -> None:
        self.stub, self.supervisor = stub, supervisor

    def entries(self) -> list[dict[str, Any]]:
        """All but the beginnings of files."""
        lines = (
            line
            for path in sorted(self.supervisor.place.audit.glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        )
        return [each for each in map(json.loads, lines) if each["kind"] != Kind.FILE]

    async def ended(self, number: int = 1) -> dict[str, Any]:
        """What came of the call that ended as that one."""
        await until("its end", lambda: len(self.ends()) >= number)
        return self.ends()[number - 1]

    def ends(self) -> list[dict[str, Any]]:
        return [each for each in self.entries() if each["kind"] == Kind.ENDED]

    def begun(self, name: str) -> dict[str, Any]:
        (found,) = [each for each in self.entries() if (each["kind"], each["call"]) == (Kind.BEGAN, name)]
        return found

    def codes(self) -> list[str]:
        return [event.code for event in self.supervisor.journal.events_after(0, 1_000)]


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    supervisor = idle_supervisor(folder, journal, grouped_config())
    for name in ("master", "anna", "bob"):
        set_living(supervisor.accounts[name], supervisor.place.states)
    async with served(supervisor) as stub:
        yield World(stub, supervisor)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of(tmp_path / "disk", 8) as disk:
        yield disk


def pause(key: str = "r1") -> pb.PauseAccountRequest:
    return pb.PauseAccountRequest(request_id=key, account_id="anna")


def halt(key: str = "h1", **target: Any) -> pb.SetTradingStateRequest:
    return pb.SetTradingStateRequest(
        request_id=key, state=types_pb2.TRADING_STATE_HALTED, reason="odd orders", by="ann",
        target=pb.TradingTarget(**target or {"account_ids": ["anna"]}),
    )  # fmt: skip


def test_a_call_is_kept_with_who_what_before_and_after(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.stub.PauseAccount(pause())
            ended = await w.ended()
            began = w.begun("PauseAccount")
            assert began["n"] == ended["began"]
            assert (began["role"], began["request_id"], began["accounts"]) == ("admin", "r1", ["anna"])
            assert began["from"].startswith("unix pid ")
            assert began["before"]["anna.paused"] == "no"
            assert (ended["outcome"], ended["before"], ended["after"]) == (
                "OK", {"anna.paused": "no"}, {"anna.paused": "yes"},
            )  # fmt: skip
            assert ended["who"] == began["who"] != ""
            await w.stub.SetTradingState(halt(groups=["eu"]))
            ended = await w.ended(2)
            assert (ended["accounts"], ended["by"], ended["why"]) == (["group:eu"], "ann", "odd orders")
            assert ended["after"] == {"anna.trading": "HALTED", "carl.trading": "HALTED", "version": "1"}

    run(play())


def test_what_somebody_may_not_do_is_refused_and_kept(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            grant = access_pb2.CreateTokenRequest(
                request_id="t1", name="olga", role=access_pb2.ACCESS_ROLE_VIEWER, ttl=Duration(seconds=3_600)
            )
            token = (await w.stub.CreateToken(grant)).token
            as_olga = [("authorization", f"Bearer {token}")]
            code, reason, _ = await refused(w.stub.SetTradingState(halt(), metadata=as_olga))
            assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
            ended, began = await w.ended(2), w.begun("SetTradingState")
            assert (ended["outcome"], ended["reason"]) == ("PERMISSION_DENIED", "PERMISSION_MISSING")
            assert (began["who"], began["role"], began["by"]) == ("olga", "viewer", "olga")
            assert began["accounts"] == ["anna"]
            assert w.supervisor.trading.states.version == 0
            # Asked again it is refused again, and by itself.
            await refused(w.stub.SetTradingState(halt(), metadata=as_olga))
            assert "repeats" not in await w.ended(3)
            # What only shows is not kept, as it is not where it is answered.
            await refused(w.stub.ListTokens(access_pb2.ListTokensRequest(), metadata=as_olga))
            await w.stub.PauseAccount(pause())
            assert (await w.ended(4))["call"] == "PauseAccount"

    run(play())


def test_a_refusal_is_kept_with_its_reason_and_what_only_shows_is_not(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.stub.GetStatus(pb.GetStatusRequest())
            await refused(w.stub.StopAccount(pb.StopAccountRequest(request_id="r1", account_id="nobody")))
            ended = await w.ended()
            assert (ended["outcome"], ended["reason"]) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")
            assert "there is no account 'nobody'" in ended["message"]
            assert len(w.entries()) == 2

    run(play())


def test_a_repeated_request_is_kept_as_one_and_a_dry_run_as_that(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.stub.PauseAccount(pause())
            await w.stub.PauseAccount(pause())
            second = await w.ended(2)
            assert second["repeats"] == (await w.ended())["began"]
            assert "before" not in second
            await w.stub.FlattenAccounts(
                pb.FlattenAccountsRequest(dry_run=True, target=pb.TradingTarget(account_ids=["anna"]))
            )
            third = await w.ended(3)
            assert (third["dry_run"], third["outcome"]) == (True, "OK")
            assert "dry_run" not in second

    run(play())


def test_concurrent_calls_are_one_chain_with_two_entries_each(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            calls = [w.stub.PauseAccount(pause(f"r{number}")) for number in range(20)]
            calls += [w.stub.SetTradingState(halt(f"h{number}")) for number in range(5)]
            await asyncio.gather(*calls)
            await w.ended(25)
            ids = [each["request_id"] for each in w.entries()]
            assert len(ids) == 50
            assert {ids.count(each) for each in ids} == {2}
        files = [(path, None) for path in sorted(w.supervisor.place.audit.glob("*.jsonl"))]
        assert verify(files, is_whole=True).intact

    run(play())


async def use_up(w: World) -> int:
    """What room is left in the log's last page; how many entries there are."""
    reason = ""
    while reason != "DISK_NOT_WRITABLE":
        stop = pb.StopAccountRequest(request_id="s1", account_id="nobody" * 10)
        reason = (await refused(w.stub.StopAccount(stop)))[1]
    return len(w.entries())


def test_a_halt_goes_through_while_the_audit_cannot_be_written_and_others_are_refused(
    disk: Path, tmp_path: Path, journal: Journal
) -> None:
    """The audit alone is on the full disk: what is said of trading has room."""

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            fill_disk(disk / "filler")
            before = await use_up(w)
            code, reason, words = await refused(w.stub.PauseAccount(pause()))
            assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "DISK_NOT_WRITABLE")
            assert words.endswith("; nothing is changed: make room there, then ask again")
            assert not w.supervisor.accounts["anna"].paused
            answer = await w.stub.SetTradingState(halt(all=True))
            assert {each.trading.state for each in answer.accounts} == {types_pb2.TRADING_STATE_HALTED}
            await w.stub.FlattenAccounts(
                pb.FlattenAccountsRequest(request_id="f1", target=pb.TradingTarget(all=True))
            )
            # What lifts a halt stops nothing.
            resume = halt("a1", all=True)
            resume.state = types_pb2.TRADING_STATE_ACTIVE
            assert (await refused(w.stub.SetTradingState(resume)))[1] == "DISK_NOT_WRITABLE"
            assert "AUDIT_NOT_WRITTEN" in w.codes()
            assert len(w.entries()) == before
            (disk / "filler").unlink()
            await until("what waited", lambda: [e["call"] for e in w.ends()].count("FlattenAccounts") == 1)
            late = [each["call"] for each in w.entries()[before:] if each["call"] != "StopAccount"]
            assert late == [
                "SetTradingState", "SetTradingState", "FlattenAccounts", "FlattenAccounts",
            ]  # fmt: skip
            await until("its end", lambda: "AUDIT_NOT_WRITTEN_OVER" in w.codes())
            await w.stub.PauseAccount(pause())
            assert w.supervisor.accounts["anna"].paused

    (tmp_path / "audit").symlink_to(disk)
    run(play())


def test_a_disk_that_hangs_holds_up_no_halt_and_no_other_call_that_shows(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    fsync = os.fsync

    def waits(opened: int) -> None:
        if threading.current_thread().name.startswith("audit"):
            answers.wait(20)
        fsync(opened)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.stub.PauseAccount(pause("r0"))
            monkeypatch.setattr(os, "fsync", waits)
            waiting = asyncio.ensure_future(w.stub.PauseAccount(pause()))
            await w.stub.SetTradingState(halt())
            await w.stub.GetStatus(pb.GetStatusRequest())
            assert not waiting.done()
            answers.set()
            await waiting

    run(play())


def test_a_call_whose_client_is_gone_is_done_to_its_end_and_its_outcome_is_kept(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            link = AnsweringLink(PlaceOrder=account_pb2.AccountServicePlaceOrderResponse(order_id="O1"))
            link.held = asyncio.Event()
            set_running(w.supervisor.accounts["master"], link)
            order = pb.PlaceOrderRequest(
                request_id="o1", pair="BTC/USD", side=types_pb2.SIDE_BUY, volume="0.01"
            )
            call = w.stub.PlaceOrder(order)
            await until("it is asked", lambda: link.asked)
            call.cancel()
            await until("that it is cancelled", call.cancelled)
            link.held.set()
            ended = await w.ended()
            assert (ended["outcome"], ended["after"]) == ("OK", {"order_id": "O1"})
            assert ended["accounts"] == ["master"]
            assert w.begun("PlaceOrder")["asked"] == {"pair": "BTC/USD", "side": "SIDE_BUY", "volume": "0.01"}

    run(play())


KILLED = """
import asyncio, sys
from pathlib import Path
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import control_pb2 as pb, types_pb2
from tests.support.idle_supervisor import AnsweringLink, idle_supervisor, set_running
from tests.support.served_control import served
from tests.support.supervisor_samples import grouped_config

async def play(folder):
    supervisor = idle_supervisor(folder, Journal(folder / "journal.db"), grouped_config())
    link = AnsweringLink()
    link.held = asyncio.Event()
    set_running(supervisor.accounts["master"], link)
    async with served(supervisor) as stub:
        order = pb.PlaceOrderRequest(request_id="o1", pair="BTC/USD", side=types_pb2.SIDE_BUY, volume="1")
        asyncio.ensure_future(stub.PlaceOrder(order))
        while not link.asked:
            await asyncio.sleep(0.01)
        print("asked", flush=True)
        await asyncio.sleep(60)

asyncio.run(play(Path(sys.argv[1])))
"""


def test_a_kill_between_the_beginning_and_the_outcome_leaves_a_call_without_one(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGKILL)

    async def play() -> None:
        with closing(Journal(tmp_path / "journal.db")) as journal:
            async with world(tmp_path, journal) as w:
                ended = await w.ended()
                assert (ended["call"], ended["outcome"], ended["reason"]) == (
                    "PlaceOrder", "UNKNOWN", "PROCESS_ENDED",
                )  # fmt: skip
                await until("the event", lambda: "AUDIT_CALLS_CUT_OFF" in w.codes())

    run(play())


def test_who_asks_in_a_loop_is_slowed_down_but_for_what_stops_trading(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed: list[str] = []

    def pause_s(_pace: CallPace, caller: str, _now: float) -> float:
        slowed.append(caller)
        return 0.001

    monkeypatch.setattr(CallPace, "pause_s", pause_s)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.stub.SetTradingState(halt())
            assert slowed == []
            await w.stub.PauseAccount(pause())
            (caller,) = slowed
            assert caller.startswith("unix pid ")
            await w.ended(2)
            # Who shows a token over a gateway's connection does not hold up the gateway's other callers.
            asked = access_pb2.CreateTokenRequest(
                request_id="t", name="bot", role=access_pb2.ACCESS_ROLE_VIEWER, ttl=Duration(seconds=60)
            )
            token = (await w.stub.CreateToken(asked)).token
            await refused(w.stub.PauseAccount(pause(), metadata=[("authorization", f"Bearer {token}")]))
            assert slowed == [caller, caller, "bot"]

    run(play())


def test_methods_that_change_something_are_all_but_those_that_show() -> None:
    assert {"SetTradingState", "PlaceOrder", "Shutdown", "Reload"} <= AUDITED
    assert not AUDITED & {"GetStatus", "WatchFills", "ListAuditEntries", "VerifyAudit"}


@pytest.mark.parametrize(
    ("request_", "stops"),
    [
        (halt(), True),
        (pb.SetTradingStateRequest(state=types_pb2.TRADING_STATE_REDUCING), True),
        (pb.SetTradingStateRequest(state=types_pb2.TRADING_STATE_ACTIVE), False),
        (pb.FlattenAccountsRequest(), True),
        (pb.FlattenAccountsRequest(cancel=True), False),
        (pb.ShutdownRequest(), True),
        (pb.PauseAccountRequest(), False),
    ],
)
def test_what_waits_for_nothing_stops_trading_or_ends_the_whole(request_: Any, *, stops: bool) -> None:
    assert stops_trading(request_) is stops


def test_a_defect_is_kept_as_one(tmp_path: Path, journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:

            def fails(_account_id: str) -> None:
                raise RuntimeError("a defect")

            cast("Any", w.supervisor).pause = fails
            code, reason, _ = await refused(w.stub.PauseAccount(pause()))
            assert (code, reason) == (grpc.StatusCode.INTERNAL, "INTERNAL_FAULT")
            ended = await w.ended()
            assert (ended["outcome"], ended["reason"]) == ("INTERNAL", "INTERNAL_FAULT")

    run(play())
    assert caplog.text.count("PauseAccount was not answered") == 1
    assert "a defect" in caplog.text
