"""ControlService over Connect and gRPC-Web: connectrpc speaks both, here each method is passed on.

Methods come from the descriptors, so the gateway serves all that there are.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToJson
from google.protobuf.message_factory import GetMessageClass

from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT, REQUEST_UNREADABLE
from krakencopy.client.gateway.early_head import EarlyHead
from krakencopy.client.gateway.errors import TOKEN_MISSING, refusal
from krakencopy.client.gateway.slots import Slots
from krakencopy.client.gateway.upstream import SERVICE, Upstream

log = logging.getLogger(__name__)

#: Of one request, in bytes: in JSON it is longer than the 64 KiB that the front takes of it.
REQUEST_BYTES_MAX = 256 << 10
WATCHES = frozenset(
    f"/{SERVICE.full_name}/{method.name}" for method in SERVICE.methods if method.server_streaming
)
#: RFC 6750, and no longer than a token may be.
_BEARER = re.compile(r"[Bb]earer ([\x21-\x7e]{1,256})", re.ASCII)


class _Reading:
    """A codec that refuses what it cannot read with a reason."""

    def __init__(self, codec: Codec[Any, Any]) -> None:
        self._codec = codec

    def name(self) -> str:
        """See ``Codec``."""
        return self._codec.name()

    def encode(self, message: Any) -> bytes:
        """See ``Codec``. JSON is on one line, so that a watch gives one line for each answer."""
        if self.name() == "json":
            return MessageToJson(message, indent=None).encode() + b"\n"
        return self._codec.encode(message)

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        """See ``Codec``."""
        try:
            if self.name() == "json" and not data.lstrip().startswith(b"{"):
                # protobuf takes [] and "" for a message without fields.
                raise ValueError("it is no JSON object")  # noqa: TRY301 - answered as all that is unreadable
            return self._codec.decode(bytes(data), message_class)
        except Exception as error:
            words = f"the request is no {message_class.__name__}: {error}"
            raise refusal(Code.INVALID_ARGUMENT, REQUEST_UNREADABLE, words) from error


#: A name that no field has is a mistake: with "acount_id" left out, a request may be about all accounts.
CODECS = (
    _Reading(google_protobuf_binary_codec()),
    _Reading(google_protobuf_json_codec(ignore_unknown_fields=False)),
)


class Authorized:
    """No call without a token, which is looked at before the request is read; and a line for each call, with
    nothing of its headers.
    """

    async def on_start(self, ctx: RequestContext[Any, Any]) -> float:
        """See connectrpc's ``MetadataInterceptor``. Raises ConnectError."""
        if not bearer_of(ctx):
            ctx.response_headers["www-authenticate"] = "Bearer"
            words = "the call carries no token; send the header authorization: Bearer TOKEN"
            _note(ctx, time.monotonic(), Code.UNAUTHENTICATED.value)
            raise refusal(Code.UNAUTHENTICATED, TOKEN_MISSING, words)
        return time.monotonic()

    async def on_end(self, token: float, ctx: RequestContext[Any, Any], error: Exception | None, /) -> None:
        """See connectrpc's ``MetadataInterceptor``."""
        code = error.code.value if isinstance(error, ConnectError) else "unknown" if error else "ok"
        _note(ctx, token, code)


def _note(ctx: RequestContext[Any, Any], started: float, code: str) -> None:
    ms = round((time.monotonic() - started) * 1_000)
    log.info("%s: %s in %d ms, from %s", ctx.method.name, code, ms, ctx.client_address or "nowhere")


def bearer_of(ctx: RequestContext[Any, Any]) -> str:
    """What the call carries, as it is passed on; empty for nothing, and for two of them."""
    given = ctx.request_headers.getall("authorization")
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    return f"Bearer {match[1]}" if match else ""


def stream_kind(scope: Any) -> str:
    """The content type of a request whose answer is a stream by its protocol; empty for others."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = str(value.decode("latin-1")).partition(";")[0].strip().lower()
            return kind if kind.startswith(("application/connect+", "application/grpc-web")) else ""
    return ""


def _timeout_s(ctx: RequestContext[Any, Any]) -> float | None:
    left_ms = ctx.timeout_ms
    return None if left_ms is None else max(left_ms / 1_000, 0.001)


class Application(ConnectASGIApplication[None]):
    """An ASGI application."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._slots = Slots()
        endpoints = {
            f"/{SERVICE.full_name}/{method.name}": self._endpoint(method) for method in SERVICE.methods
        }
        super().__init__(
            service=None, endpoints=lambda _: endpoints, interceptors=(Authorized(),),
            read_max_bytes=REQUEST_BYTES_MAX, compressions=(), codecs=CODECS,
        )  # fmt: skip

    @property
    def path(self) -> str:
        """See ``ConnectASGIApplication``."""
        return f"/{SERVICE.full_name}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See ASGI."""
        kind = stream_kind(scope) if scope["type"] == "http" and scope["path"] in WATCHES else ""
        if not kind:
            await super().__call__(scope, receive, send)
            return
        sending = EarlyHead(send, kind)
        try:
            await super().__call__(scope, receive, sending)
        finally:
            sending.end()

    def _endpoint(self, method: MethodDescriptor) -> Any:
        info: MethodInfo[Any, Any] = MethodInfo(
            name=method.name, service_name=SERVICE.full_name, input=GetMessageClass(method.input_type),
            output=GetMessageClass(method.output_type), idempotency_level=IdempotencyLevel.UNKNOWN,
            stream_type=StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY,
        )  # fmt: skip
        if method.server_streaming:
            return Endpoint.server_stream(method=info, function=self._watching(method))
        return Endpoint.unary(method=info, function=self._asking(method))

    def _asking(self, method: MethodDescriptor) -> Callable[[Any, RequestContext[Any, Any]], Awaitable[Any]]:
        async def ask(request: Any, ctx: RequestContext[Any, Any]) -> Any:
            bearer = bearer_of(ctx)
            with self._slots.take(bearer, watches=False):
                try:
                    return await self._upstream.ask(method, request, bearer, _timeout_s(ctx))
                except ConnectError:
                    raise
                except Exception as error:
                    raise _fault(method, error) from error

        return ask

    def _watching(
        self, method: MethodDescriptor
    ) -> Callable[[Any, RequestContext[Any, Any]], AsyncIterator[Any]]:
        async def watch(request: Any, ctx: RequestContext[Any, Any]) -> AsyncIterator[Any]:
            bearer = bearer_of(ctx)
            with self._slots.take(bearer, watches=True):
                try:
                    found = self._upstream.watch(method, request, bearer, _timeout_s(ctx))
                    async with aclosing(found) as answers:  # type: ignore[type-var]  # it is a generator
                        async for answer in answers:
                            yield answer
                except ConnectError:
                    raise
                except Exception as error:
                    raise _fault(method, error) from error

        return watch


def _fault(method: MethodDescriptor, error: Exception) -> ConnectError:
    """What nobody expected is logged, and nothing of it is sent."""
    log.error("%s failed", method.name, exc_info=error)
    words = f"the gateway failed at {method.name}; its log says where. What became of it is not known"
    return refusal(Code.INTERNAL, INTERNAL_FAULT, words)
