"""gRPC to one account's process, in the supervisor's own loop: grpclib's client (decision 0021), and its
failures as one.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpclib.client import Channel, Stream
from grpclib.const import Status
from grpclib.encoding.proto import ProtoCodec, ProtoStatusDetailsCodec
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.protocol import H2Protocol
from h2.exceptions import ProtocolError as HttpError

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE, WINDOWS, signature
from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.account_proc.contract.socket_handshake import (
    ANSWER_BYTES,
    HANDSHAKE_S,
    MAGIC,
    NONCE_BYTES,
    Meeting,
    is_same,
    new_nonce,
    peer_of,
)

#: A call may be read and written by two tasks at once.
Call = Stream[Any, Any]

METHODS = {method.name: signature(method) for method in (*ACCOUNT_SERVICE.methods, *HEALTH_SERVICE.methods)}

#: The reason of a call whose other end is not the process that was started.
WRONG_PROCESS = "WRONG_PROCESS"
#: Single calls to one process that wait for their answer, at most. Beyond 100 calls grpclib lets new ones
#: wait, those of a stream that is opened again as well.
ASKED_MAX = 50
#: Calls that are made whatever else waits.
NEVER_REFUSED = frozenset({"Drain", "ReadTradingStates"})
#: The reason of a call beyond that; nothing was sent.
TOO_MANY_CALLS = "TOO_MANY_CALLS"


class CallFailed(Exception):
    """A call did not end well: the process said so, or nobody knows what became of it (UNAVAILABLE,
    DEADLINE_EXCEEDED).
    """

    def __init__(
        self, status: Status, message: str, reason: str = "", metadata: Mapping[str, str] | None = None,
        violations: Iterable[Violation] = (),
    ) -> None:  # fmt: skip
        """``reason`` and ``metadata``: those of google.rpc.ErrorInfo; empty when the process said none.
        ``violations``: the fields that are wrong (google.rpc.BadRequest).
        """
        super().__init__(message)
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.status = status
        self.message = message
        self.reason = reason


class RpcClient:
    """AccountService and health of the process that listens on a Unix socket. It connects when it is first
    asked something.
    """

    def __init__(self, path: Path, secret: str) -> None:
        """``secret``: what both ends prove to know (contract/socket_handshake.py)."""
        self._channel = _ProvenChannel(
            secret,
            path=str(path),
            config=WINDOWS,
            codec=_Codec(),
            status_details_codec=ProtoStatusDetailsCodec(),
        )

        self._asked = 0

    def close(self) -> None:
        """Ends the connection and all that is asked over it."""
        self._channel.close()

    async def ask(self, method: str, request: Message, timeout_s: float) -> Any:
        """The one answer. Raises CallFailed."""
        if self._asked >= ASKED_MAX and method not in NEVER_REFUSED:
            message = f"{self._asked} calls to this account wait for their answers; try again later"
            raise CallFailed(Status.RESOURCE_EXHAUSTED, message, TOO_MANY_CALLS)
        self._asked += 1
        try:
            async with self.open(method, timeout_s) as call:
                await call.send_message(request, end=True)
                answer = await call.recv_message()
        finally:
            self._asked -= 1
        if answer is None:
            raise CallFailed(Status.UNKNOWN, f"{method} ended without an answer")
        return answer

    async def watch(self, method: str, request: Message) -> AsyncIterator[Any]:
        """All answers until the process ends them. Raises CallFailed."""
        async with self.open(method) as call:
            await call.send_message(request, end=True)
            async for answer in call:
                yield answer

    @asynccontextmanager
    async def open(self, method: str, timeout_s: float | None = None) -> AsyncIterator[Call]:
        """A call; requests may be bytes that were encoded before. Raises CallFailed, also at its end."""
        path, cardinality, request, answer = METHODS[method]
        with _as_call_failed():
            async with self._channel.request(path, cardinality, request, answer, timeout=timeout_s) as call:
                yield call


class WrongPeer(Exception):
    """What listens at an account's socket is not the process that was started for it."""


class _ProvenChannel(Channel):
    """A connection begins with the handshake, and becomes one of gRPC when both ends are known."""

    def __init__(self, secret: str, *, path: str, **more: Any) -> None:
        super().__init__(path=path, **more)
        self._socket_path, self._secret = path, secret

    async def _create_connection(self) -> H2Protocol:
        connected = socket.socket(socket.AF_UNIX)
        connected.setblocking(False)
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await self._loop.sock_connect(connected, self._socket_path)
                await self._prove(connected)
            _, protocol = await self._loop.create_unix_connection(self._protocol_factory, sock=connected)
        except BaseException:
            connected.close()
            raise
        return protocol

    async def _prove(self, connected: socket.socket) -> None:
        """Raises WrongPeer, or OSError where the process ends meanwhile."""
        peer, nonce = peer_of(connected), new_nonce()
        if peer.uid != os.getuid():
            raise WrongPeer(f"a process of machine user {peer.uid} listens at {self._socket_path}")
        await self._loop.sock_sendall(connected, MAGIC + nonce)
        answer = b""
        while len(answer) < ANSWER_BYTES:
            part = await self._loop.sock_recv(connected, ANSWER_BYTES - len(answer))
            if not part:
                raise ConnectionResetError("the process ended the connection before it had said who it is")
            answer += part
        meeting = Meeting(nonce, answer[:NONCE_BYTES], os.getpid(), peer.pid)
        if not is_same(answer[NONCE_BYTES:], meeting.account_proof(self._secret)):
            raise WrongPeer(f"process {peer.pid} listens at {self._socket_path} and is not this account's")
        await self._loop.sock_sendall(connected, meeting.supervisor_proof(self._secret))


class _Codec(ProtoCodec):
    """Takes messages that were encoded once for all users as they are."""

    def encode(self, message: Any, message_type: Any) -> bytes:
        return message if isinstance(message, bytes) else super().encode(message, message_type)


@contextmanager
def _as_call_failed() -> Iterator[None]:
    try:
        yield
    except GRPCError as error:
        info = _info(error)
        raise CallFailed(
            error.status, error.message or "", info.reason, info.metadata, _violations(error)
        ) from error
    except WrongPeer as error:
        raise CallFailed(Status.UNAUTHENTICATED, str(error), WRONG_PROCESS) from error
    except TimeoutError as error:
        raise CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time") from error
    except (StreamTerminatedError, ProtocolError, HttpError, OSError) as error:
        raise CallFailed(Status.UNAVAILABLE, str(error)) from error


def _info(error: GRPCError) -> error_details_pb2.ErrorInfo:
    infos = [detail for detail in error.details or () if isinstance(detail, error_details_pb2.ErrorInfo)]
    return infos[0] if infos else error_details_pb2.ErrorInfo()


def _violations(error: GRPCError) -> Iterator[Violation]:
    for detail in error.details or ():
        if isinstance(detail, error_details_pb2.BadRequest):
            yield from (Violation(each.field, each.description) for each in detail.field_violations)
