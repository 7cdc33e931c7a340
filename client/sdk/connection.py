"""One connection to a supervisor: its channel, and how a call, a stream and a watch are made on it.

Knows nothing of what is asked.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.grpc_errors import fault
from krakencopy.client.sdk.watch_stream import Stream, Watch
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1.control_pb2_grpc import ControlServiceStub

Q = TypeVar("Q")
R = TypeVar("R")
T = TypeVar("T")

_CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
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


class Connection:
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.Channel | None,
    ) -> None:
        """``channel`` replaces the connection; it belongs to the caller and stays open."""
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        #: To end them with the connection, while someone still holds them.
        self._watches: weakref.WeakSet[Watch[Any, Any]] = weakref.WeakSet()
        # The folder's and the socket's mode protect it.
        self._owned = grpc.insecure_channel(endpoint.target, _CHANNEL_OPTIONS) if channel is None else None
        self.stub = ControlServiceStub(channel or self._owned)  # type: ignore[arg-type]  # one of the two is a channel

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
