"""What ControlService answers when users are to copy one fill, on its real socket: who is asked, with what,
and what each has made of it.
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
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.idle_supervisor import AnsweringLink, idle_supervisor, set_running
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import fill, grouped_config

COPIED, REFUSED, ALREADY, WAITING, MISSED = (
    nouns.COPY_FILL_OUTCOME_COPIED,
    nouns.COPY_FILL_OUTCOME_REFUSED,
    nouns.COPY_FILL_OUTCOME_ALREADY,
    nouns.COPY_FILL_OUTCOME_WAITING,
    nouns.COPY_FILL_OUTCOME_NOT_REACHED,
)


def copied(state: Any = nouns.COPY_STATE_FILLED, outcome: Any = COPIED) -> account_pb2.CopyAskedFillResponse:
    copy = nouns.Copy(
        copy_id="d1", fill_seqs=[1], state=state, side=nouns.SIDE_BUY, filled_volume="1", avg_price="2",
        reason="SCALED", detail="so much",
    )  # fmt: skip
    return account_pb2.CopyAskedFillResponse(outcome=outcome, copy=copy)


class World:
    """Three users, of which carl has no process; anna and carl are in a group."""

    def __init__(self, stub: Any, supervisor: Supervisor, links: dict[str, AnsweringLink]) -> None:
        self.stub, self.supervisor, self.links = stub, supervisor, links

    async def copy(self, *account_ids: str, **more: Any) -> dict[str, tuple[Any, str, str]]:
        asked: dict[str, Any] = {"request_id": "r", "seq": 1} | more
        request = pb.CopyFillRequest(account_ids=account_ids, **asked)
        answer = await self.stub.CopyFill(request)
        assert answer.fill.seq == 1
        return {one.account_id: (one.outcome, one.reason, one.message) for one in answer.answers}


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    supervisor = idle_supervisor(folder, journal, grouped_config())
    journal.append([fill(1)], 1)
    links = {name: AnsweringLink(CopyAskedFill=copied()) for name in ("anna", "bob")}
    for name, link in links.items():
        set_running(supervisor.accounts[name], link)
    async with served(supervisor) as stub:
        yield World(stub, supervisor, links)


def test_those_who_are_named_are_asked_with_what_the_journal_knows_and_all_where_nobody_is(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            journal.put_reports([("anna", [nouns.Copy(copy_id="c1", fill_seqs=[1], revision=5)], 1)])
            done = (COPIED, "SCALED", "bought 1 at 2 (SCALED): so much")
            assert await w.copy("anna", by="ann") == {"anna": done}
            [(_, asked)] = w.links["anna"].asked
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
            link.answers["CopyAskedFill"] = account_pb2.CopyAskedFillResponse(
                outcome=nouns.COPY_FILL_OUTCOME_WOULD_COPY, reason="SCALED", detail="1 BTC would be bought"
            )
            for _ in range(2):
                would = await w.copy("bob", dry_run=True, request_id="")
                assert would["bob"][2] == "1 BTC would be bought"
            assert [asked.dry_run for _, asked in link.asked] == [False, True, True]
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
            w.links["bob"].answers["CopyAskedFill"] = answer
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
