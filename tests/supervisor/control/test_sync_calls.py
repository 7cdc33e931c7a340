"""What ControlService answers about syncs, on its real socket: the plan of the user's process, and that it is
asked for once for each request id, also by a supervisor that comes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from grpclib.const import Status

from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import account_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import AnsweringLink, Link, idle_supervisor, set_running
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import fill, small_config

#: As a user's process plans.
PLAN = account_pb2.PlanSyncResponse(positions=[nouns.SyncPosition(asset="BTC", buy_volume="0.1")])


@pytest.fixture
def journal(journal: Journal) -> Journal:
    """With a fill."""
    journal.append([fill(1)], 1)
    return journal


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[tuple[Any, AnsweringLink, Link]]:
    """Anna has a process, ben has none."""
    supervisor = idle_supervisor(folder, journal, small_config("anna", "ben"))
    link, master = AnsweringLink(PlanSync=PLAN), Link()
    master.snapshot.equity.CopyFrom(nouns.Money(amount="1000", asset="USD"))
    set_running(supervisor.accounts["anna"], link)
    set_running(supervisor.accounts["master"], master)
    async with served(supervisor) as stub:
        yield stub, link, master


def test_a_plan_is_shown_and_nothing_is_kept_of_it(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, link, _):
            request = pb.ResyncAccountRequest(account_id="anna", dry_run=True, not_worse=True, by="olga")
            answer = await stub.ResyncAccount(request)
            assert [each.asset for each in answer.positions] == ["BTC"]
            assert (answer.number, answer.as_of_seq) == (0, 1)
            assert answer.source.endswith("by olga")
            [(_, asked)] = link.asked
            order = asked.sync
            assert (order.number, order.not_worse, order.sells) == (0, True, True)
            assert journal.syncs_waiting == {}

    asyncio.run(play())


def test_it_is_asked_for_once_for_each_request_id_also_by_a_later_run(
    tmp_path: Path, journal: Journal
) -> None:
    request = pb.ResyncAccountRequest(request_id="r1", account_id="anna", by="olga", reason="late")

    async def play() -> None:
        async with world(tmp_path, journal) as (stub, _, _master):
            first = await stub.ResyncAccount(request)
            assert (first.number, len(first.positions)) == (1, 1)
            assert await stub.ResyncAccount(request) == first
        async with world(tmp_path, journal) as (stub, _, _master):
            again = await stub.ResyncAccount(request)
            assert (again.number, again.source, len(again.positions)) == (1, first.source, 0)
        assert [row.request_id for row in journal.syncs_waiting["anna"]] == ["r1"]

    asyncio.run(play())


def test_what_cannot_be_planned_is_refused_with_a_reason(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as (stub, link, master):

            async def reason(account_id: str, **more: Any) -> str:
                request = pb.ResyncAccountRequest(account_id=account_id, **{"dry_run": True, **more})
                return (await refused(stub.ResyncAccount(request)))[1]

            assert await reason("carl") == "ACCOUNT_NOT_FOUND"
            assert await reason("master") == "NOT_A_USER"
            assert await reason("ben") == "NOT_CONNECTED"
            link.answers["PlanSync"] = CallFailed(Status.FAILED_PRECONDITION, "not yet", "NOT_USER")
            assert await reason("anna") == "NOT_CONNECTED"
            assert await reason("anna", dry_run=False, request_id="r1") == "NOT_CONNECTED"
            assert await reason("anna", dry_run=False) == "REQUEST_ID_MISSING"
            master.snapshot.Clear()
            assert await reason("anna") == "MASTER_EQUITY_UNKNOWN"
            assert journal.syncs_waiting == {}

    asyncio.run(play())
