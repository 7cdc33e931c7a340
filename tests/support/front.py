"""The front of the control API in the test's own process and loop: real sockets on both of its sides."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc

from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.call_frames import Frame, read_frame
from krakencopy.supervisor.control.front_calls import FrontCalls
from krakencopy.supervisor.control.front_clients import Clients
from krakencopy.supervisor.control.front_connection import Connections
from krakencopy.supervisor.control.front_door import FrontDoor
from krakencopy.supervisor.control.loop_share import LoopShare
from krakencopy.supervisor.control.principals import Principal, Role
from krakencopy.supervisor.control.upstream import Upstream
from krakencopy.v1 import control_pb2_grpc

#: Who calls, where that is of no consequence.
SOMEBODY = Principal("somebody", Role.ADMIN, origin="unix pid 1")

#: A client that takes 64 KiB of what it does not read, and a connection of its own for each channel.
SMALL_WINDOW = [("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1)]


def run(play: Coroutine[Any, Any, None]) -> None:
    """Plays it within what any machine needs."""

    async def limited() -> None:
        async with asyncio.timeout(30):
            await play

    asyncio.run(limited())


async def streams_of(connected: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One end of a pair of sockets."""
    connected.setblocking(False)
    return await asyncio.open_unix_connection(sock=connected)


class HandEnd:
    """An end of the channel between a front and its supervisor, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def frame(self) -> Frame:
        found = await read_frame(self._reader)
        assert found is not None
        return found

    def send(self, frame: Frame) -> None:
        self.writer.write(frame.encoded())


def listening(path: Path) -> socket.socket:
    """A new socket there."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


@asynccontextmanager
async def front(
    path: Path, servicer: Any, clients: Clients | None = None, share: LoopShare | None = None,
    audit: AuditedCalls | None = None,
) -> AsyncIterator[FrontDoor]:  # fmt: skip
    """Serves ``servicer`` at a path."""
    here, there = socket.socketpair()
    answerer, upstream = (
        CallAnswerer(servicer, share or LoopShare(), audit),
        Upstream(*await streams_of(here)),
    )
    door = FrontDoor(Connections(FrontCalls(upstream)), Clients() if clients is None else clients)
    door.listen(listening(path))
    reader, writer = await streams_of(there)
    tasks = [asyncio.create_task(answerer.run(reader, writer)), asyncio.create_task(upstream.run())]
    try:
        yield door
    finally:
        writer.close()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        door.close()
        await asyncio.sleep(0.01)  # in which the loop closes what was closed


@asynccontextmanager
async def stub_of(path: Path, options: Any = SMALL_WINDOW) -> AsyncIterator[Any]:
    """A client of ControlService."""
    async with grpc.aio.insecure_channel(f"unix:{path}", options) as channel:
        yield control_pb2_grpc.ControlServiceStub(channel)


def use_loop(seconds: float) -> None:
    """Keeps it busy for so long."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def until(what: str, probe: Callable[[], Any]) -> None:
    """Waits for a state."""
    for _ in range(3_000):
        if probe():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")
