"""The gateway's process, from its socket to its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import grpc
import uvicorn

from krakencopy.client.gateway.application import Application
from krakencopy.client.gateway.connection import Connection
from krakencopy.client.gateway.guard import App, Guard
from krakencopy.client.gateway.options import Options
from krakencopy.client.gateway.upstream import TokensNotChecked, Upstream
from krakencopy.client.sdk.errors import BadInput, Refused, Unavailable

log = logging.getLogger(__name__)

#: What is under way when the gateway ends has so long, in seconds.
GRACE_S = 5
#: A connection without a request is kept for so long: longer than reverse proxies keep theirs, which would
#: otherwise send a request into one that ends. In seconds.
IDLE_S = 75


class _Server(uvicorn.Server):
    """uvicorn's, whose signals are looked after here: its own end the process by the signal."""

    def capture_signals(self) -> Any:
        """See ``uvicorn.Server``."""
        return nullcontext()


def listening_socket(options: Options) -> socket.socket:
    """Raises Unavailable where the address is taken, or is none of this machine's."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        return socket.create_server((options.host, options.port), family=family)
    except OSError as error:
        raise Unavailable(f"cannot listen on {options.url}: {error.strerror or error}") from None


def tls_context(options: Options) -> ssl.SSLContext | None:
    """TLS 1.3 by the certificate that was given. Raises BadInput."""
    if options.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.certificate, options.key)
    except (ssl.SSLError, OSError) as error:
        words = f"{options.certificate} and {options.key} are no certificate and its key: {error}"
        raise BadInput(words) from None
    return context


class Gateway:
    """One gateway. It begins and ends once."""

    def __init__(self, options: Options, target: str) -> None:
        """``target``: the supervisor's socket, as gRPC dials it. Raises BadInput, Unavailable."""
        self._options = options
        self._tls = tls_context(options)
        self._listener = listening_socket(options)
        self._target = target
        self._upstream: Upstream | None = None
        self._server: uvicorn.Server | None = None

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"{self._options.url.rpartition(':')[0]}:{self._listener.getsockname()[1]}"

    async def run(self, listening: Callable[[str], None]) -> None:
        """Until it is ended. ``listening`` is called with the URL when calls are taken. Raises Refused."""
        upstream = self._upstream = Upstream(self._target)
        try:
            await _check(upstream)
            guard = Guard(cast("App", Application(upstream)), self._options, upstream.is_serving)
            self._server = _Server(self._config(guard))
            listening(self.url)
            await self._server.serve(sockets=[self._listener])
        finally:
            self._listener.close()
            await upstream.close()

    def _config(self, guard: Guard) -> uvicorn.Config:
        tls = self._tls
        return uvicorn.Config(
            cast("Any", guard), http=Connection, ws="none", lifespan="off", log_config=None, access_log=False,
            proxy_headers=False, server_header=False, timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S, ssl_context_factory=None if tls is None else lambda *_: tls,
        )  # fmt: skip

    def end(self) -> None:
        """Watches end at once, calls that are under way have a moment."""
        if self._server is not None and self._upstream is not None:
            self._upstream.end()
            self._server.should_exit = True

    def read_certificate_again(self) -> None:
        """For connections from now on. With one that cannot be used the one before stays."""
        certificate = self._options.certificate
        if self._tls is None or certificate is None:
            return
        try:
            tls_context(self._options)
            self._tls.load_cert_chain(certificate, self._options.key)
        except (BadInput, ssl.SSLError, OSError) as error:
            log.error("the certificate stays as it was: %s", error)  # noqa: TRY400 - its words say all
        else:
            log.info("the certificate was read again")


async def serve(options: Options, target: str, listening: Callable[[str], None]) -> None:
    """Until SIGTERM or SIGINT. Raises KrakenCopyError where it cannot begin."""
    gateway = Gateway(options, target)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, gateway.end)
    loop.add_signal_handler(signal.SIGHUP, gateway.read_certificate_again)
    await gateway.run(listening)


async def _check(upstream: Upstream) -> None:
    try:
        await upstream.check()
    except TokensNotChecked:
        raise Refused(
            "the supervisor takes calls with a token that nobody has: through this gateway everybody would "
            "be an admin; use it with a krakencopyd of the same version"
        ) from None
    except grpc.aio.AioRpcError as error:
        # It may start later; until then calls are answered so.
        log.warning("no supervisor answers yet (%s)", error.code().name)
