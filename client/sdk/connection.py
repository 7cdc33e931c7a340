"""One connection to a supervisor: its channel, and how a call, a stream and a watch are made on it.

Knows nothing of what is asked.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import grpc

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.grpc_errors import fault
from krakencopy.client.sdk.watch_stream import Stream, Watch
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1.control_pb2_grpc import ControlServiceStub

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # gRPC waits 1 s and more between dials by default; a restarted supervisor should be found at once. Its
    # "min" sibling is left alone: that one is how long a dial may take, and a busy supervisor may well take
    # 100 ms.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A supervisor that froze or whose host vanished ends no connection; without the third option it takes a
    # minute to see.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
)


class _Call(NamedTuple):
    """grpc.ClientCallDetails, which has no constructor."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _WithToken(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Every call carries the token, on whatever connection: gRPC's own credentials want TLS."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def _with_token(self, details: Any) -> Any:
        metadata = [*(details.metadata or ()), self._header]
        return _Call(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready,
            details.compression,
        )  # fmt: skip

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """See ``grpc``."""
        return continuation(self._with_token(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """See ``grpc``."""
        return continuation(self._with_token(client_call_details), request)


def open_channel(endpoint: Endpoint, access: Access) -> grpc.Channel:
    """A channel of its own. Raises BadInput for files that cannot be used."""
    if not endpoint.is_remote:
        # The folder's and the socket's mode protect it.
        return grpc.insecure_channel(endpoint.target, CHANNEL_OPTIONS)
    found = [access.read(path) for path in (access.ca, access.key, access.certificate)]
    return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(*found), CHANNEL_OPTIONS)


class Connection:
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.Channel | None,
        access: Access | None = None,
    ) -> None:
        """``channel`` replaces the connection; it belongs to the caller and stays open."""
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        #: To end them with the connection, while someone still holds them.
        self._watches: weakref.WeakSet[Watch[Any, Any]] = weakref.WeakSet()
        access = (access or Access()).checked(endpoint)
        self._owned = open_channel(endpoint, access) if channel is None else None
        used: Any = channel or self._owned
        self.stub = ControlServiceStub(
            grpc.intercept_channel(used, _WithToken(access.token)) if access.token else used
        )

    def close(self) -> None:
        """End the connection, and every watch on it."""
        for watch in list(self._watches):
            watch.close()
        if self._owned is not None:
            self._owned.close()

    def ask(
        self,
        rpc: grpc.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout_s: float | None,
        request_id: str = "",
    ) -> R:
        """One call. Raises KrakenCopyError."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            return rpc(request, timeout=limit_s)
        except grpc.RpcError as error:
            raise fault(error, self.endpoint, request_id) from error

    def stream(
        self, rpc: grpc.UnaryStreamMultiCallable[Q, R], request: Q, *, is_endless: bool
    ) -> Iterator[R]:
        """What a call streams. Raises Unavailable when the connection is lost, and does not go on then."""
        call = rpc(request, timeout=None if is_endless else self._timeout_s)
        try:
            yield from call
        except grpc.RpcError as error:
            raise self._fault(error) from error
        finally:
            call.cancel()

    def watch(
        self,
        open_stream: Callable[[int | None], Stream[R]],
        read: Callable[[R], tuple[int, T]],
        after: int | None,
    ) -> Watch[R, T]:
        """A stream that goes on after the position ``after`` when the connection was lost."""
        watch = Watch(
            check=lambda: self.ask(self.stub.GetStatus, pb.GetStatusRequest(), None),
            open_stream=open_stream,
            read=read,
            fault=self._fault,
            after=after,
            patience_s=self._patience_s,
        )
        self._watches.add(watch)
        return watch

    def _fault(self, error: grpc.RpcError) -> KrakenCopyError:
        return fault(error, self.endpoint)
