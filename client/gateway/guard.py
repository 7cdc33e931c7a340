"""What is looked at before a request is one of the API: under which name the gateway was called, and whose
page calls.

A name of somebody else's that leads to this machine (DNS rebinding) would make any page in a browser of this
machine the gateway's own; a page of another origin may call only where that origin was allowed. It must not
know what a request asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from krakencopy.client.gateway.options import Options, host_of

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]

#: What a page's calls may say, by Connect and gRPC-Web.
REQUEST_HEADERS = (
    "authorization, content-type, connect-protocol-version, connect-timeout-ms, connect-accept-encoding, "
    "grpc-timeout, x-grpc-web, x-user-agent"
)
#: What its answers say beside their bodies.
RESPONSE_HEADERS = "grpc-status, grpc-message, grpc-status-details-bin"
#: For so long a browser need not ask again, in seconds; more is not taken by all.
PREFLIGHT_S = 7_200
HEALTH_PATH = "/healthz"
#: In which form a request may be. connectrpc also takes gRPC, which needs trailers that uvicorn does not
#: have, and writes a stack to the log for each.
KINDS = frozenset({
    "application/json", "application/proto", "application/connect+json", "application/connect+proto",
    "application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json",
})  # fmt: skip
#: On every answer.
_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Guard:
    """Stands before an ASGI application."""

    def __init__(self, app: App, options: Options, is_serving: Callable[[], Awaitable[bool]]) -> None:
        self._app = app
        self._options = options
        self._is_serving = is_serving

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        if refused := self._refusal(headers):
            await _answer(send, *refused)
            return
        (origin,) = headers.get(b"origin", [b""])
        more = [*_ALWAYS, *_cors(origin)]
        if scope["path"] == HEALTH_PATH and scope["method"] in {"GET", "HEAD"}:
            serving = await self._is_serving()
            words = "SERVING\n" if serving else "NOT_SERVING\n"
            await _answer(send, 200 if serving else 503, words, more)
        elif scope["method"] == "OPTIONS" and origin:
            await _answer(send, 204, "", [*more, *_PREFLIGHT])
        elif scope["method"] == "POST" and _kind(headers) not in KINDS:
            words = f"a request here is one of {', '.join(sorted(KINDS))}\n"
            await _answer(send, 415, words, more)
        else:
            await self._app(scope, receive, _with_headers(send, more))

    def _refusal(self, headers: Mapping[bytes, list[bytes]]) -> tuple[int, str] | None:
        """Status and words for what is no request to here."""
        given = [value.decode("latin-1") for value in headers.get(b"host", [])]
        host = host_of(given[0]) if len(given) == 1 else None
        if host is None:
            return 400, "the request names no host, or several\n"
        if self._options.hosts and host not in self._options.hosts:
            return 421, f"this gateway is not {host}; it can be told that it is by --allow-host\n"
        origins = [value.decode("latin-1") for value in headers.get(b"origin", [])]
        if any(origin not in self._options.origins for origin in origins) or len(origins) > 1:
            return 403, "pages of this origin may not call; --allow-origin allows one\n"
        return None


def _kind(headers: Mapping[bytes, list[bytes]]) -> str:
    given = headers.get(b"content-type", [b""])[0].decode("latin-1")
    return given.partition(";")[0].strip().lower()


_PREFLIGHT = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", REQUEST_HEADERS.encode()),
    (b"access-control-max-age", str(PREFLIGHT_S).encode()),
)


def _cors(origin: bytes) -> list[tuple[bytes, bytes]]:
    if not origin:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", RESPONSE_HEADERS.encode()),
        (b"vary", b"Origin"),
    ]


def _with_headers(send: Send, more: list[tuple[bytes, bytes]]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return sending


async def _answer(send: Send, status: int, words: str, more: list[tuple[bytes, bytes]] | None = None) -> None:
    body = words.encode()
    headers = [*(more or _ALWAYS)]
    if status != 204:
        length = str(len(body)).encode()
        headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
