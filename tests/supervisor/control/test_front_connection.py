"""A connection that is no HTTP/2, says nothing or too much, is cut off; a client that floods is read slowly,
and nobody else is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from krakencopy.account_proc.contract.socket_handshake import Peer, peer_of
from krakencopy.supervisor.control import front_door
from krakencopy.supervisor.control.front_clients import Clients
from krakencopy.supervisor.control.front_connection import HEADERS_BYTES_MAX, PREFACE
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc
from tests.support.front import SOMEBODY, front, run, stub_of, until

#: What is generated answers UNIMPLEMENTED, and its type stub says that all of it must be written.
_Servicer: Any = control_pb2_grpc.ControlServiceServicer
SERVICE = pb.DESCRIPTOR.services_by_name["ControlService"].full_name


class Servicer(_Servicer):  # type: ignore[misc]  # as said above
    """Answers at once."""

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(pid=7)


def played(folder: Path, play: Callable[[Any, Path, Clients], Awaitable[None]]) -> None:
    async def whole() -> None:
        clients, path = Clients(), folder / "s"
        async with front(path, Servicer(), clients), stub_of(path) as stub:
            await play(stub, path, clients)

    run(whole())


async def said_to(path: Path, *parts: bytes) -> bytes:
    """What the front says to a connection that begins so, until it ends it."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    said = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        while part := await reader.read(65_536):
            said += part
    except ConnectionError:
        pass
    writer.close()
    return said


def opened(http: H2Connection, stream: int, *more: tuple[str, str]) -> None:
    http.send_headers(
        stream,
        [
            (":method", "POST"), (":scheme", "http"), (":authority", "x"), (":path", f"/{SERVICE}/GetStatus"),
            ("te", "trailers"), ("content-type", "application/grpc"), *more,
        ],
    )  # fmt: skip


def http_client() -> H2Connection:
    http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    http.initiate_connection()
    return http


def test_what_does_not_begin_as_http_2_is_cut_off_without_an_answer(tmp_path: Path) -> None:
    async def play(stub: Any, path: Path, _: Clients) -> None:
        draw = random.Random(1)  # noqa: S311 - noise
        for size in range(1, 60):
            noise = b"\0" + draw.randbytes(size)
            assert await said_to(path, PREFACE[: size % len(PREFACE)], noise) == b""
        assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7

    played(tmp_path, play)


@pytest.mark.parametrize("seed", range(8))
def test_noise_behind_a_good_beginning_touches_nobody_else(tmp_path: Path, seed: int) -> None:
    async def play(stub: Any, path: Path, clients: Clients) -> None:
        noise = random.Random(seed).randbytes(40_000)  # noqa: S311 - noise
        _, writer = await asyncio.open_unix_connection(str(path))
        for part in (PREFACE[:5], PREFACE[5:] + noise[:1_000], noise):
            writer.write(part)
        assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
        # It may be half of a frame, which is waited for.
        writer.close()
        await until("its end", lambda: clients.connections == 1)

    played(tmp_path, play)


def test_who_says_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "PREFACE_S", 0.2)

    async def play(stub: Any, path: Path, clients: Clients) -> None:
        assert await said_to(path) == b""
        assert await said_to(path, PREFACE[:10]) == b""
        assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
        assert clients.connections == 1

    played(tmp_path, play)


def test_headers_without_end_are_cut_off(tmp_path: Path) -> None:
    async def play(stub: Any, path: Path, _: Clients) -> None:
        http = http_client()
        opened(http, 1, *((f"x-{number}", "y" * 1_000) for number in range(HEADERS_BYTES_MAX // 1_000 + 1)))
        await said_to(path, http.data_to_send())
        assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7

    played(tmp_path, play)


def test_what_is_no_call_is_answered_by_http(tmp_path: Path) -> None:
    async def play(_: Any, path: Path, __: Clients) -> None:
        http = http_client()
        headers = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")]
        http.send_headers(1, headers, end_stream=True)
        http.close_connection()
        assert await said_to(path, http.data_to_send())

    played(tmp_path, play)


def test_who_floods_with_calls_that_are_cancelled_is_not_read_any_more_and_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = [1]
    monkeypatch.setattr(front_door, "peer_of", lambda connected: Peer(pid[0], peer_of(connected).uid))

    async def play(stub: Any, path: Path, clients: Clients) -> None:
        await stub.GetStatus(pb.GetStatusRequest())
        pid[0] = 2
        flooding = clients.connect(2, SOMEBODY)
        assert flooding is not None
        _, writer = await asyncio.open_unix_connection(str(path))
        http = http_client()
        for _number in range(2_000):
            stream = http.get_next_available_stream_id()
            opened(http, stream)
            http.reset_stream(stream)
        writer.write(http.data_to_send())
        await until("a client that has used up its time", lambda: flooding.spend(0.0))
        # Not another connection of it either.
        _, another = await asyncio.open_unix_connection(str(path))
        another.write(b"no HTTP/2")
        assert (await stub.GetStatus(pb.GetStatusRequest())).pid == 7
        assert (flooding.connections, flooding.calls) == (3, 0)
        for each in (writer, another):
            each.transport.abort()

    played(tmp_path, play)


def test_a_ping_of_http_2_is_answered_and_a_client_that_is_gone_counts_no_more(tmp_path: Path) -> None:
    async def play(_: Any, path: Path, clients: Clients) -> None:
        http = http_client()
        http.ping(b"12345678")
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(http.data_to_send())
        said = b""
        while b"12345678" not in said:
            said += await reader.read(65_536)
        assert clients.connections == 1
        writer.close()
        await until("its end", lambda: not clients.connections)

    played(tmp_path, play)


def test_more_streams_than_one_connection_may_have_wait_for_a_place(tmp_path: Path) -> None:
    async def play(_: Any, path: Path, __: Clients) -> None:
        async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
            stub: Any = control_pb2_grpc.ControlServiceStub(channel)
            answers = await asyncio.gather(*(stub.GetStatus(pb.GetStatusRequest()) for _ in range(250)))
            assert len(answers) == 250

    played(tmp_path, play)
