"""Calls of the control socket's clients, from their first byte to their last: read within bounds, checked,
passed on to the supervisor, and answered. grpc.health.v1 and reflection are answered here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2
from grpclib.const import Handler, Status
from grpclib.encoding.base import CodecBase, StatusDetailsCodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from krakencopy.account_proc.contract.grpc_methods import HEALTH_SERVICE, signature
from krakencopy.account_proc.contract.refusals import REQUEST_UNREADABLE, error_details, violations_text
from krakencopy.account_proc.contract.request_bounds import FIELD_INVALID, violations
from krakencopy.account_proc.runtime.grpc_server import Health
from krakencopy.supervisor.control.access_table import AccessTable
from krakencopy.supervisor.control.call_frames import METHODS, SERVICE, URGENT
from krakencopy.supervisor.control.front_access import Caller, FrontAccess, Visitor
from krakencopy.supervisor.control.front_clients import Client
from krakencopy.supervisor.control.front_reflection import reflection_handlers
from krakencopy.supervisor.control.principals import Principal

#: Of one request: the longest has fields of some hundred characters (bounds.proto).
REQUEST_BYTES_MAX = 65_536
#: Single calls that the supervisor is asked at once, by processes of this machine and from elsewhere.
ASKED_MAX, REMOTE_ASKED_MAX = 64, 32
#: A client takes an answer that is there within this, or loses its connection, in seconds.
TAKEN_S = 10.0
#: gRPC: a flag, and the length of the message.
_PREFIX_BYTES = 5

Call = Stream[Any, Any]


class RawMessages(CodecBase):
    """Messages are passed on as they are, those that are ours are encoded."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:  # noqa: ARG002 - grpclib's
        """See ``CodecBase``."""
        encoded: bytes = message if isinstance(message, bytes) else message.SerializeToString()
        return encoded

    def decode(self, data: bytes, message_type: Any) -> Any:
        """See ``CodecBase``."""
        return message_type.FromString(data)


class RawDetails(StatusDetailsCodecBase):
    """Details of a status, those of the supervisor as they came."""

    def encode(self, status: Status, message: str | None, details: Any) -> bytes:
        """See ``StatusDetailsCodecBase``."""
        whole = status_pb2.Status(code=status.value, message=message)
        for detail in details:
            if detail.DESCRIPTOR.full_name == "google.protobuf.Any":
                whole.details.append(detail)
            else:
                whole.details.add().Pack(detail)
        encoded: bytes = whole.SerializeToString()
        return encoded

    def decode(self, status: Status, message: str | None, data: bytes) -> Any:
        """See ``StatusDetailsCodecBase``; a server is sent none."""
        raise NotImplementedError


class Answering(Protocol):
    """Who answers the calls that are admitted: ``Upstream``, or who stands in for the supervisor."""

    def answers(self, method: int, principal: Principal, request: bytes) -> AsyncGenerator[bytes, None]:
        """See ``Upstream.answers``."""
        ...


