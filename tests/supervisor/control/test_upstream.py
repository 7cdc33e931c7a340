"""The front's end of the channel: each answer to the one who waits for it; who gives up is not waited for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from google.rpc import status_pb2
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.supervisor.control import upstream as upstream_module
from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.call_frames import (
    METHODS,
    TAKEN_BYTES_MIN,
    UNTAKEN_BYTES_MAX,
    Frame,
    Kind,
    read_call,
    read_taken,
)
from krakencopy.supervisor.control.loop_share import LoopShare
from krakencopy.supervisor.control.upstream import Upstream
from tests.support.front import SOMEBODY, HandEnd, run, streams_of


class Supervisor(HandEnd):
    """The other end."""

    def say(self, kind: Kind, call: int, body: bytes = b"") -> None:
        self.send(Frame(kind, call, body))


@asynccontextmanager
async def joined() -> AsyncIterator[tuple[Upstream, Supervisor]]:
    here, there = socket.socketpair()
    upstream = Upstream(*await streams_of(here))
    running = asyncio.create_task(upstream.run())
    supervisor = Supervisor(*await streams_of(there))
    yield upstream, supervisor
    supervisor.writer.close()
    await running


async def all_of(upstream: Upstream, request: bytes) -> list[bytes]:
    return [answer async for answer in upstream.answers(3, SOMEBODY, request)]


def test_answers_come_to_whom_they_are_for() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            first, second = (asyncio.create_task(all_of(upstream, text)) for text in (b"one", b"two"))
            calls = {read_call((frame := await supervisor.frame()).body): frame.call for _ in range(2)}
            for text in (b"two", b"one"):
                supervisor.say(Kind.ANSWER, calls[3, SOMEBODY, text], b"answer to " + text)
                supervisor.say(Kind.END, calls[3, SOMEBODY, text])
            assert (await first, await second) == ([b"answer to one"], [b"answer to two"])
            supervisor.say(Kind.ANSWER, calls[3, SOMEBODY, b"one"], b"late")
            supervisor.say(Kind.PING, 0)
            while (await supervisor.frame()).kind is not Kind.PONG:
                pass
            await upstream.wait_idle()

    run(play())


def test_the_supervisor_is_told_now_and_then_how_much_was_taken() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            reading = asyncio.create_task(all_of(upstream, b""))
            number = (await supervisor.frame()).call
            part = b"x" * (TAKEN_BYTES_MIN // 2)
            for _ in range(5):
                supervisor.say(Kind.ANSWER, number, part)
            taken = [await supervisor.frame() for _ in range(2)]
            assert [(frame.kind, read_taken(frame.body)) for frame in taken] == [
                (Kind.TAKEN, 2 * len(part))
            ] * 2
            supervisor.say(Kind.END, number)
            assert await reading == [part] * 5

    run(play())


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3 * UNTAKEN_BYTES_MAX), min_size=1, max_size=20))
def test_answers_of_any_size_all_come_and_in_order(sizes: list[int]) -> None:
    answers = [bytes([number]) * size for number, size in enumerate(sizes)]

    async def watch(_request: Any, _context: Any) -> AsyncIterator[Any]:
        for answer in answers:
            yield SimpleNamespace(SerializeToString=lambda answer=answer: answer)

    async def play() -> None:
        here, there = socket.socketpair()
        upstream = Upstream(*await streams_of(here))
        answering = asyncio.create_task(
            CallAnswerer(SimpleNamespace(WatchFills=watch), LoopShare()).run(*await streams_of(there))
        )
        running = asyncio.create_task(upstream.run())
        number = [method.name for method in METHODS].index("WatchFills")
        assert [answer async for answer in upstream.answers(number, SOMEBODY, b"")] == answers
        running.cancel()
        await asyncio.wait([running])
        await answering

    run(play())


def test_a_refusal_is_raised_with_its_details() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            asking = asyncio.create_task(all_of(upstream, b""))
            status = status_pb2.Status(code=5, message="none")
            status.details.add(type_url="x")
            supervisor.say(Kind.END, (await supervisor.frame()).call, status.SerializeToString())
            with pytest.raises(GRPCError) as refused:
                await asking
            assert (refused.value.status, refused.value.message) == (Status.NOT_FOUND, "none")
            assert list(refused.value.details or ()) == list(status.details)

    run(play())


def test_who_gives_up_cancels_the_call() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            asking = asyncio.create_task(all_of(upstream, b""))
            number = (await supervisor.frame()).call
            asking.cancel()
            assert await supervisor.frame() == Frame(Kind.CANCEL, number)
            async with aclosing(upstream.answers(1, SOMEBODY, b"")) as answers:
                reading = asyncio.ensure_future(anext(answers))
                number = (await supervisor.frame()).call
                supervisor.say(Kind.ANSWER, number, b"first")
                assert await reading == b"first"
            assert await supervisor.frame() == Frame(Kind.CANCEL, number)

    run(play())


def test_every_call_ends_when_the_supervisor_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream_module, "SILENCE_S", 0.3)

    async def play() -> None:
        async with joined() as (upstream, supervisor):
            asking = asyncio.create_task(all_of(upstream, b""))
            number = (await supervisor.frame()).call
            for _ in range(5):
                await asyncio.sleep(0.1)
                supervisor.say(Kind.PING, 0)
                assert (await supervisor.frame()).kind is Kind.PONG
            with pytest.raises(GRPCError) as ended:
                await asking
            assert ended.value.status is Status.UNAVAILABLE
            assert number

    run(play())


def test_what_is_no_frame_is_the_end() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            asking = asyncio.create_task(all_of(upstream, b""))
            await supervisor.frame()
            supervisor.writer.write(b"x" * 9)
            with pytest.raises(GRPCError):
                await asking

    run(play())


def test_every_call_ends_with_the_supervisor() -> None:
    async def play() -> None:
        async with joined() as (upstream, supervisor):
            asking = asyncio.create_task(all_of(upstream, b""))
            await supervisor.frame()
        with pytest.raises(GRPCError) as ended:
            await asking
        assert ended.value.status is Status.UNAVAILABLE
        await upstream.wait_idle()

    run(play())
