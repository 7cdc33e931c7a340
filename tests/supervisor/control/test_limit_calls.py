"""What ControlService answers about limits to losses, on its real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpclib.const import Status

from krakencopy.account_proc.contract.loss_counting import LimitState
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

DAY = LossLimit("day", Metric.EQUITY, Window.DAY, Decimal("0.05"), Decimal("0.8"), Action.HALTED)


class LimitLink(Link):
    """A process that resets what it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []
        self.failure: CallFailed | None = None
        self.snapshot.positions_known = True
        self.snapshot.limits.add(account_id="anna", name="day", state=nouns.LIMIT_STATE_HIT)

    async def ask(self, method: str, request: Any, timeout_s: float) -> Any:
        assert (method, timeout_s > 0) == ("ResetLimit", True)
        self.asked.append(request)
        if self.failure is not None:
            raise self.failure
        return account_pb2.AccountServiceResetLimitResponse(names=["day"])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield journal


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[tuple[Any, Supervisor, LimitLink]]:
    """anna has a process, bob has none."""
    config = small_config("anna", "bob")
    limited = CopyRules(limits=(DAY,))
    accounts = tuple(replace(one, copy=limited) if one.copies else one for one in config.accounts)
    supervisor = idle_supervisor(folder, journal, replace(config, accounts=accounts))
    link = LimitLink()
    set_running(supervisor.accounts["anna"], link)
    socket = supervisor.place.socket("control")
    socket.parent.mkdir(exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    server = ControlServer()
    await server.start(supervisor, cast("Reloader", None))
    try:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield control_pb2_grpc.ControlServiceStub(channel), supervisor, link
    finally:
        await server.close()
        supervisor.trading.close()


async def refused(answer: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answer
    status = rpc_status.from_call(cast("grpc.Call", raised.value))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return raised.value.code().name, info.reason


def test_limits_are_those_of_the_processes_or_as_they_are_configured(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, _):
            answer = await stub.ListLimits(pb.ListLimitsRequest())
            assert [(one.account_id, one.name, one.state) for one in answer.limits] == [
                ("anna", "day", nouns.LIMIT_STATE_HIT),
                ("bob", "day", nouns.LIMIT_STATE_UNSPECIFIED),
            ]
            assert (answer.limits[1].max_loss, answer.limits[1].configured) == ("5%", True)
            assert "what is lost is not known" in answer.limits[1].message
            answer = await stub.ListLimits(pb.ListLimitsRequest(account_ids=["master"]))
            assert list(answer.limits) == []
            asked = stub.ListLimits(pb.ListLimitsRequest(account_ids=["zoe"]))
            assert await refused(asked) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")

    asyncio.run(play())


def reset(**more: Any) -> pb.ResetLimitRequest:
    usual = {"request_id": "r1", "account_id": "anna", "name": "day", "reason": "seen", "by": "ann"}
    return pb.ResetLimitRequest(**usual | more)


def test_a_reset_is_done_once_and_is_an_event(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor, link):
            for _ in range(2):
                assert list((await stub.ResetLimit(reset())).names) == ["day"]
            [asked] = link.asked
            assert (asked.request_id, asked.name) == ("r1", "day")
            [event] = [each for each in supervisor.journal.events_after(0, 99) if each.code == "LIMIT_RESET"]
            assert (event.account_id, dict(event.data)) == (
                "anna", {"names": "day", "by": "ann", "reason": "seen"},
            )  # fmt: skip
            assert event.message == "limit day is reset by ann (seen): it begins anew"

    asyncio.run(play())


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"request_id": ""}, ("INVALID_ARGUMENT", "REQUEST_ID_MISSING")),
        ({"reason": " "}, ("INVALID_ARGUMENT", "FIELD_INVALID")),
        ({"account_id": "zoe"}, ("NOT_FOUND", "ACCOUNT_NOT_FOUND")),
        ({"account_id": "master"}, ("FAILED_PRECONDITION", "NOT_A_USER")),
        ({"account_id": "bob"}, ("FAILED_PRECONDITION", "NOT_CONNECTED")),
    ],
)
def test_what_cannot_be_reset_is_refused(
    tmp_path: Path, journal: Journal, more: dict[str, str], refusal: tuple[str, str]
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, link):
            assert await refused(stub.ResetLimit(reset(**more))) == refusal
            assert link.asked == []

    asyncio.run(play())


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (CallFailed(Status.NOT_FOUND, "no such limit", "LIMIT_NOT_FOUND"), ("NOT_FOUND", "LIMIT_NOT_FOUND")),
        (CallFailed(Status.DEADLINE_EXCEEDED, "no answer"), ("UNAVAILABLE", "NO_ANSWER")),
    ],
)
def test_what_its_process_refuses_is_passed_on_and_not_remembered(
    tmp_path: Path, journal: Journal, failure: CallFailed, refusal: tuple[str, str]
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, link):
            link.failure = failure
            assert await refused(stub.ResetLimit(reset())) == refusal
            link.failure = None
            assert list((await stub.ResetLimit(reset())).names) == ["day"]

    asyncio.run(play())


def test_one_of_all_users_together_is_listed_first_and_reset(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor, link):
            asked = reset(account_id="", name="both")
            assert await refused(stub.ResetLimit(asked)) == ("NOT_FOUND", "LIMIT_NOT_FOUND")
            both = DAY._replace(name="both")
            supervisor.total_limits._limits["both"] = both
            supervisor.total_limits.states["both"] = LimitState(limit=both)
            answer = await stub.ListLimits(pb.ListLimitsRequest())
            assert [(one.account_id, one.name) for one in answer.limits][:2] == [
                ("", "both"),
                ("anna", "day"),
            ]
            assert list(
                (await stub.ResetLimit(reset(account_id="", name="both", request_id="r2"))).names
            ) == ["both"]
            assert link.asked == []
            [event] = [each for each in supervisor.journal.events_after(0, 99) if each.code == "LIMIT_RESET"]
            assert (event.account_id, event.data["names"]) == ("", "both")

            async def fail(*_: object, **__: object) -> str:
                raise OSError("no room")

            supervisor.trading.change = fail  # type: ignore[method-assign]
            asked = reset(account_id="", name="both", request_id="r3")
            assert await refused(stub.ResetLimit(asked)) == ("INTERNAL", "STATES_NOT_WRITTEN")

    asyncio.run(play())
