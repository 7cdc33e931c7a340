"""Who comes in by TLS, with real sockets: TLS 1.3 and certificates that are known, within bounds that leave
those at the machine what they have.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from krakencopy.supervisor.control import front_connection, remote_door
from krakencopy.supervisor.control.access_table import Tls
from krakencopy.supervisor.control.principals import Principal, Role, principal_of
from krakencopy.supervisor.control.remote_door import HANDSHAKES_OF_ADDRESS_MAX
from krakencopy.supervisor.control.remote_visitor import NAMELESS_OF_ONE
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import control_pb2_grpc, types_pb2
from tests.support.certificates import Authority, Pair
from tests.support.front import run, stub_of, until
from tests.support.remote_front import RemoteFront, remote_front
from tests.support.served_control import refused

_Servicer: Any = control_pb2_grpc.ControlServiceServicer
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Servicer(_Servicer):  # type: ignore[misc]  # what is generated answers UNIMPLEMENTED
    """Keeps who has asked."""

    def __init__(self) -> None:
        self.callers: list[Principal] = []
        self.fills: asyncio.Queue[int] = asyncio.Queue()
        self.made = 0

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        self.callers.append(principal_of(context))
        return pb.GetStatusResponse(version="1")

    async def SetTradingState(
        self, request: pb.SetTradingStateRequest, context: Any
    ) -> pb.SetTradingStateResponse:
        self.callers.append(principal_of(context))
        return pb.SetTradingStateResponse(version=8)

    async def WatchFills(self, request: pb.WatchFillsRequest, context: Any) -> Any:
        self.callers.append(principal_of(context))
        while True:
            seq = await self.fills.get()
            yield pb.WatchFillsResponse(fill=types_pb2.Fill(seq=seq))

    async def WatchEvents(self, request: pb.WatchEventsRequest, context: Any) -> Any:
        while True:
            self.made += 1
            yield pb.WatchEventsResponse(event=types_pb2.Event(message="x" * 1_000))


def plain_context(front: RemoteFront, pair: Pair | None = None) -> ssl.SSLContext:
    """Of a client that is not gRPC's."""
    context = ssl.create_default_context(cafile=str(front.ca.ca))
    context.set_alpn_protocols(["h2"])
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


async def connected(
    front: RemoteFront, context: ssl.SSLContext, source: str = "127.0.0.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    local = (source, 0)
    return await asyncio.open_connection("127.0.0.1", front.port, ssl=context, local_addr=local)


def test_certificates_and_tokens_are_whom_they_name(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            pair, token = (
                front.add_certificate("olga", Role.OPERATOR),
                front.add_token("abcd2345", name="bot"),
            )
            async with front.stub(pair) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
            async with front.stub(token=token) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
            # The token counts, on whatever connection it comes: also on the Unix socket.
            async with front.stub(pair, token) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
            async with stub_of(front.socket) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), metadata=[("authorization", f"Bearer {token}")])
                await stub.GetStatus(pb.GetStatusRequest())
        olga, bot, same, passed_on, local = servicer.callers
        assert (olga.name, olga.role) == ("olga", Role.OPERATOR)
        assert olga.credential.startswith("certificate ")
        assert olga.origin.startswith("tls 127.0.0.1:")
        assert (bot.name, bot.role, bot.credential) == ("bot", Role.VIEWER, "token abcd2345")
        assert same.credential == bot.credential
        assert (passed_on.name, passed_on.origin.split()[0]) == ("bot", "unix")
        assert local.is_local
        assert local.role is Role.ADMIN

    run(play())


