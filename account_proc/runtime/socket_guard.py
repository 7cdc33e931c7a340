"""Who may speak to an account's process: only the supervisor that started it. Every connection begins with
the handshake of contract/socket_handshake.py, and only then becomes one of gRPC.

A client that speaks HTTP/2 at once is answered by ``strangers``: each of its calls is refused before a
message of it is read. One that says nothing, or anything else, is cut off.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, cast

from krakencopy.account_proc.contract.socket_handshake import (
    GREETING_BYTES,
    HANDSHAKE_S,
    MAGIC,
    PROOF_BYTES,
    Meeting,
    is_same,
    new_nonce,
    peer_of,
)

log = logging.getLogger(__name__)

#: Connections that have proven nothing, at most: the oldest goes for a new one. The supervisor needs one, for
#: a moment.
STRANGERS_MAX = 8
#: Connections of the supervisor: one, and one that is about to end.
PROVEN_MAX = 4
#: What a stranger that speaks HTTP/2 gets to hear how it is refused, in seconds.
STRANGER_S = 1.0


Factory = Callable[[], Any]


class SocketGuard:
    """The connections of one socket."""

    def __init__(self, secret: str, supervisor: Factory, strangers: Factory) -> None:
        """``supervisor`` and ``strangers`` make the protocol (asyncio) that a connection goes on with."""
        self.secret = secret
        self.supervisor = supervisor
        self.strangers = strangers
        self._open: list[asyncio.Transport] = []
        self._proven: list[asyncio.Transport] = []

    def __call__(self) -> asyncio.Protocol:
        """For a new connection."""
        return _Handshake(self)

    def begin(self, transport: asyncio.Transport) -> None:
        """A connection that has proven nothing yet."""
        self._open = [other for other in self._open if not other.is_closing()]
        while len(self._open) >= STRANGERS_MAX:
            self._open.pop(0).abort()
        self._open.append(transport)

    def end(self, transport: asyncio.Transport) -> None:
        """It is over, or proven."""
        if transport in self._open:
            self._open.remove(transport)

    def close(self) -> None:
        """Cuts off a client that has proven nothing."""
        for transport in self._open:
            transport.abort()
        self._open.clear()

    def prove(self, transport: asyncio.Transport) -> None:
        """It is the supervisor's."""
        self.end(transport)
        self._proven = [other for other in self._proven if not other.is_closing()]
        while len(self._proven) >= PROVEN_MAX:
            self._proven.pop(0).abort()
        self._proven.append(transport)


class _Handshake(asyncio.Protocol):
    """One connection until it is known whose it is."""

    def __init__(self, guard: SocketGuard) -> None:
        self._guard = guard
        self._received = b""
        self._meeting: Meeting | None = None
        self._nonce = new_nonce()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection; of this machine user's processes alone."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = peer_of(transport.get_extra_info("socket"))
        if self._peer.uid != os.getuid():
            log.error("a process of machine user %d has connected, and is cut off", self._peer.uid)
            self._transport.abort()
            return
        self._guard.begin(self._transport)
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(HANDSHAKE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        """What the other end says, in whatever pieces."""
        self._received += data
        if self._meeting is None:
            self._read_greeting()
        if self._meeting is not None and len(self._received) >= PROOF_BYTES:
            self._read_proof(self._meeting)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """It ended, or was cut off, before it was known."""
        if hasattr(self, "_limit"):
            self._limit.cancel()
        self._guard.end(self._transport)

    def _read_greeting(self) -> None:
        begun = self._received[: len(MAGIC)]
        if begun != MAGIC[: len(begun)]:
            self._refuse()
        elif len(self._received) >= GREETING_BYTES:
            nonce = self._received[len(MAGIC) : GREETING_BYTES]
            self._received = self._received[GREETING_BYTES:]
            meeting = self._meeting = Meeting(nonce, self._nonce, self._peer.pid, os.getpid())
            self._transport.write(self._nonce + meeting.account_proof(self._guard.secret))

    def _read_proof(self, meeting: Meeting) -> None:
        proof, rest = self._received[:PROOF_BYTES], self._received[PROOF_BYTES:]
        if not is_same(proof, meeting.supervisor_proof(self._guard.secret)):
            log.error("process %d has connected and is not the supervisor; it is cut off", self._peer.pid)
            self._transport.abort()
            return
        self._limit.cancel()
        self._guard.prove(self._transport)
        self._go_on(self._guard.supervisor(), rest)

    def _refuse(self) -> None:
        log.error(
            "process %d speaks to this account and is not the supervisor; it is refused", self._peer.pid
        )
        self._limit.cancel()
        asyncio.get_running_loop().call_later(STRANGER_S, self._transport.abort)
        self._go_on(self._guard.strangers(), self._received)

    def _go_on(self, protocol: Any, received: bytes) -> None:
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if received:
            protocol.data_received(received)
