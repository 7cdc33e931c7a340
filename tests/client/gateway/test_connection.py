"""Clients that begin a request and never end it, send heads without an end, or never take an answer lose
their connection; others are answered meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from krakencopy.client.gateway import connection
from krakencopy.client.gateway.connection import HEAD_BYTES_MAX
from krakencopy.client.gateway.upstream import SERVICE
from tests.client.gateway.test_application import enveloped
from tests.support.front import run, until
from tests.support.gateway import TOKEN, StandIn, gateway, post

HEAD = f"POST /{SERVICE.full_name}/{{}} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"


async def dial(url: str, *, buffer: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (parts.hostname, parts.port))
    return await asyncio.open_connection(sock=client, limit=buffer or 65_536)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the end, which is the gateway's."""
    found = b""
    try:
        while data := await reader.read(65_536):
            found += data
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize(
    "beginning",
    [
        b"", b"\r\n", b"POST / HT", HEAD.format("GetStatus").encode(),
        HEAD.format("GetStatus").encode() + b"content-length: 5\r\ncontent-type: application/json\r\n\r\n{",
    ],
)  # fmt: skip
def test_a_request_has_come_within_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(connection, "REQUEST_S", 0.3)

    async def play() -> None:
        async with gateway(tmp_path) as served:
            reader, writer = await dial(served.url)
            writer.write(beginning)
            assert await ended(reader) == b""
            writer.close()
            assert (await post(served, "GetStatus")).status_code == 200

    run(play())


def test_the_next_request_of_a_connection_has_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_S", 0.3)

    async def play() -> None:
        async with gateway(tmp_path) as served:
            reader, writer = await dial(served.url)
            whole = HEAD.format("GetStatus") + "content-length: 2\r\ncontent-type: application/json\r\n\r\n{}"
            for _ in range(2):
                writer.write(whole.encode())
                assert b"200 OK" in await reader.readuntil(b"0\r\n\r\n")
                # As long as a request may take, a connection without one is kept.
                other, closing = await dial(served.url)
                assert await ended(other) == b""
                closing.close()
            writer.write(b"\r\n")
            assert await ended(reader) == b""
            writer.close()

    run(play())


def test_a_head_without_an_end_is_not_kept(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            reader, writer = await dial(served.url)
            writer.write(HEAD.format("GetStatus").encode() + b"x: " + b"y" * HEAD_BYTES_MAX)
            assert await ended(reader) == b""
            writer.close()
            assert (await post(served, "GetStatus", x="y" * (HEAD_BYTES_MAX // 2))).status_code == 200

    run(play())


def test_there_are_so_many_connections_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 2)

    async def play() -> None:
        async with gateway(tmp_path) as served:
            idle = [await dial(served.url) for _ in range(2)]
            # Accepted are they once they are answered.
            for reader, writer in idle:
                writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert b"SERVING" in await reader.readuntil(b"SERVING\n")
            reader, writer = await dial(served.url)
            assert await ended(reader) == b""
            for each in (writer, *(writer for _, writer in idle)):
                each.close()

    run(play())


def test_a_watch_that_nobody_reads_stops_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TAKEN_S", 1.0)

    async def play() -> None:
        servicer = StandIn()
        servicer.endless = True
        async with gateway(tmp_path, servicer) as served:
            reader, writer = await dial(served.url, buffer=4_096)
            message = enveloped(b'{"after_seq": "0"}')
            head = HEAD.format("WatchFills") + f"content-length: {len(message)}\r\n"
            writer.write(head.encode() + b"content-type: application/connect+json\r\n\r\n" + message)
            await until("its beginning", lambda: servicer.watching)
            # Others are answered meanwhile.
            assert (await post(served, "GetStatus")).status_code == 200
            await until("its end", lambda: not servicer.watching)
            # What lay in buffers: of the kernel, the gateway, gRPC. Four kilobytes each.
            assert servicer.made * 4_000 < 16 << 20
            writer.transport.abort()
            del reader

    run(play())


def test_a_watch_that_is_read_late_goes_on(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        servicer.endless = True
        async with gateway(tmp_path, servicer) as served:
            reader, writer = await dial(served.url, buffer=4_096)
            message = enveloped(b'{"after_seq": "0"}')
            head = HEAD.format("WatchFills") + f"content-length: {len(message)}\r\n"
            writer.write(head.encode() + b"content-type: application/connect+json\r\n\r\n" + message)
            seen = -1
            while servicer.made != seen:  # until all buffers are full
                seen = servicer.made
                assert (await post(served, "GetStatus")).status_code == 200
            read = 0
            while servicer.made <= seen + 100:
                read += len(await reader.read(65_536))
            assert servicer.watching
            assert read
            writer.transport.abort()

    run(play())


def test_an_answer_waits_for_no_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = connection.Connection.connection_made

    def connection_made(self: connection.Connection, transport: asyncio.Transport) -> None:
        real(self, transport)
        connected = transport.get_extra_info("socket")
        made.append(connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(connection.Connection, "connection_made", connection_made)

    async def play() -> None:
        async with gateway(tmp_path) as served:
            assert (await post(served, "GetStatus")).ok
        assert made == [1]

    run(play())


def test_bytes_that_are_no_http_end_the_connection(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            reader, writer = await dial(served.url)
            writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert (await ended(reader)).startswith(b"HTTP/1.1 400")
            writer.close()
            assert (await post(served, "GetStatus")).status_code == 200

    run(play())
