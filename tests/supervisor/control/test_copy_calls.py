"""What ControlService answers when users are to copy one fill, on its real socket: who is asked, with what,
and what each has made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpclib.const import Status

from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.control.reloader import Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.processes.child import Child
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import Link, idle_supervisor, set_running
from tests.support.supervisor_samples import fill, small_config

COPIED, REFUSED, ALREADY, WAITING, MISSED = (
    nouns.COPY_FILL_OUTCOME_COPIED,
    nouns.COPY_FILL_OUTCOME_REFUSED,
    nouns.COPY_FILL_OUTCOME_ALREADY,
    nouns.COPY_FILL_OUTCOME_WAITING,
    nouns.COPY_FILL_OUTCOME_NOT_REACHED,
)


class Answering(Link):
    """A user's process that answers what a test gives it."""

    def __init__(self, answer: account_pb2.CopyAskedFillResponse | CallFailed) -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[account_pb2.CopyAskedFillRequest] = []

    async def ask(self, method: str, request: Any, timeout_s: float) -> Any:
        assert (method, timeout_s > 0) == ("CopyAskedFill", True)
        self.asked.append(request)
        if isinstance(self.answer, CallFailed):
            raise self.answer
        return self.answer


def copied(state: Any = nouns.COPY_STATE_FILLED, outcome: Any = COPIED) -> account_pb2.CopyAskedFillResponse:
    copy = nouns.Copy(
        copy_id="d1", fill_seqs=[1], state=state, side=nouns.SIDE_BUY, filled_volume="1", avg_price="2",
        reason="SCALED", detail="so much",
    )  # fmt: skip
    return account_pb2.CopyAskedFillResponse(outcome=outcome, copy=copy)


class World:
    """Three users, of which carl has no process; anna and carl are in a group."""

    def __init__(self, stub: Any, supervisor: Supervisor, links: dict[str, Answering]) -> None:
        self.stub, self.supervisor, self.links = stub, supervisor, links

    async def copy(self, *account_ids: str, **more: Any) -> dict[str, tuple[Any, str, str]]:
        asked: dict[str, Any] = {"request_id": "r", "seq": 1} | more
        request = pb.CopyFillRequest(account_ids=account_ids, **asked)
        answer = await self.stub.CopyFill(request)
        assert answer.fill.seq == 1
        return {one.account_id: (one.outcome, one.reason, one.message) for one in answer.answers}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield journal


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    config = small_config("anna", "bob", "carl")
    accounts = tuple(
        replace(one, group="eu" if one.id in {"anna", "carl"} else None) for one in config.accounts
    )
    config = replace(config, groups=("eu",), accounts=accounts)
    supervisor = idle_supervisor(folder, journal, config)
    journal.append([fill(1)], 1)
    links = {name: Answering(copied()) for name in ("anna", "bob")}
    for name, link in links.items():
        set_running(supervisor.accounts[name], link)
        child = SimpleNamespace(pid=1, last_beat=0, stopped=False)
        supervisor.accounts[name].process.child = cast("Child", child)
    socket = supervisor.place.socket("control")
    socket.parent.mkdir(exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    server = ControlServer()
    await server.start(supervisor, cast("Reloader", None))
    try:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield World(control_pb2_grpc.ControlServiceStub(channel), supervisor, links)
    finally:
        await server.close()
        supervisor.trading.close()


async def refused(answer: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await answer
    status = rpc_status.from_call(cast("grpc.Call", raised.value))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return raised.value.code(), info.reason


def test_those_who_are_named_are_asked_with_what_the_journal_knows_and_all_where_nobody_is(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            journal.put_reports([("anna", [nouns.Copy(copy_id="c1", fill_seqs=[1], revision=5)], 1)])
            done = (COPIED, "SCALED", "bought 1 at 2 (SCALED): so much")
            assert await w.copy("anna", by="ann") == {"anna": done}
            [asked] = w.links["anna"].asked
            assert (asked.fill, asked.journal_id, asked.by) == (journal.fill(1), journal.journal_id, "ann")
            assert (asked.known_copy_id, asked.known_revision, asked.dry_run) == ("c1", 5, False)
            everybody = await w.copy(request_id="r2")
            missed = "it is WAITING: nothing was copied, ask again when it runs"
            assert list(everybody) == ["anna", "bob", "carl"]
            assert everybody["bob"] == done
            assert everybody["carl"][0] == MISSED
            assert everybody["carl"][2].endswith(missed.partition(": ")[2])
            assert set(await w.copy("eu", request_id="r3")) == {"anna", "carl"}
            events = [event for event in journal.events_after(0, 100) if event.code == "COPY_REQUESTED"]
            assert [dict(event.data) for event in events] == [
                {"fill": "1", "by": "ann", "users": "anna"},
                {"fill": "1", "by": "operator", "users": "anna bob carl"},
                {"fill": "1", "by": "operator", "users": "anna carl"},
            ]

    asyncio.run(play())


def test_a_request_is_repeated_and_its_answer_too_and_a_dry_run_is_asked_each_time(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            link = w.links["bob"]
            assert await w.copy("bob") == await w.copy("bob")
            assert len(link.asked) == 1
            link.answer = account_pb2.CopyAskedFillResponse(
                outcome=nouns.COPY_FILL_OUTCOME_WOULD_COPY, reason="SCALED", detail="1 BTC would be bought"
            )
            for _ in range(2):
                would = await w.copy("bob", dry_run=True, request_id="")
                assert would["bob"][2] == "1 BTC would be bought"
            assert [asked.dry_run for asked in link.asked] == [False, True, True]
            assert sum(event.code == "COPY_REQUESTED" for event in journal.events_after(0, 100)) == 1

    asyncio.run(play())


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (copied(outcome=ALREADY), (ALREADY, "SCALED", "bought 1 at 2 (SCALED): so much")),
        (copied(nouns.COPY_STATE_SKIPPED), (REFUSED, "SCALED", "skipped (SCALED): so much")),
        (
            account_pb2.CopyAskedFillResponse(outcome=REFUSED, reason="PAIR_EXCLUDED", detail="why"),
            (REFUSED, "PAIR_EXCLUDED", "why"),
        ),
        (
            account_pb2.CopyAskedFillResponse(outcome=WAITING),
            (WAITING, "", "it is copied as soon as nothing else is done with its coin"),
        ),
        (
            CallFailed(Status.FAILED_PRECONDITION, "not now", "NOT_CONNECTED"),
            (MISSED, "NOT_CONNECTED", "not now"),
        ),
        (
            CallFailed(Status.DEADLINE_EXCEEDED, "no answer"),
            (MISSED, "DEADLINE_EXCEEDED",
             "no answer; whether it was copied is not known: ask again, it is never copied twice"),
        ),
    ],
)  # fmt: skip
def test_what_a_user_makes_of_it_is_said_in_one_word_with_the_reason(
    tmp_path: Path, journal: Journal, answer: Any, shown: tuple[Any, str, str]
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.links["bob"].answer = answer
            assert await w.copy("bob") == {"bob": shown}

    asyncio.run(play())


def test_what_is_not_there_is_refused_and_nobody_is_asked(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            for account_ids, more, reason in (
                (("anna",), {"seq": 9}, "FILL_NOT_FOUND"),
                (("anna", "nobody"), {}, "ACCOUNT_NOT_FOUND"),
                (("anna", "master"), {}, "NOT_A_USER"),
                (("anna",), {"request_id": ""}, "REQUEST_ID_MISSING"),
            ):
                assert (await refused(w.copy(*account_ids, **more)))[1] == reason
            assert w.links["anna"].asked == []

    asyncio.run(play())
