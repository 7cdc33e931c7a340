"""A watch for asyncio goes on over lost connections, ends when it is told to, and reads what is taken."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from krakencopy.client import AfterHead, AsyncKrakenCopy, BadInput, Compacted, Fill, NotConnected, Unavailable
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc
from krakencopy.v1 import types_pb2 as nouns
from tests.support.cut_line import line
from tests.support.front import front, run, until
from tests.support.scripted_supervisor import Live, Scripted, refuse, serve

_Servicer: Any = control_pb2_grpc.ControlServiceServicer


def fill(seq: int, note: str = "") -> pb.WatchFillsResponse:
    return pb.WatchFillsResponse(fill=nouns.Fill(seq=seq, not_copied=note))


def journal(head: int) -> Any:
    """Fills up to ``head`` after the one asked for; then stays open."""
    return lambda request, context: Live(*map(fill, range(request.after_seq + 1, head + 1)))(request, context)


async def taken(watch: AsyncIterator[Fill], count: int) -> list[int]:
    return [(await anext(watch)).seq for _ in range(count)]


def test_a_watch_goes_on_behind_the_last_seq_after_the_supervisor_was_restarted(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    before, after = Scripted(), Scripted()
    before.on["WatchFills"], after.on["WatchFills"] = journal(3), journal(5)

    async def play() -> None:
        async with AsyncKrakenCopy(f"unix:{socket}") as sdk:
            with serve(before, socket):
                watch = sdk.watch_fills(after_seq=1)
                seen = await taken(watch, 2)
                ended = asyncio.create_task(taken(watch, 2))
                await asyncio.sleep(0)
                await asyncio.to_thread(lambda: None)
            with serve(after, socket):
                assert seen + await ended == [2, 3, 4, 5]
                assert watch.position == 5

    run(play())
    assert [request.after_seq for request in after.requests(pb.WatchFillsRequest)] == [3]


def test_a_watch_goes_on_over_a_connection_that_was_cut(
    endpoint: str, supervisor: Scripted, tmp_path: Path
) -> None:
    def answer(request: Any, context: Any) -> Iterator[Any]:
        yield fill(request.after_seq + 1)
        yield from Live()(request, context)

    supervisor.on["WatchFills"] = answer

    async def play() -> None:
        path = tmp_path / "line.sock"
        with line(path, Path(endpoint.removeprefix("unix:"))) as wire:
            async with AsyncKrakenCopy(f"unix:{path}") as sdk, sdk.watch_fills(after_seq=0) as watch:
                seen = []
                for _ in range(4):
                    seen += await taken(watch, 1)
                    wire.cut()
                assert seen == [1, 2, 3, 4]

    run(play())


@pytest.mark.parametrize(("reason", "kind"), [("COMPACTED", Compacted), ("AFTER_HEAD", AfterHead)])
def test_a_position_that_is_gone_is_an_error_of_its_own(
    endpoint: str, supervisor: Scripted, reason: str, kind: type[Exception]
) -> None:
    supervisor.on["WatchEvents"] = refuse(grpc.StatusCode.OUT_OF_RANGE, reason, "events start at 50")

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk, sdk.watch_events(3) as watch:
            with pytest.raises(kind):
                await anext(watch)
            assert watch.position == 3

    run(play())


def test_nobody_there_at_the_start_is_said_at_once_and_one_that_stays_away_when_patience_ends(
    tmp_path: Path,
) -> None:
    socket, supervisor = tmp_path / "control.sock", Scripted()
    supervisor.on["WatchFills"] = journal(1)

    async def play() -> None:
        async with AsyncKrakenCopy(f"unix:{socket}") as sdk:
            with pytest.raises(NotConnected):
                await anext(sdk.watch_fills())
        async with AsyncKrakenCopy(f"unix:{socket}", patience_s=0.2) as sdk:
            with serve(supervisor, socket):
                watch = sdk.watch_fills(0)
                assert await taken(watch, 1) == [1]
            with pytest.raises(Unavailable):
                await anext(watch)

    run(play())


def test_who_may_not_see_the_whole_may_watch_all_the_same(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["GetStatus"] = refuse(grpc.StatusCode.PERMISSION_DENIED, "NOT_FOR_OWNERS", "no")
    supervisor.on["WatchFills"] = journal(1)

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk, sdk.watch_fills(0) as watch:
            assert await taken(watch, 1) == [1]

    run(play())


def test_a_server_that_ends_a_watch_is_asked_again(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["WatchFills"] = lambda request, _context: [fill(request.after_seq + 1)]

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk, sdk.watch_fills(0) as watch:
            assert await taken(watch, 3) == [1, 2, 3]

    run(play())


@pytest.mark.parametrize("by_client", [False, True])
def test_closing_ends_a_watch_that_another_task_waits_for(
    endpoint: str, supervisor: Scripted, by_client: bool
) -> None:
    supervisor.on["WatchFills"] = Live(fill(1))

    async def play() -> None:
        sdk, seen = AsyncKrakenCopy(endpoint), list[int]()
        watch = sdk.watch_fills(0)

        async def read() -> None:
            seen.extend([each.seq async for each in watch])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            await until("the first fill", lambda: watch.position)
            await (sdk.close() if by_client else watch.close())
        assert seen == [1]
        assert [each async for each in watch] == []
        await watch.close()
        await sdk.close()

    run(play())


@pytest.mark.parametrize("by_client", [False, True])
def test_closing_ends_a_watch_that_waits_for_a_supervisor(tmp_path: Path, by_client: bool) -> None:
    supervisor, socket = Scripted(), tmp_path / "control.sock"
    supervisor.on["WatchFills"] = Live(fill(1))

    async def play() -> None:
        async with AsyncKrakenCopy(f"unix:{socket}") as sdk:
            with serve(supervisor, socket):
                watch = sdk.watch_fills(0)
                assert await taken(watch, 1) == [1]
            waiting = asyncio.ensure_future(anext(watch, None))
            await asyncio.sleep(0.1)
            await (sdk.close() if by_client else watch.close())
            assert await waiting is None

    run(play())


def test_closing_the_client_ends_a_watch_that_waits_for_the_first_word_of_the_supervisor(
    endpoint: str, supervisor: Scripted
) -> None:
    begun, over = threading.Event(), threading.Event()

    def answer(_request: Any, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        context.add_callback(over.set)
        begun.set()
        over.wait(10)
        return pb.GetStatusResponse()

    supervisor.on["GetStatus"] = answer

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint, timeout_s=600) as sdk:
            waiting = asyncio.ensure_future(anext(sdk.watch_fills(), None))
            await until("the question who is there", begun.is_set)
            await sdk.close()
            assert await waiting is None

    run(play())


def test_a_watch_of_a_client_that_is_closed_says_so(endpoint: str) -> None:
    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            watch = sdk.watch_fills()
        with pytest.raises(StopAsyncIteration):
            await anext(watch)
        with pytest.raises(BadInput, match="closed"):
            await anext(sdk.watch_fills())

    run(play())


def test_a_task_that_is_cancelled_ends_its_call_and_the_watch_goes_on_behind_it(
    endpoint: str, supervisor: Scripted
) -> None:
    ended: list[int] = []

    def answer(request: Any, context: Any) -> Iterator[Any]:
        context.add_callback(lambda: ended.append(request.after_seq))
        yield from Live(*map(fill, range(request.after_seq + 1, 3)))(request, context)

    supervisor.on["WatchFills"] = answer

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk, sdk.watch_fills(0) as watch:
            assert await taken(watch, 2) == [1, 2]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(watch)
            await until("the end of the call", lambda: ended == [0])
            supervisor.on["WatchFills"] = journal(4)
            assert await taken(watch, 2) == [3, 4]

    run(play())


def test_the_first_error_of_a_group_ends_its_watches(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["WatchFills"] = supervisor.on["WatchEvents"] = quiet = Live()

    async def follow(watch: AsyncIterator[Any]) -> None:
        async for _ in watch:
            pass

    async def fail() -> None:
        await asyncio.to_thread(quiet.opened.get, timeout=10)
        await asyncio.to_thread(quiet.opened.get, timeout=10)
        raise RuntimeError("enough")

    async def together(*all_of_it: Coroutine[Any, Any, None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for each in all_of_it:
                tasks.create_task(each)

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            with pytest.raises(ExceptionGroup) as raised:
                await together(follow(sdk.watch_fills(0)), follow(sdk.watch_events(0)), fail())
            assert [str(error) for error in raised.value.exceptions] == ["enough"]

    run(play())


def test_what_is_not_taken_is_not_read(tmp_path: Path) -> None:
    """A watcher that takes nothing holds up the stream at the server, after what lies between them."""
    sent = 0

    class Endless(_Servicer):  # type: ignore[misc]  # its type stub says that all must be written
        async def GetStatus(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's
            return pb.GetStatusResponse()

        async def WatchFills(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's
            nonlocal sent
            while True:
                sent += 1
                yield fill(sent, "x" * 10_000)
                await asyncio.sleep(0)

    async def play() -> None:
        async with (
            front(tmp_path / "s", Endless()),
            AsyncKrakenCopy(f"unix:{tmp_path}/s") as sdk,
            sdk.watch_fills(0) as watch,
        ):
            assert await taken(watch, 1) == [1]
            seen = -1
            while sent != seen:  # nothing more is sent for a moment
                seen = sent
                await asyncio.sleep(0.2)
            assert sent < 10_000
            assert await taken(watch, 5) == [2, 3, 4, 5, 6]

    run(play())


def test_a_watch_that_is_left_behind_warns_of_nothing(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["WatchFills"] = journal(3)

    async def play() -> None:
        async with AsyncKrakenCopy(endpoint) as sdk:
            async for each in sdk.watch_fills(0):
                if each.seq == 2:
                    break

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(play())
        gc.collect()