def test_certificates_of_the_operators_own_ca_are_known_by_a_name_in_them(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            front.use(names={"reports.example.org": (Role.VIEWER, ""), "olga": (Role.OPERATOR, "")})
            by_dns = front.ca.issue("olga", "reports.example.org", client=True)
            by_common_name = front.ca.issue("olga", client=True)
            for pair, who in ((by_dns, "reports.example.org"), (by_common_name, "olga")):
                async with front.stub(pair) as stub:
                    await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                assert servicer.callers[-1].name == who
            both = front.ca.issue("x", "reports.example.org", "dns://olga", client=True)
            async with front.stub(both) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
            other = front.ca.issue("olga", "other.example.org", client=True)
            async with front.stub(other) as stub:
                code, reason, words = await refused(stub.GetStatus(pb.GetStatusRequest(), timeout=10))
                assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "CERTIFICATE_UNKNOWN")
                assert "other.example.org" in words

    run(play())


def test_who_shows_nothing_or_what_is_not_known_is_refused_with_a_reason(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            good = front.add_token("good2345")
            unknown = front.ca.issue("stranger", client=True)
            cases: list[tuple[Pair | None, str, str]] = [
                (None, "", "CREDENTIALS_MISSING"),
                (None, "kct_none2345_" + "s" * 43, "TOKEN_UNKNOWN"),
                (None, good[:-1] + "x", "TOKEN_UNKNOWN"),
                (None, "no-token", "TOKEN_UNKNOWN"),
                (None, front.add_token("late2345", expires_at=1.0), "TOKEN_EXPIRED"),
                (None, front.add_token("gone2345", revoked=True), "TOKEN_REVOKED"),
                (unknown, "", "CERTIFICATE_UNKNOWN"),
                (front.add_certificate("late", expires_at=1.0), "", "CERTIFICATE_EXPIRED"),
                (front.add_certificate("gone", revoked=True), "", "CERTIFICATE_REVOKED"),
            ]  # fmt: skip
            for pair, token, expected in cases:
                async with front.stub(pair, token) as stub:
                    code, reason, _ = await refused(stub.GetStatus(pb.GetStatusRequest(), timeout=10))
                    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, expected)
            async with stub_of(front.socket) as stub:
                call = stub.GetStatus(pb.GetStatusRequest(), metadata=[("authorization", "Basic eDp5")])
                assert (await refused(call))[1] == "TOKEN_UNKNOWN"
        assert servicer.callers == []

    run(play())


def test_a_viewer_that_calls_halt_is_told_which_permission_it_lacks(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with (
            remote_front(tmp_path, servicer) as front,
            front.stub(front.add_certificate("vera")) as stub,
        ):
            code, reason, words = await refused(stub.SetTradingState(pb.SetTradingStateRequest(), timeout=10))
            assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
            assert words == "SetTradingState needs the permission operate; vera is viewer, which lacks it"
        assert servicer.callers == []

    run(play())


def test_no_handshake_is_done_but_tls_1_3_with_certificates_of_our_ca(tmp_path: Path) -> None:
    async def play() -> None:
        async with remote_front(tmp_path, Servicer()) as front:
            old = plain_context(front)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await connected(front, old)
            foreign = Authority(tmp_path / "foreign", "another CA")
            past = timedelta(hours=-1)
            for pair in (
                foreign.issue("olga", client=True),
                front.ca.issue("olga", client=True, ends_in=past),
            ):
                reader, writer = await connected(front, plain_context(front, pair))
                # With TLS 1.3 a client is done before it is refused.
                writer.write(PREFACE)
                assert await read_to_end(reader) == b""
                writer.close()
                async with front.stub(pair) as stub:
                    with pytest.raises(grpc.aio.AioRpcError) as raised:
                        await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
            # The server's own certificate is no client's.
            with pytest.raises(ssl.SSLError, match=r"(?i)certificate verify failed"):
                await connected(front, ssl.create_default_context(cafile=str(foreign.ca)))
            # Plain text gets no answer that could be taken for one.
            reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
            writer.write(PREFACE)
            assert PREFACE not in await read_to_end(reader)
            writer.close()
            without_h2 = ssl.create_default_context(cafile=str(front.ca.ca))
            reader, writer = await connected(front, without_h2)
            assert await read_to_end(reader) == b""
            writer.close()

    run(play())


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except (ConnectionError, ssl.SSLError):
        return b""


def test_half_open_handshakes_of_one_address_are_few_and_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_door, "HANDSHAKE_S", 1.0)

    async def play() -> None:
        async with remote_front(tmp_path, Servicer()) as front:
            opened = [
                await asyncio.open_connection("127.0.0.1", front.port)
                for _ in range(HANDSHAKES_OF_ADDRESS_MAX)
            ]
            await until("they are taken", lambda: front.door._handshakes.total() == HANDSHAKES_OF_ADDRESS_MAX)
            reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
            assert await read_to_end(reader) == b"", "one more is closed"
            writer.close()
            async with stub_of(front.socket) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
            for reader, writer in opened:
                assert await read_to_end(reader) == b""
                writer.close()
            await until("all are gone", lambda: not front.door._handshakes)
            async with front.stub(front.add_certificate("olga")) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)

    run(play())


