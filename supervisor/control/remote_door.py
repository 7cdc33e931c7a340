"""Who may have a connection by TLS: handshakes within bounds of number, time and address, then whose it is.
It must not know what travels over one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections import Counter
from contextlib import suppress
from typing import cast

from krakencopy.supervisor.control.access_table import AccessTable, Tls
from krakencopy.supervisor.control.allowance import Allowance
from krakencopy.supervisor.control.front_clients import TIME_BURST_S
from krakencopy.supervisor.control.front_connection import Connections, OpeningConnection
from krakencopy.supervisor.control.front_door import PREFACE_S, REFUSED_S, Door
from krakencopy.supervisor.control.remote_visitor import (
    RemoteVisitor,
    Visitors,
    certificate_of,
    set_up_socket,
)
from krakencopy.supervisor.control.tls_context import server_context

#: Handshakes that are not done: of all, and of one address; and how long each may take, in seconds.
HANDSHAKES_MAX, HANDSHAKES_OF_ADDRESS_MAX, HANDSHAKE_S = 48, 12, 5.0
#: What one costs the front, and a connection that is only closed, and what all together may use of its time.
HANDSHAKE_COST_S, CLOSED_COST_S, HANDSHAKE_TIME_SHARE = 0.002, 0.0002, 0.2
#: How long the end of one may take, in seconds.
TLS_END_S = 2.0
#: What lies between TLS and HTTP/2 of one connection, in bytes. asyncio takes 256 KiB for each.
BUFFER_BYTES = 65_536
#: What was sent and not acknowledged for so long, in milliseconds, ends a connection.
USER_TIMEOUT_MS = 30_000


class RemoteDoor(Door):
    """Listens on a port."""

    def __init__(self, connections: Connections, visitors: Visitors) -> None:
        super().__init__()
        self._connections, self._visitors = connections, visitors
        self._context: ssl.SSLContext | None = None
        self._tls: Tls | None = None
        self._waiting: socket.socket | None = None
        self._handshakes: Counter[str] = Counter()
        self._now = visitors.access.clients.now
        self._time = Allowance(HANDSHAKE_TIME_SHARE, TIME_BURST_S, self._now())
        sslproto.SSLProtocol.max_size = BUFFER_BYTES
        visitors.access.listeners.append(self.use)

    def use(self, table: AccessTable) -> None:
        """New connections are ended by these certificates; those that there are stay."""
        if table.tls is None or table.tls == self._tls:
            return
        # The supervisor has made the same of it; what fails here all the same, e.g. for want of descriptors,
        # is made with the next table, and what serves serves on.
        with suppress(OSError, ValueError):
            self._context = server_context(table.tls)
            self._tls = table.tls
        if self._waiting is not None:
            self.listen(self._waiting)

    def listen(self, listener: socket.socket) -> None:
        """From now on it is this one, as soon as there are certificates."""
        self._waiting = None
        if self._context is None:
            self._waiting = listener
        else:
            super().listen(listener)

    @staticmethod
    def _end(transport: asyncio.BaseTransport) -> None:
        # What was answered has left, and nobody waits for the end of TLS with a peer.
        cast("asyncio.Transport", transport).abort()

    def _after_closed_s(self) -> float:
        # One address that is refused does not hold up the others for longer than it costs.
        return self._time.spend(CLOSED_COST_S, self._now())

    def _is_full(self) -> bool:
        return self._handshakes.total() >= HANDSHAKES_MAX

    def _take(self, listener: socket.socket, connected: socket.socket) -> bool:
        try:
            address, port = connected.getpeername()[:2]
            set_up_socket(connected, USER_TIMEOUT_MS)
        except OSError:
            return False
        if self._handshakes[address] >= HANDSHAKES_OF_ADDRESS_MAX:
            return False
        self._handshakes[address] += 1
        protocol = _Secured(self._connections, self._visitors, address, port)
        self.begin(self._shake_hands(listener, connected, address, protocol), connected)
        if (pause_s := self._time.spend(HANDSHAKE_COST_S, self._now())) > 0:
            self._pause(listener, pause_s)
        return True

    async def _shake_hands(
        self, listener: socket.socket, connected: socket.socket, address: str, protocol: _Secured
    ) -> None:
        was_full = False
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, connected, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=TLS_END_S,
            )  # fmt: skip
        except OSError:
            return  # no TLS 1.3, a certificate that is not ours, or too slow
        finally:
            was_full = self._is_full()
            self._handshakes[address] -= 1
            if not self._handshakes[address]:
                del self._handshakes[address]
            if was_full:
                self._accept_on(listener)
        self._keep(transport)


class _Secured(asyncio.Protocol):
    """A connection whose handshake is done: whose it is."""

    def __init__(self, connections: Connections, visitors: Visitors, address: str, port: int) -> None:
        self._connections, self._visitors = connections, visitors
        self._address, self._port = address, port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It goes on as HTTP/2 should begin, or ends."""
        connected = cast("asyncio.Transport", transport)
        ssl_object = connected.get_extra_info("ssl_object")
        if ssl_object.selected_alpn_protocol() != "h2":
            connected.abort()
            return
        connected.set_write_buffer_limits(high=BUFFER_BYTES)
        shown = certificate_of(ssl_object)
        visitor: RemoteVisitor | None = self._visitors.visit(
            self._address, self._port, shown, connected.abort
        )
        if visitor is not None:
            opening = OpeningConnection(visitor, self._connections.answering, PREFACE_S)
        elif shown is not None:
            refused = self._visitors.refused(self._address, self._port, shown)
            opening = OpeningConnection(refused, self._connections.refusing, REFUSED_S)
        else:
            connected.abort()
            return
        connected.set_protocol(opening)
        opening.connection_made(connected)
