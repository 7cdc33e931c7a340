"""gRPC to one account's process, in the supervisor's own loop: grpclib's client (decision 0021), and its
failures as one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpclib.client import Channel, Stream
from grpclib.const import Status
from grpclib.encoding.proto import ProtoCodec, ProtoStatusDetailsCodec
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from h2.exceptions import ProtocolError as HttpError

from krakencopy.account_proc.contract.grpc_methods import ACCOUNT_SERVICE, HEALTH_SERVICE, signature

#: A call may be read and written by two tasks at once.
Call = Stream[Any, Any]

METHODS = {method.name: signature(method) for method in (*ACCOUNT_SERVICE.methods, *HEALTH_SERVICE.methods)}


class CallFailed(Exception):
    """A call did not end well: the process said so, or nobody knows what became of it (UNAVAILABLE,
    DEADLINE_EXCEEDED).
    """

    def __init__(
        self, status: Status, message: str, reason: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        """``reason`` and ``metadata``: those of google.rpc.ErrorInfo; empty when the process said none."""
        super().__init__(message)
        self.metadata = dict(metadata or {})
        self.status = status
        self.message = message
        self.reason = reason


class RpcClient:
    """AccountService and health of the process that listens on a Unix socket. It connects when it is first
    asked something.
    """

    def __init__(self, socket: Path) -> None:
        self._channel = Channel(
            path=str(socket), codec=_Codec(), status_details_codec=ProtoStatusDetailsCodec()
        )

    def close(self) -> None:
        """Ends the connection and all that is asked over it."""
        self._channel.close()

    async def ask(self, method: str, request: Message, timeout_s: float) -> Any:
        """The one answer. Raises CallFailed."""
        async with self.open(method, timeout_s) as call:
            await call.send_message(request, end=True)
            answer = await call.recv_message()
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
        raise CallFailed(error.status, error.message or "", info.reason, info.metadata) from error
    except TimeoutError as error:
        raise CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time") from error
    except (StreamTerminatedError, ProtocolError, HttpError, OSError) as error:
        raise CallFailed(Status.UNAVAILABLE, str(error)) from error


def _info(error: GRPCError) -> error_details_pb2.ErrorInfo:
    infos = [detail for detail in error.details or () if isinstance(detail, error_details_pb2.ErrorInfo)]
    return infos[0] if infos else error_details_pb2.ErrorInfo()