def test_handshakes_of_all_addresses_wait_in_the_queue_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_door, "HANDSHAKES_MAX", 2)

    async def play() -> None:
        async with remote_front(tmp_path, Servicer()) as front:
            opened = [await asyncio.open_connection("127.0.0.1", front.port) for _ in range(4)]
            await until("two are taken", lambda: front.door._handshakes.total() == 2)
            for _, writer in opened:
                writer.close()
            async with front.stub(front.add_certificate("olga")) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)

    run(play())


def test_connections_without_a_name_are_few_and_end_and_a_token_gives_one(tmp_path: Path) -> None:
    async def play() -> None:
        async with remote_front(tmp_path, Servicer()) as front:
            front.visitors.nameless_s = 1.0
            context = plain_context(front)
            opened = [await connected(front, context) for _ in range(NAMELESS_OF_ONE.connections)]
            await until("all are there", lambda: front.visitors.nameless.connections == len(opened))
            reader, writer = await connected(front, context)
            assert await read_to_end(reader) == b"", "one more of an address is closed"
            writer.close()
            for reader, writer in opened:
                assert await read_to_end(reader) == b""
                writer.close()
            await until("all have ended", lambda: not front.visitors.nameless.connections)
            async with front.stub(token=front.add_token("abcd2345", name="bot")) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                assert front.visitors.nameless.connections == 0
                assert front.access.clients.known("bot").connections == 1

    run(play())


def test_health_is_said_to_everyone_once_and_nothing_else(tmp_path: Path) -> None:
    async def play() -> None:
        async with remote_front(tmp_path, Servicer()) as front:
            credentials = grpc.ssl_channel_credentials(front.ca.ca.read_bytes())
            async with grpc.aio.secure_channel(f"dns:127.0.0.1:{front.port}", credentials) as channel:
                health: Any = health_pb2_grpc.HealthStub(channel)
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=10)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
                call = anext(aiter(health.Watch(health_pb2.HealthCheckRequest(), timeout=10)))
                assert (await refused(call))[1] == "CREDENTIALS_MISSING"

    run(play())


