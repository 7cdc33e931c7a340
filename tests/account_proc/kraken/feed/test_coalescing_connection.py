"""Heartbeats lie unread where nobody waits for news; everything else is read at once, and silence is
noticed as ever.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import select
import socket
import ssl
import termios
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from krakencopy.account_proc.kraken.feed.coalescing_connection import (
    COALESCED_BYTES,
    CoalescingConnection,
    only_heartbeats,
)
from krakencopy.account_proc.kraken.feed.executions_feed import COALESCING_SHARE, SILENCE_S
from tests.support.scripted_kraken import run, until

HEARTBEAT = '{"channel":"heartbeat"}'
#: As an order without a price ends: no executions message has less.
EXECUTION = (
    '{"channel":"executions","type":"update","data":[{"order_id":"OAAAAA-AAAAA-AAAAAA","exec_type":"canceled",'
    '"timestamp":"2026-11-22T10:00:00.000000Z"}],"sequence":2}'
)
#: Nothing in these tests may wait for a look at what lies unread.
NEVER_S = 3600.0
#: The kernel counts the age of what came in in ticks of its clock, which are 10 ms long at most.
TICK_S = 0.02
#: For a server at 127.0.0.1; made for these tests.
CERTIFICATE = Path(__file__).parents[3] / "support" / "localhost.pem"


@dataclass
class Line:
    """A drowsy connection, and the server's end of it."""

    client: CoalescingConnection
    server: ServerConnection
    is_idle: bool = True
    frames: list[bytes] = field(default_factory=list)
    listening: asyncio.Task[None] | None = None

    @property
    def news(self) -> list[bytes]:
        """What came but heartbeats: those that are read together with other frames are frames like them."""
        return [frame for frame in self.frames if frame != HEARTBEAT.encode()]

    @property
    def unread_bytes(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self.client.transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
        return count[0]

    @property
    def is_reported(self) -> bool:
        """Whether the kernel would wake whoever waits for the socket."""
        held: socket.socket = self.client.transport.get_extra_info("socket")
        return bool(select.select([held.fileno()], [], [], 0)[0])

    async def beat(self) -> None:
        """A heartbeat that the kernel tells from what came before it."""
        await asyncio.sleep(TICK_S)
        await self.server.send(HEARTBEAT)

    async def fall_asleep(self) -> None:
        """One heartbeat is read, the next is not."""
        heard_at = self.client.heard_at
        await self.beat()
        await until(lambda: self.client.heard_at > heard_at)
        await self.beat()
        await until(lambda: self.unread_bytes > 0)

    def listen(self) -> None:
        self.listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            self.frames.append(await self.client.frame(NEVER_S))


@contextlib.asynccontextmanager
async def line(*, tls: bool) -> AsyncIterator[Line]:
    """A connection whose subscription is told to be done."""
    ends: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def stay(server: ServerConnection) -> None:
        ends.set_result(server)
        await server.wait_closed()

    outer, inner = None, None
    if tls:
        outer = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        outer.load_cert_chain(CERTIFICATE)
        inner = ssl.create_default_context(cafile=CERTIFICATE)
    async with serve(stay, "127.0.0.1", 0, ssl=outer) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"
        async with connect(
            url, ssl=inner, compression=None, ping_interval=None, create_connection=CoalescingConnection
        ) as client:
            assert isinstance(client, CoalescingConnection)
            found = Line(client, await ends)
            client.coalesce_while(lambda: found.is_idle)
            try:
                yield found
            finally:
                if found.listening is not None:
                    found.listening.cancel()
                client.transport.abort()


@pytest.mark.parametrize("tls", [False, True])
def test_heartbeats_lie_unread_and_an_execution_behind_them_is_read_at_once(*, tls: bool) -> None:
    async def steps() -> None:
        async with line(tls=tls) as it:
            it.listen()
            await it.fall_asleep()
            assert not it.is_reported
            await it.server.send(EXECUTION)
            await until(lambda: it.news == [EXECUTION.encode()])
            assert it.unread_bytes == 0
            # ... also when it is all that lies there.
            await it.beat()
            await it.server.send(EXECUTION)
            await until(lambda: len(it.news) == 2)

    run(steps())


def test_an_execution_is_longer_than_what_may_lie_unread() -> None:
    assert len(EXECUTION) > COALESCED_BYTES > 3 * (len(HEARTBEAT) + 2)


def test_heartbeats_are_read_together_before_an_idle_connection_is_asked_after() -> None:
    assert COALESCING_SHARE * SILENCE_S * (len(HEARTBEAT) + 2) >= COALESCED_BYTES


@pytest.mark.parametrize("tls", [False, True])
def test_who_begins_to_wait_for_news_hears_the_shortest_at_once(*, tls: bool) -> None:
    async def steps() -> None:
        async with line(tls=tls) as it:
            it.listen()
            await it.fall_asleep()
            it.is_idle = False
            it.client.wake()
            await it.server.send("{}")
            await until(lambda: it.news == [b"{}"])
            # ... and as long as it waits heartbeats are read, too.
            heard_at = it.client.heard_at
            await it.beat()
            await until(lambda: it.client.heard_at > heard_at and it.unread_bytes == 0)
            assert it.news == [b"{}"]

    run(steps())


def test_an_end_is_heard_at_once() -> None:
    async def steps() -> None:
        async with line(tls=False) as it:
            it.listen()
            await it.fall_asleep()
            it.server.transport.abort()
            assert it.listening is not None
            with pytest.raises(ConnectionClosed):
                await it.listening
            it.client.wake()  # nothing is there any more, and whoever sends an order need not know

    run(steps())


@pytest.mark.parametrize("tls", [False, True])
def test_silence_is_counted_from_what_came_in_last_and_not_from_what_was_read(*, tls: bool) -> None:
    async def steps() -> None:
        async with line(tls=tls) as it:
            await it.fall_asleep()
            sent_at = time.monotonic()
            with pytest.raises(TimeoutError):
                await it.client.frame(0.3)
            assert it.client.heard_at <= sent_at + 0.05
            assert time.monotonic() >= it.client.heard_at + 0.3
            await until(lambda: it.unread_bytes == 0)  # it is awake for the answer to whoever asks now

    run(steps())


def test_heartbeats_that_lie_unread_are_no_silence() -> None:
    async def steps() -> None:
        async with line(tls=False) as it:
            await it.fall_asleep()
            listening = asyncio.create_task(it.client.frame(0.2))
            await asyncio.sleep(0)
            heard_at = it.client.heard_at
            await it.beat()
            await until(lambda: it.client.heard_at > heard_at)
            assert it.unread_bytes == 2 * len(BEAT_FRAME), "the kernel was asked, nothing was read"
            with pytest.raises(TimeoutError):
                await listening

    run(steps())


def test_who_waits_for_nothing_has_more_patience() -> None:
    async def steps() -> None:
        async with line(tls=False) as it:
            await it.fall_asleep()
            began = time.monotonic()
            with pytest.raises(TimeoutError):
                await it.client.frame(0.1, coalescing_s=0.4)
            # It slept for as long as it may; what the kernel says is in whole milliseconds.
            assert time.monotonic() - began > 0.3
            # ... and is awake then, for the answer to whoever asks.
            with pytest.raises(TimeoutError):
                await it.client.frame(0.1, coalescing_s=NEVER_S)

    run(steps())


def test_heartbeats_alone_are_never_silence() -> None:
    async def steps() -> None:
        async with line(tls=False) as it:

            async def beat() -> None:
                while True:
                    await it.beat()

            beating = asyncio.create_task(beat())
            listening = asyncio.create_task(it.client.frame(0.2))
            for _ in range(5):
                heard_at = it.client.heard_at
                await until(lambda at=heard_at: it.client.heard_at > at)  # type: ignore[misc]  # a lambda's default
            assert not listening.done()
            beating.cancel()
            await it.server.send(EXECUTION)
            assert await listening in {EXECUTION.encode(), HEARTBEAT.encode()}

    run(steps())


def test_a_heartbeat_in_two_pieces_is_a_frame_like_others() -> None:
    async def steps() -> None:
        async with line(tls=False) as it:
            it.listen()
            whole = bytes([0x81, len(HEARTBEAT)]) + HEARTBEAT.encode()
            it.server.transport.write(whole[:10])
            await until(lambda: bool(it.client.protocol.reader.buffer))
            it.server.transport.write(whole[10:])
            await until(lambda: it.frames == [HEARTBEAT.encode()])
            await it.fall_asleep()

    run(steps())


BEAT_FRAME = bytes([0x81, len(HEARTBEAT)]) + HEARTBEAT.encode()


@given(st.integers(1, 5), st.integers(1, len(BEAT_FRAME) - 1), st.binary(min_size=1, max_size=30))
def test_only_whole_heartbeats_are_heartbeats(times: int, cut: int, other: bytes) -> None:
    assert only_heartbeats(BEAT_FRAME * times)
    assert not only_heartbeats(BEAT_FRAME * times + BEAT_FRAME[:cut])
    assert only_heartbeats(BEAT_FRAME * times + other) == only_heartbeats(other)
