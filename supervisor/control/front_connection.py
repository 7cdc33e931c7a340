"""One connection to the control socket: that it is HTTP/2, and how fast it is read.

A client that has used up its time is read no further for a while: what it sends waits in its own socket. So
each client is slowed down alone, and nothing of a flood is kept here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, cast

from grpclib.config import Configuration
from grpclib.protocol import H2Protocol
from grpclib.server import Handler, Server

from krakencopy.supervisor.control.front_access import Visitor as CallsVisitor
from krakencopy.supervisor.control.front_calls import FrontCalls, RawDetails, RawMessages
from krakencopy.supervisor.control.front_clients import CALL_COST_S, CONNECTION_COST_S, too_many

#: How each connection of HTTP/2 begins (RFC 9113, 3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: All headers of a call, in bytes.
HEADERS_BYTES_MAX = 16_384
#: What may lie unread of one call, and of a whole connection.
WINDOWS = Configuration(http2_stream_window_size=65_535, http2_connection_window_size=1 << 20)
#: A connection that is refused stays for so long, so that its client gets the reason, in seconds.
REFUSED_S = 1.0

#: The same from elsewhere, where a peer that has vanished, or reads nothing, is seen by pings: after how long
#: without anything, and for how long none may be answered, in seconds.
REMOTE_WINDOWS = replace(
    WINDOWS, _keepalive_time=20.0, _keepalive_timeout=10.0, _keepalive_permit_without_calls=True,
    _http2_max_pings_without_data=0, _http2_min_sent_ping_interval_without_data=1.0,
)  # fmt: skip


class Visitor(CallsVisitor, Protocol):
    """Whose connection it is, as this module needs it."""

    is_remote: bool

    def spend(self, seconds: float) -> float:
        """See ``Client.spend``."""
        ...

    def disconnect(self) -> None:
        """One connection less."""
        ...


#: What a connection goes on as, once it has begun.
Begun = Callable[[Visitor], asyncio.Protocol]


class Connections(Server):
    """grpclib's server, for connections that somebody else accepts."""

    def __init__(self, calls: FrontCalls) -> None:
        super().__init__([], codec=RawMessages(), status_details_codec=RawDetails(), config=WINDOWS)
        self._calls = calls
        self._remote_config = REMOTE_WINDOWS.__for_server__()

    def answering(self, client: Visitor) -> asyncio.Protocol:
        """A connection that is answered, and counts as one of its client's."""
        return self._connection(client, self._calls.handlers(client), client.disconnect)

    def refusing(self, client: Visitor) -> asyncio.Protocol:
        """A connection each call of which is refused: there are too many of them."""
        handlers = self._calls.handlers(client)
        refused = {path: handler._replace(func=_refuse) for path, handler in handlers.items()}
        connection = self._connection(client, refused, lambda: None)
        asyncio.get_running_loop().call_later(REFUSED_S, connection.cut_off)
        return connection

    def _connection(self, client: Visitor, handlers: Any, on_lost: Callable[[], None]) -> _Connection:
        handler = _CountedCalls(handlers, self._codec, self._status_details_codec, self.__dispatch__)
        config = self._remote_config if client.is_remote else self._config
        return _Connection(handler, config, self._h2_config, client, on_lost)


async def _refuse(_: Any) -> None:
    message = "there are too many connections to the control socket; close some of them"
    raise too_many("TOO_MANY_CONNECTIONS", message)


class OpeningConnection(asyncio.Protocol):
    """A connection that has not begun as HTTP/2 does; what begins otherwise, or not in time, is cut off."""

    def __init__(self, client: Visitor, begun: Begun, limit_s: float) -> None:
        self._client, self._begun, self._limit_s = client, begun, limit_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It counts as soon as it is there."""
        self._transport = cast("asyncio.Transport", transport)
        pause_s = self._client.spend(CONNECTION_COST_S)
        self._limit = asyncio.get_running_loop().call_later(pause_s + self._limit_s, self._transport.abort)
        _read_after(self._transport, pause_s)

    def data_received(self, data: bytes) -> None:
        """Its first bytes."""
        self._received += data
        begun = self._received[: len(PREFACE)]
        if begun != PREFACE[: len(begun)]:
            self._transport.abort()
        elif len(begun) == len(PREFACE):
            self._limit.cancel()
            protocol = self._begun(self._client)
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(self._received)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """It ended before it had begun."""
        self._limit.cancel()
        self._client.disconnect()


class _CountedCalls(Handler):
    """Each call counts, also one that is cancelled at once."""

    calls = 0

    def accept(self, stream: Any, headers: Any, release_stream: Any) -> None:
        self.calls += 1
        super().accept(stream, headers, release_stream)


class _Connection(H2Protocol):
    """A connection of HTTP/2, read as fast as its client has time left."""

    def __init__(
        self,
        handler: _CountedCalls,
        config: Any,
        h2_config: Any,
        client: Visitor,
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__(handler, config, h2_config)
        self._counted, self._client, self._on_lost = handler, client, on_lost
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._transport = cast("asyncio.Transport", transport)
        # grpclib has no option for it.
        self.connection._connection.decoder.max_header_list_size = HEADERS_BYTES_MAX  # noqa: SLF001

    def data_received(self, data: bytes) -> None:
        began, calls = time.perf_counter(), self._counted.calls
        try:
            super().data_received(data)
        except Exception:  # noqa: BLE001 - whatever h2 and grpclib make of bytes that are no HTTP/2
            self.cut_off()
            return
        spent_s = time.perf_counter() - began + (self._counted.calls - calls) * CALL_COST_S
        _read_after(self._transport, self._client.spend(spent_s))

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self._on_lost()

    def cut_off(self) -> None:
        """Ends it at once."""
        if self._transport is not None:
            self._transport.abort()


def _read_after(transport: asyncio.Transport | None, pause_s: float) -> None:
    """Reads nothing from a connection for so long."""
    if transport is not None and pause_s > 0 and transport.is_reading():
        transport.pause_reading()
        asyncio.get_running_loop().call_later(pause_s, _read_on, transport)


def _read_on(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.resume_reading()
