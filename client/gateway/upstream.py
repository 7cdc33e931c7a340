"""The gateway's connection to the supervisor. A call goes on with the token of whoever makes it, and with
nothing else.

On the Unix socket, the gateway itself would be an admin. That is lent to nobody: before the first call on a
connection the supervisor must have refused a token that nobody has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from connectrpc.code import Code
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2

from krakencopy.client.gateway.errors import GATEWAY_ENDS, TOKENS_NOT_CHECKED, of_supervisor, refusal
from krakencopy.v1 import control_pb2

SERVICE = control_pb2.DESCRIPTOR.services_by_name["ControlService"]
#: A token that nobody has: it is not of the form that they have.
NOBODYS_TOKEN = "Bearer the-gateway-asks-whether-tokens-are-checked"  # noqa: S105 - it opens nothing
#: Of one answer (supervisor/control/call_frames.py).
ANSWER_BYTES_MAX = 8 << 20
#: How long a single call may take where its caller does not say, and the gateway's own questions, in seconds.
CALL_S, QUESTION_S = 60.0, 10.0
_OPTIONS = (
    ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # As much of a watch that its caller does not read lies here.
    ("grpc.http2.bdp_probe", 0),
)


class TokensNotChecked(Exception):
    """The supervisor takes a call with a token that nobody has."""


class Upstream:
    """One channel for all callers."""

    def __init__(self, target: str) -> None:
        """``target``: as gRPC dials it."""
        self._channel = grpc.aio.insecure_channel(target, _OPTIONS)
        self._calls: set[Any] = set()
        self._checking = asyncio.Lock()
        self._is_checked = self._is_ending = False

    async def check(self) -> None:
        """Raises TokensNotChecked, and grpc.aio.AioRpcError where nobody answers."""
        async with self._checking:
            if self._is_checked and self._is_connected():
                return
            self._is_checked = False
            method = SERVICE.methods_by_name["GetStatus"]
            ask = self._multi_callable(method)
            try:
                await ask(b"", timeout=QUESTION_S, metadata=(("authorization", NOBODYS_TOKEN),))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            else:
                raise TokensNotChecked
            self._is_checked = True

    def _is_connected(self) -> bool:
        # Only a call connects the channel again, and each one comes by here first.
        return self._channel.get_state() is grpc.ChannelConnectivity.READY

    async def _ready(self) -> None:
        if self._is_ending:
            raise refusal(Code.UNAVAILABLE, GATEWAY_ENDS, "the gateway ends; nothing was done")
        if self._is_checked and self._is_connected():
            return
        try:
            await self.check()
        except TokensNotChecked:
            words = "the supervisor checks no tokens, so nobody may call it through the gateway"
            raise refusal(Code.UNAVAILABLE, TOKENS_NOT_CHECKED, words) from None
        except grpc.aio.AioRpcError as error:
            raise of_supervisor(error) from error

    async def ask(self, method: MethodDescriptor, request: Any, bearer: str, timeout_s: float | None) -> Any:
        """The answer to one call. Raises ConnectError."""
        await self._ready()
        limit_s = CALL_S if timeout_s is None else min(timeout_s, CALL_S)
        call = self._multi_callable(method)(
            request.SerializeToString(), timeout=limit_s, metadata=(("authorization", bearer),)
        )
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise of_supervisor(error) from error

    async def watch(
        self, method: MethodDescriptor, request: Any, bearer: str, timeout_s: float | None
    ) -> AsyncIterator[Any]:
        """The answers of a stream, each made when the one before is taken. Raises ConnectError."""
        await self._ready()
        call: Any = self._multi_callable(method)(
            request.SerializeToString(), timeout=timeout_s, metadata=(("authorization", bearer),)
        )
        self._calls.add(call)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise of_supervisor(error) from error
        except asyncio.CancelledError:
            if not self._is_ending:
                raise
            words = "the gateway ends; go on from the last number that came"
            raise refusal(Code.UNAVAILABLE, GATEWAY_ENDS, words) from None
        finally:
            self._calls.discard(call)
            call.cancel()

    def _multi_callable(self, method: MethodDescriptor) -> Any:
        make = self._channel.unary_stream if method.server_streaming else self._channel.unary_unary
        answer = GetMessageClass(method.output_type)
        return make(f"/{SERVICE.full_name}/{method.name}", response_deserializer=answer.FromString)

    async def is_serving(self) -> bool:
        """Whether a supervisor answers, by its health."""
        check: Any = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await check(health_pb2.HealthCheckRequest(service=SERVICE.full_name), timeout=QUESTION_S)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def end(self) -> None:
        """Ends every watch, and takes no more calls."""
        self._is_ending = True
        for call in list(self._calls):
            call.cancel()

    async def close(self) -> None:
        """Ends the connection."""
        await self._channel.close()
