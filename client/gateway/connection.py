"""One connection of a client, within its limits. uvicorn has none on the time and the size of a request's
beginning, and waits as long as a client likes for it to take an answer.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: At once, of all clients.
CONNECTIONS_MAX = 256
#: A request has come as a whole within this, from the connection or the answer before, in seconds.
REQUEST_S = 10.0
#: Before its body, in bytes.
HEAD_BYTES_MAX = 16 << 10
#: A client takes something of what lies ready for it within this, in seconds.
TAKEN_S = 30.0


class Connection(HttpToolsProtocol):
    """uvicorn's, which ends with a client that does not keep to them."""

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        self._request_limit: asyncio.TimerHandle | None = None
        self._taken_limit: asyncio.TimerHandle | None = None
        #: Bytes of the head so far; None within a body.
        self._head_bytes: int | None = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        if connected is not None:
            with suppress(OSError):
                # asyncio does so itself but for sockets that were made without a protocol's number, as
                # socket.create_server does: each answer would wait 40 ms for the client's kernel.
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # A client that is gone without a word is seen, also where nothing is sent to it.
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._request_has_come()
        self._set_taken_limit(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        before: Any = self.cycle  # None at first, whatever uvicorn says
        if before is None or before.response_complete:
            # Also of bytes that are no request yet, which end uvicorn's own limit of idle connections.
            self._expect_request()
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_BYTES_MAX:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """See ``httptools``."""
        super().on_message_begin()
        self._expect_request()

    def on_headers_complete(self) -> None:
        """See ``httptools``."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """See ``httptools``."""
        self._head_bytes = 0
        self._request_has_come()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().pause_writing()
        self._set_taken_limit(self.loop.call_later(TAKEN_S, self.transport.abort))

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self._set_taken_limit(None)
        super().resume_writing()

    def _expect_request(self) -> None:
        if self._request_limit is None:
            self._request_limit = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _request_has_come(self) -> None:
        if self._request_limit is not None:
            self._request_limit.cancel()
            self._request_limit = None

    def _set_taken_limit(self, limit: asyncio.TimerHandle | None) -> None:
        if self._taken_limit is not None:
            self._taken_limit.cancel()
        self._taken_limit = limit