def test_a_watch_goes_on_under_a_renewed_certificate_and_new_clients_get_it(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with (
            remote_front(tmp_path, servicer) as front,
            front.stub(front.add_certificate("olga")) as stub,
        ):
            watch = stub.WatchFills(pb.WatchFillsRequest(), timeout=20)
            servicer.fills.put_nowait(1)
            assert (await watch.read()).fill.seq == 1
            # From another CA even: who trusts only the old one comes in no more, who is in stays.
            other = Authority(tmp_path / "other", "another CA")
            server = other.issue("box", "127.0.0.1")
            tls = Tls(server.certificate.read_text(), server.key.read_text(), front.ca.ca.read_text())
            front.use(tls=tls)
            await until("it is in use", lambda: front.door._tls == tls)
            servicer.fills.put_nowait(2)
            assert (await watch.read()).fill.seq == 2
            async with front.stub(front.add_certificate("vera"), ca=other.ca) as second:
                await second.GetStatus(pb.GetStatusRequest(), timeout=10)
            with pytest.raises(ssl.SSLError, match=r"(?i)certificate verify failed"):
                await connected(front, plain_context(front))
            servicer.fills.put_nowait(3)
            assert (await watch.read()).fill.seq == 3

    run(play())


def test_a_thousand_idle_connections_leave_others_theirs(tmp_path: Path) -> None:
    """Of one who is known, of one who is not, and half of a handshake."""

    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front:
            hoarder = plain_context(front, front.add_certificate("hoarder"))
            nobody = plain_context(front)
            loop, sockets = asyncio.get_running_loop(), []
            for _ in range(500):
                plain = socket.socket()
                plain.setblocking(False)
                plain.bind(("127.0.0.2", 0))
                try:
                    async with asyncio.timeout(0.2):
                        await loop.sock_connect(plain, ("127.0.0.1", front.port))
                except TimeoutError:
                    pass  # it waits in the queue, as it will
                sockets.append(plain)
            tasks = [
                asyncio.create_task(hold(front, context)) for context in (hoarder, nobody) for _ in range(250)
            ]
            async with stub_of(front.socket) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=10)
                await stub.SetTradingState(pb.SetTradingStateRequest(request_id="1"), timeout=10)
            async with front.stub(front.add_certificate("olga")) as stub:
                await stub.GetStatus(pb.GetStatusRequest(), timeout=25, wait_for_ready=True)
            for plain in sockets:
                plain.close()
            clients = front.access.clients
            assert clients.connections <= clients.of_one.connections + 2
            assert front.visitors.nameless.connections <= NAMELESS_OF_ONE.connections
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    run(play())


async def hold(front: RemoteFront, context: ssl.SSLContext) -> None:
    """A connection that says nothing but hello, as long as it may stay."""
    try:
        reader, writer = await connected(front, context, "127.0.0.3")
    except OSError:
        return
    writer.write(PREFACE + bytes.fromhex("000000040000000000"))
    await read_to_end(reader)
    writer.close()


def test_a_watcher_that_never_reads_costs_what_one_call_may(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = Servicer()
        async with remote_front(tmp_path, servicer) as front, AsyncExitStack() as stack:
            stub = await stack.enter_async_context(front.stub(front.add_certificate("olga")))
            watch = stub.WatchEvents(pb.WatchEventsRequest())
            await until("it is full", lambda: servicer.made > 20)
            made = -1
            while made != servicer.made:
                made = servicer.made
                await asyncio.sleep(0.2)
            assert made < 400, "made as far as it is taken"
            async with front.stub(front.add_certificate("vera")) as other, stub_of(front.socket) as local:
                await other.GetStatus(pb.GetStatusRequest(), timeout=10)
                await local.GetStatus(pb.GetStatusRequest(), timeout=10)
            watch.cancel()

    run(play())


def test_a_peer_that_answers_no_ping_loses_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = replace(front_connection.REMOTE_WINDOWS, _keepalive_time=0.3, _keepalive_timeout=0.3)
    monkeypatch.setattr(front_connection, "REMOTE_WINDOWS", soon)

    async def play() -> None:
        async with (
            remote_front(tmp_path, Servicer()) as front,
            front.stub(front.add_certificate("vera")) as stub,
        ):
            watch = stub.WatchFills(pb.WatchFillsRequest())
            reader, writer = await connected(front, plain_context(front, front.add_certificate("olga")))
            writer.write(PREFACE + bytes.fromhex("000000040000000000"))
            # It reads all, and says nothing any more.
            received = await read_to_end(reader)
            assert bytes.fromhex("0000080600") in received, "it was pinged"
            writer.close()
            await until("it is gone", lambda: front.access.clients.known("olga").connections == 0)
            assert not watch.done(), "who answers stays"
            watch.cancel()

    run(play())
