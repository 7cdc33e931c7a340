"""gRPC in the account's own loop: grpclib's server, without a thread of its own (decision 0021).

What answers knows nothing of it. A method is a coroutine function of its request, or an asynchronous
generator where the service streams its answers, and takes an asynchronous iterator where it streams its
requests. What it refuses it raises: ``refusal``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpclib.const import Handler, Status
from grpclib.encoding.proto import ProtoCodec, ProtoStatusDetailsCodec
from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError
from grpclib.server import Server, Stream

from krakencopy.account_proc.contract.errors import AccountError
from krakencopy.account_proc.contract.grpc_methods import WINDOWS, health, signature
from krakencopy.account_proc.contract.refusals import (
    INTERNAL_FAULT,
    REQUEST_UNREADABLE,
    cut_text,
    error_details,
    violations_text,
)
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, Unreadable, Violation, violations
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.socket_guard import SocketGuard

log = logging.getLogger(__name__)

HealthCheckRequest = health_pb2.HealthCheckRequest
HealthCheckResponse = health_pb2.HealthCheckResponse


def refusal(
    status: Status, reason: str, message: str, metadata: Mapping[str, str] | None = None,
    violations: Iterable[Violation] = (),
) -> GRPCError:  # fmt: skip
    """What ends a call with a status that carries google.rpc.ErrorInfo, and google.rpc.BadRequest for fields
    that are wrong.
    """
    return GRPCError(status, cut_text(message), error_details(reason, metadata, violations))


class GrpcServer:
    """Serves some services on a Unix socket, to the supervisor alone."""

    def __init__(self, servicers: Mapping[ServiceDescriptor, object], secret: str) -> None:
        """``secret``: what a client must prove to know (contract/socket_handshake.py).
        ``servicers``: who answers each service, by methods of the names in its descriptor. Raises
        AttributeError without one.
        """
        self._answering: set[asyncio.Task[Any]] = set()
        handlers: dict[str, Handler] = {}
        for service, servicer in servicers.items():
            for method in service.methods:
                path, cardinality, request, answer = signature(method)
                handler = self._handler(method, getattr(servicer, method.name))
                handlers[path] = Handler(handler, cardinality, request, answer)
        self._server = _GuardedServer(handlers, secret)

    async def start(self, path: Path) -> None:
        """Listens on a new socket there. Raises OSError."""
        await self._server.start(path=str(path))

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls, lets single answers that are due leave within ``grace_s``, then cuts off
        what is left.
        """
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace_s)
        self._server.close()
        self._server.guard.close()
        # From Python 3.12.1 on, this waits for the connections too, which are the supervisor's to end.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), grace_s)

    def _handler(
        self, method: MethodDescriptor, answer: Any
    ) -> Callable[[Stream[Any, Any]], Awaitable[None]]:
        async def single(stream: Stream[Any, Any]) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            with _refused_with_reason(method.name):
                await stream.send_message(await answer(await _asked(method, stream)))

        async def streaming(stream: Stream[Any, Any]) -> None:
            with _refused_with_reason(method.name):
                async with aclosing(answer(await _asked(method, stream))) as answers:
                    async for message in answers:
                        await stream.send_message(message)

        return streaming if method.server_streaming else single


@contextmanager
def _refused_with_reason(method: str) -> Iterator[None]:
    """No call ends without one: what nobody expected is logged, and nothing of it is sent."""
    try:
        yield
    except (GRPCError, ProtocolError, StreamTerminatedError):
        raise
    except AccountError as error:
        raise refusal(Status.ABORTED, error.reason, str(error)) from error
    except Exception as error:
        log.exception("%s failed", method)
        message = f"the process failed at {method}; its log says where. What became of it is not known"
        raise refusal(Status.INTERNAL, INTERNAL_FAULT, message) from error


