"""What ControlService answers about limits to losses, on its real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpclib.const import Status

from krakencopy.account_proc.contract.loss_counting import Hit, LimitState
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.copying.limit_book import LimitBook
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import AnsweringLink, idle_supervisor, set_running
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import small_config

DAY = LossLimit("day", Metric.EQUITY, Window.DAY, Decimal("0.05"), Decimal("0.8"), Action.HALTED)


#: As a process answers that has reset what it was asked to.
RESET = account_pb2.AccountServiceResetLimitResponse(names=["day"])


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[tuple[Any, Supervisor, AnsweringLink]]:
    """anna has a process, bob has none."""
    config = small_config("anna", "bob")
    limited = CopyRules(limits=(DAY,))
    accounts = tuple(replace(one, copy=limited) if one.copies else one for one in config.accounts)
    supervisor = idle_supervisor(folder, journal, replace(config, accounts=accounts))
    link = AnsweringLink(ResetLimit=RESET)
    link.snapshot.positions_known = True
    link.snapshot.limits.add(account_id="anna", name="day", state=nouns.LIMIT_STATE_HIT)
    set_running(supervisor.accounts["anna"], link)
    async with served(supervisor) as stub:
        yield stub, supervisor, link


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
            assert (await refused(asked))[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")

    asyncio.run(play())


@pytest.mark.parametrize("configured", [True, False])
def test_a_limit_that_was_hit_is_shown_while_its_user_has_no_process(
    tmp_path: Path, journal: Journal, configured: bool
) -> None:
    hit = Hit(number=1, at=12.0, loss=Decimal("0.06"), words="limit week: 6% lost")
    limit = DAY if configured else DAY._replace(name="week")

    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor, _):
            path = supervisor.place.ledger("bob")
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(Ledger(path, "bob")) as ledger:
                book = LimitBook([limit], ledger)
                book.states[limit.name] = LimitState(limit=limit, since=5.0, hit=hit)
                book.write()
            (shown, *others) = (await stub.ListLimits(pb.ListLimitsRequest(account_ids=["bob"]))).limits
            assert (shown.name, shown.state, shown.configured) == (
                limit.name, nouns.LIMIT_STATE_HIT, configured,
            )  # fmt: skip
            assert (shown.loss, shown.hit_at.seconds) == ("6%", 12)
            assert shown.message.startswith("limit week: 6% lost; it holds, and can be reset when")
            assert [(one.name, one.state) for one in others] == (
                [] if configured else [("day", nouns.LIMIT_STATE_UNSPECIFIED)]
            )
            path.write_bytes(b"no ledger")
            (shown,) = (await stub.ListLimits(pb.ListLimitsRequest(account_ids=["bob"]))).limits
            assert (shown.name, shown.state) == ("day", nouns.LIMIT_STATE_UNSPECIFIED)
            assert "not a database" in shown.message

    asyncio.run(play())


def reset(**more: Any) -> pb.ResetLimitRequest:
    usual = {"request_id": "r1", "account_id": "anna", "name": "day", "reason": "seen", "by": "ann"}
    return pb.ResetLimitRequest(**usual | more)


def test_a_reset_is_done_once_and_is_an_event(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor, link):
            for _ in range(2):
                assert list((await stub.ResetLimit(reset())).names) == ["day"]
            [(_, asked)] = link.asked
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
        ({"request_id": ""}, (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_MISSING")),
        ({"reason": " "}, (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")),
        ({"account_id": "zoe"}, (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")),
        ({"account_id": "master"}, (grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_USER")),
        ({"account_id": "bob"}, (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONNECTED")),
    ],
)
def test_what_cannot_be_reset_is_refused(
    tmp_path: Path, journal: Journal, more: dict[str, str], refusal: tuple[grpc.StatusCode, str]
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, link):
            assert (await refused(stub.ResetLimit(reset(**more))))[:2] == refusal
            assert link.asked == []

    asyncio.run(play())


@pytest.mark.parametrize(
    ("failure", "refusal"),
    [
        (
            CallFailed(Status.NOT_FOUND, "no such limit", "LIMIT_NOT_FOUND"),
            (grpc.StatusCode.NOT_FOUND, "LIMIT_NOT_FOUND"),
        ),
        (CallFailed(Status.DEADLINE_EXCEEDED, "no answer"), (grpc.StatusCode.UNAVAILABLE, "NO_ANSWER")),
    ],
)
def test_what_its_process_refuses_is_passed_on_and_not_remembered(
    tmp_path: Path, journal: Journal, failure: CallFailed, refusal: tuple[grpc.StatusCode, str]
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, link):
            link.answers["ResetLimit"] = failure
            assert (await refused(stub.ResetLimit(reset())))[:2] == refusal
            link.answers["ResetLimit"] = RESET
            assert list((await stub.ResetLimit(reset())).names) == ["day"]

    asyncio.run(play())


def test_one_of_all_users_together_is_listed_first_and_reset(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, supervisor, link):
            asked = reset(account_id="", name="both")
            assert (await refused(stub.ResetLimit(asked)))[:2] == (
                grpc.StatusCode.NOT_FOUND,
                "LIMIT_NOT_FOUND",
            )
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
            assert (await refused(stub.ResetLimit(asked)))[:2] == (
                grpc.StatusCode.INTERNAL,
                "STATES_NOT_WRITTEN",
            )

    asyncio.run(play())
