"""The front by TLS, in the test's own process and loop: real sockets, and certificates that are made without
the code under test.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc

from krakencopy.supervisor.control.access_table import AccessTable, Known, Tls, hash_of
from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.front_access import FrontAccess
from krakencopy.supervisor.control.front_calls import FrontCalls
from krakencopy.supervisor.control.front_clients import Clients
from krakencopy.supervisor.control.front_connection import Connections
from krakencopy.supervisor.control.front_door import FrontDoor
from krakencopy.supervisor.control.loop_share import LoopShare
from krakencopy.supervisor.control.principals import Role
from krakencopy.supervisor.control.remote_door import RemoteDoor
from krakencopy.supervisor.control.remote_visitor import Visitors
from krakencopy.supervisor.control.upstream import Upstream
from krakencopy.v1 import control_pb2_grpc
from tests.support.certificates import Authority, Pair
from tests.support.front import SMALL_WINDOW, listening, streams_of

SECRET = "s" * 43


def token_of(token_id: str) -> str:
    """The token of an id, with the one secret that tests have."""
    return f"kct_{token_id}_{SECRET}"


def fingerprint_of(pair: Pair) -> str:
    """By what a certificate is known."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())).hexdigest()


@dataclass
class RemoteFront:
    """One that runs."""

    ca: Authority
    port: int
    socket: Path
    access: FrontAccess
    answerer: CallAnswerer
    visitors: Visitors
    door: RemoteDoor
    clients: Clients
    table: AccessTable

    def use(self, **changes: Any) -> None:
        """The supervisor says who is known from now on."""
        self.table = replace(self.table, **changes)
        self.answerer.use_access(self.table.encoded())

    def add_token(self, token_id: str, role: Role = Role.VIEWER, **more: Any) -> str:
        """A token that is known from now on."""
        usual = {"name": token_id, "account": "", "expires_at": time.time() + 600}
        known = Known(role=role, secret_hash=hash_of(SECRET), **{**usual, **more})
        self.use(tokens={**self.table.tokens, token_id: known})
        return token_of(token_id)

    def add_certificate(self, name: str, role: Role = Role.VIEWER, **more: Any) -> Pair:
        """A certificate that is known from now on."""
        pair = self.ca.issue(name, client=True)
        known = Known(role=role, **{"name": name, "account": "", "expires_at": time.time() + 600, **more})
        self.use(certificates={**self.table.certificates, fingerprint_of(pair): known})
        return pair

    @asynccontextmanager
    async def stub(
        self,
        pair: Pair | None = None,
        token: str = "",
        *,
        ca: Path | None = None,
        options: Any = SMALL_WINDOW,
    ) -> AsyncIterator[Any]:
        """A client of ControlService, on a connection of its own."""
        own = (pair.key.read_bytes(), pair.certificate.read_bytes()) if pair else (None, None)
        credentials = grpc.ssl_channel_credentials((ca or self.ca.ca).read_bytes(), *own)
        if token:
            credentials = grpc.composite_channel_credentials(
                credentials, grpc.access_token_call_credentials(token)
            )
        async with grpc.aio.secure_channel(f"dns:127.0.0.1:{self.port}", credentials, options) as channel:
            yield control_pb2_grpc.ControlServiceStub(channel)


@asynccontextmanager
async def remote_front(
    folder: Path, servicer: Any, share: LoopShare | None = None
) -> AsyncIterator[RemoteFront]:
    """Serves ``servicer`` at ``folder/s`` and by TLS."""
    ca = Authority(folder / "ca")
    server = ca.issue("box", "127.0.0.1", "localhost")
    table = AccessTable(tls=Tls(server.certificate.read_text(), server.key.read_text(), ca.ca.read_text()))
    here, there = socket.socketpair()
    access = FrontAccess()
    answerer = CallAnswerer(servicer, share or LoopShare(), access=table.encoded())
    upstream = Upstream(*await streams_of(here), access.use)
    connections, clients = Connections(FrontCalls(upstream, access)), Clients()
    visitors = Visitors.of(access)
    local, remote = FrontDoor(connections, clients), RemoteDoor(connections, visitors)
    local.listen(listening(folder / "s"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    remote.listen(listener)
    port = listener.getsockname()[1]
    reader, writer = await streams_of(there)
    tasks = [asyncio.create_task(answerer.run(reader, writer)), asyncio.create_task(upstream.run())]
    try:
        yield RemoteFront(ca, port, folder / "s", access, answerer, visitors, remote, clients, table)
    finally:
        writer.close()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        local.close()
        remote.close()
        await asyncio.sleep(0.05)  # in which the loop closes what was closed