class FrontCalls:
    """What the front answers. ``serving``: by its health."""

    def __init__(
        self, upstream: Answering, access: FrontAccess | None = None, *, serving: bool = True
    ) -> None:
        """``access``: who is known; without it none but processes of this machine."""
        self._upstream = upstream
        self._access = FrontAccess() if access is None else access
        if access is None:
            self._access.use(AccessTable().encoded())
        self._asked = asyncio.Semaphore(ASKED_MAX)
        self._asked_remotely = asyncio.Semaphore(REMOTE_ASKED_MAX)
        self._health = Health(SERVICE.full_name)
        self._health.set(serving=serving)

    def handlers(self, visitor: Visitor) -> dict[str, Handler]:
        """Those of one connection, by path."""
        found: dict[str, Handler] = {}
        for number, method in enumerate(METHODS):
            path, cardinality, request, answer = signature(method)
            pass_on = partial(self._pass_on, visitor, number, method)
            found[path] = Handler(pass_on, cardinality, request, answer)
        for method in HEALTH_SERVICE.methods:
            path, cardinality, request, answer = signature(method)
            found[path] = Handler(partial(self._say_health, visitor, method), cardinality, request, answer)
        return found | reflection_handlers(partial(self._caller, visitor), partial(_request, at_end=True))

    async def _pass_on(self, visitor: Visitor, number: int, method: MethodDescriptor, call: Call) -> None:
        caller = await self._access.caller(visitor, _metadata(call))
        with caller.client.call(watches=method.server_streaming):
            request = await _request(call)
            asked = _checked(method, request)
            async with self._access.while_allowed(caller, method.name, asked):
                await self._answer(caller, number, method, request, call)

    async def _answer(
        self, caller: Caller, number: int, method: MethodDescriptor, request: bytes, call: Call
    ) -> None:
        if method.server_streaming:
            async with aclosing(self._upstream.answers(number, caller.principal, request)) as answers:
                async for answer in answers:
                    await call.send_message(answer)
            return
        async with (
            self._turn(caller, method),
            aclosing(self._upstream.answers(number, caller.principal, request)) as answers,
        ):
            (answer,) = [each async for each in answers]
        await _send_in_time(call, answer)

    @asynccontextmanager
    async def _turn(self, caller: Caller, method: MethodDescriptor) -> AsyncIterator[None]:
        """The right to ask the supervisor."""
        if method.name in URGENT:
            async with caller.client.asked_urgently:
                yield
        else:
            together = self._asked if caller.principal.is_local else self._asked_remotely
            async with caller.client.asked, together:
                yield

    async def _say_health(self, visitor: Visitor, method: MethodDescriptor, call: Call) -> None:
        # Whether it serves is nobody's secret: who balances loads asks without a name. A watch needs one.
        client = visitor.client
        if method.server_streaming:
            client = await self._caller(visitor, call)
        with client.call(watches=method.server_streaming):
            request = GetMessageClass(method.input_type).FromString(await _request(call))
            answer: Any = getattr(self._health, method.name)(request)
            if not method.server_streaming:
                await _send_in_time(call, await answer)
                return
            async with aclosing(answer) as answers:
                async for each in answers:
                    await call.send_message(each)

    async def _caller(self, visitor: Visitor, call: Call) -> Client:
        """By whose limits a call goes. Raises GRPCError for one of nobody who is known."""
        return (await self._access.caller(visitor, _metadata(call))).client


def _metadata(call: Call) -> list[tuple[str, Any]]:
    return list(call.metadata.items()) if call.metadata else []


async def _send_in_time(call: Call, answer: Any) -> None:
    try:
        async with asyncio.timeout(TAKEN_S):
            await call.send_message(answer)
    except TimeoutError:
        # A client that does not take one answer takes none.
        call._stream.connection.close()  # noqa: SLF001 - grpclib has no other way


async def _request(call: Call, *, at_end: bool = False) -> bytes:
    """The one message of a request, or the next of several, which is not read further than it may be long.
    Raises GRPCError; EOFError ``at_end``, where there may be no more.
    """
    stream = call._stream  # noqa: SLF001 - grpclib reads messages of any length
    try:
        prefix = await stream.recv_data(_PREFIX_BYTES)
        if at_end and not prefix:
            raise EOFError
        if not prefix or prefix[0]:
            message = "the call has no request, or a compressed one"
            raise GRPCError(Status.INVALID_ARGUMENT, message, error_details(REQUEST_UNREADABLE))
        length = int.from_bytes(prefix[1:], "big")
        if length > REQUEST_BYTES_MAX:
            message = f"the request has {length} bytes; at most {REQUEST_BYTES_MAX} are taken"
            raise GRPCError(Status.RESOURCE_EXHAUSTED, message, error_details("REQUEST_TOO_LARGE"))
        return await stream.recv_data(length)
    except AssertionError as error:  # less came than was announced
        message = "the request is cut off"
        raise GRPCError(Status.INVALID_ARGUMENT, message, error_details(REQUEST_UNREADABLE)) from error


def _checked(method: MethodDescriptor, request: bytes) -> Any:
    """The request, unless it is none, or has a field that is outside its bounds. Raises GRPCError."""
    try:
        asked = GetMessageClass(method.input_type).FromString(request)
        found = list(violations(asked))
    except DecodeError as error:
        message = f"the request is no {method.input_type.name}"
        raise GRPCError(Status.INVALID_ARGUMENT, message, error_details(REQUEST_UNREADABLE)) from error
    if found:
        details = error_details(FIELD_INVALID, violations=found)
        raise GRPCError(Status.INVALID_ARGUMENT, violations_text(found), details)
    return asked