class _OpenServer(Server):
    """grpclib's, for connections that somebody else accepts."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        super().__init__(
            [_Handlers(handlers)], codec=_Unread(), status_details_codec=ProtoStatusDetailsCodec()
        )

    def connection(self) -> Any:
        """The protocol (asyncio) of a new one."""
        return self._protocol_factory()


class _GuardedServer(Server):
    """grpclib's, which a client reaches only after the handshake."""

    def __init__(self, handlers: dict[str, Handler], secret: str) -> None:
        super().__init__(
            [_Handlers(handlers)],
            config=WINDOWS,
            codec=_Read(),
            status_details_codec=ProtoStatusDetailsCodec(),
        )
        refusing = {path: handler._replace(func=_refuse_stranger) for path, handler in handlers.items()}
        self.guard = SocketGuard(secret, super()._protocol_factory, _OpenServer(refusing).connection)

    def _protocol_factory(self) -> Any:
        return self.guard()


class _Read(ProtoCodec):
    """Bytes that are no message are Unreadable: grpclib itself would answer without a reason."""

    def decode(self, data: bytes, message_type: Any) -> Any:
        try:
            return super().decode(data, message_type)
        except DecodeError:
            return Unreadable()


class _Unread(ProtoCodec):
    """Of a stranger's requests nothing is parsed."""

    def decode(self, data: bytes, message_type: Any) -> Any:
        return b""


async def _refuse_stranger(stream: Stream[Any, Any]) -> None:
    # A call that is still being sent would be reset, and the stranger not hear why.
    async for _ in stream:
        pass
    raise refusal(
        Status.UNAUTHENTICATED, "UNAUTHENTICATED", "an account's process answers its supervisor alone"
    )


async def _asked(method: MethodDescriptor, stream: Stream[Any, Any]) -> Any:
    if method.client_streaming:
        return _checked_stream(stream)
    request = await stream.recv_message()
    if request is None:
        raise refusal(Status.INVALID_ARGUMENT, REQUEST_UNREADABLE, "the call has no request")
    _check_bounds(request)
    return request


async def _checked_stream(stream: Stream[Any, Any]) -> AsyncIterator[Any]:
    async for request in stream:
        _check_bounds(request)
        yield request


def _check_bounds(request: Any) -> None:
    """Raises GRPCError where a field is outside its bounds, or nothing of it can be read."""
    if isinstance(request, Unreadable):
        message = "the request cannot be read: its bytes are no message of this call, or a text is not UTF-8"
        raise refusal(Status.INVALID_ARGUMENT, REQUEST_UNREADABLE, message)
    if found := list(violations(request)):
        details = error_details(FIELD_INVALID, violations=found)
        raise GRPCError(Status.INVALID_ARGUMENT, violations_text(found), details)


class _Handlers:
    """As grpclib's generated code hands over what answers."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def __mapping__(self) -> dict[str, Handler]:
        return self._handlers


class Health:
    """grpc.health.v1: SERVING for the process itself (the empty name), and what is set for the one
    service.
    """

    def __init__(self, service: str) -> None:
        self._statuses = {"": HealthCheckResponse.SERVING, service: HealthCheckResponse.NOT_SERVING}
        self._service = service
        self._changed = ChangeSignal()

    def set(self, *, serving: bool) -> None:
        """Tells everyone who watches."""
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        if status != self._statuses[self._service]:
            self._statuses[self._service] = status
            self._changed.notify()

    async def Check(self, request: HealthCheckRequest) -> HealthCheckResponse:
        """Its status now."""
        if request.service not in self._statuses:
            raise GRPCError(Status.NOT_FOUND, cut_text(f"no service {request.service!r} here"))
        return HealthCheckResponse(status=self._statuses[request.service])

    async def List(self, request: Any) -> Any:
        """All statuses now."""
        statuses = {name: HealthCheckResponse(status=status) for name, status in self._statuses.items()}
        return health.HealthListResponse(statuses=statuses)

    async def Watch(self, request: HealthCheckRequest) -> AsyncIterator[HealthCheckResponse]:
        """Its status now and after every change; SERVICE_UNKNOWN for what is not here."""
        seen, sent = -1, None
        while True:
            seen = await self._changed.wait(seen)
            status = self._statuses.get(request.service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != sent:
                sent = status
                yield HealthCheckResponse(status=status)
