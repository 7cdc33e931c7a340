"""Lists and logs for asyncio: page by page as they are taken, and ended with whoever reads them."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from krakencopy.client import AsyncKrakenCopy, NotFound, Unavailable
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.front import run, until
from tests.support.scripted_supervisor import Live, Scripted, refuse


def in_pages(request: Any, _context: Any) -> pb.ListFillsResponse:
    """Two fills a page, three pages."""
    first = int(request.page_token or 1)
    fills = [nouns.Fill(seq=seq) for seq in (first, first + 1)]
    return pb.ListFillsResponse(fills=fills, next_page_token=str(first + 2) if first < 5 else "")


@pytest.mark.parametrize(
    ("limit", "seqs", "pages"), [(None, [1, 2, 3, 4, 5, 6], 3), (3, [1, 2, 3], 2), (0, [], 0)]
)
def test_a_page_is_asked_for_when_it_is_needed(
    endpoint: str, supervisor: Scripted, limit: int | None, seqs: list[int], pages: int
) -> None:
    supervisor.on["ListFills"] = in_pages

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            assert [fill.seq async for fill in sdk.list_fills(limit=limit)] == seqs
            assert len(supervisor.asked) == pages
            assert [fill.seq for fill in await sdk.list_fills(limit=limit).all()] == seqs

    run(play())


def test_a_list_that_is_refused_says_so_when_it_is_read(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["ListEvents"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no 'eve'")

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            events = sdk.list_events(account_id="eve")
            with pytest.raises(NotFound):
                await anext(events)

    run(play())


def test_a_log_ends_and_one_that_is_followed_is_ended(endpoint: str, supervisor: Scripted) -> None:
    lines = [pb.ReadLogResponse(line=line) for line in ("{}", "[]")]
    supervisor.on["ReadLog"] = lambda _request, _context: lines

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            log = sdk.read_log("bob")
            assert [line async for line in log] == ["{}", "[]"]
            assert [line async for line in log] == []
            supervisor.on["ReadLog"] = followed = Live(*lines)
            async with sdk.read_log("bob", follow=True) as log:
                assert [await anext(log), await anext(log)] == ["{}", "[]"]
                waiting = asyncio.ensure_future(anext(log, None))
                await asyncio.sleep(0)
            assert await waiting is None
            followed.end()

    run(play())


def test_a_log_whose_connection_is_lost_does_not_go_on(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["ReadLog"] = lambda _request, context: context.abort(grpc.StatusCode.UNAVAILABLE, "")

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            with pytest.raises(Unavailable):
                await anext(sdk.read_log("bob", follow=True))

    run(play())


def test_a_task_that_is_cancelled_ends_its_log(endpoint: str, supervisor: Scripted) -> None:
    ended: list[bool] = []

    def answer(request: Any, context: Any) -> Any:
        context.add_callback(lambda: ended.append(True))
        yield from Live()(request, context)

    supervisor.on["ReadLog"] = answer

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            log = sdk.read_log("bob", follow=True)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(log)
            await until("the end of the call", lambda: ended)
            assert [line async for line in log] == []

    run(play())
