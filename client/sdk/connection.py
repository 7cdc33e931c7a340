"""One connection to a supervisor, for threads: its channel, and how each shape of calls is made on it.

Knows nothing of what is asked (sdk/calls). sdk/async_connection.py is the same for asyncio.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream, method_of
from krakencopy.client.sdk.calls.status_calls import get_status
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import BadInput, KrakenCopyError, NotAllowed
from krakencopy.client.sdk.grpc_errors import fault
from krakencopy.client.sdk.pages import pages
from krakencopy.client.sdk.retries import Attempts, Run
from krakencopy.client.sdk.watch_stream import Watch
from krakencopy.v1 import control_pb2 as pb

A = TypeVar("A", bound=Message)
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


Metadata = tuple[tuple[str, str], ...]


def metadata_of(access: Access) -> Metadata:
    """What every call carries, on whatever connection: gRPC's own credentials for a token want TLS."""
    return (("authorization", f"Bearer {access.token}"),) if access.token else ()


def tls_of(access: Access) -> grpc.ChannelCredentials:
    """For a port. Raises BadInput for files that cannot be used."""
    found = [access.read(path) for path in (access.ca, access.key, access.certificate)]
    return grpc.ssl_channel_credentials(*found)


def open_channel(endpoint: Endpoint, access: Access) -> grpc.Channel:
    """A channel of its own. Raises BadInput for files that cannot be used."""
    if not endpoint.is_remote:
        # The folder's and the socket's mode protect it.
        return grpc.insecure_channel(endpoint.target, CHANNEL_OPTIONS)
    return grpc.secure_channel(endpoint.target, tls_of(access), CHANNEL_OPTIONS)


def run_of(status: pb.GetStatusResponse) -> Run:
    """Which run has answered."""
    return Run(status.epoch, status.started_at.ToNanoseconds())


class Connection:
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.Channel | None,
        access: Access,
        retries: bool,
    ) -> None:
        """``channel`` replaces the connection; it belongs to the caller and stays open. ``retries``: whether
        calls are asked again where that is safe (sdk/retries.py).
        """
        self.endpoint = endpoint
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._retries = retries
        #: To end them with the connection, while someone still holds them.
        self._watches: weakref.WeakSet[Watch[Any, Any]] = weakref.WeakSet()
        self._owned = open_channel(endpoint, access) if channel is None else None
        self._given = channel
        self._metadata = metadata_of(access)
        self._closed = threading.Event()
        self._was_up = False
        self._run: Run | None = None

    def close(self) -> None:
        """End the connection, and every watch on it."""
        for watch in list(self._watches):
            watch.close()
        self._closed.set()
        if self._owned is not None:
            self._owned.close()

    def _open_channel(self) -> grpc.Channel:
        channel = self._given or self._owned
        if channel is None or self._closed.is_set():
            raise BadInput("this client is closed")
        return channel

    def ask(self, call: Ask[A, T]) -> T:
        """One call. Raises KrakenCopyError."""
        limit_s = self._timeout_s if call.timeout_s is None else call.timeout_s
        if not self._retries:
            return self._send(call, limit_s)
        attempts = Attempts(call.request_id, limit_s, time.monotonic(), once_for_ever=call.once_for_ever)
        while True:
            was_sent = False
            try:
                if attempts.needs_run(self._run):
                    self._run = self._ask_run(attempts.left_s(time.monotonic()))
                if attempts.may_be_sent_to(self._run):
                    was_sent = True
                    return self._send(call, attempts.left_s(time.monotonic()))
            except KrakenCopyError as error:
                now_s = time.monotonic()
                delay_s = attempts.delay_s(error, now_s, was_up=self._was_up, was_sent=was_sent)
                if delay_s is None or self._closed.wait(delay_s):
                    raise attempts.outcome(error) from None
            else:
                raise attempts.lost()

    def _ask_run(self, limit_s: float) -> Run | None:
        """Which run answers; None for a caller that may not see it."""
        try:
            return self._send(get_status().giving(run_of), limit_s)
        except NotAllowed:
            return None

    def _send(self, call: Ask[A, T], limit_s: float) -> T:
        rpc = self._open_channel().unary_unary(
            method_of(call.request),
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=call.answer.FromString,
        )
        try:
            answer = rpc(call.request, timeout=limit_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise fault(error, self.endpoint, call.request_id) from error
        self._was_up = True
        return call.read(answer)

    def items(self, call: Listing[A, T]) -> Iterator[T]:
        """All items of a list, page by page as they are taken."""
        return pages(lambda token: self.ask(call.page(token)), call.limit)

    def stream(self, call: Stream[A, T]) -> Iterator[T]:
        """What a call streams. Raises Unavailable when the connection is lost, and does not go on then."""
        sent = self._open(call.request, call.answer, None if call.is_endless else self._timeout_s)
        try:
            for answer in sent:
                yield call.read(answer)
        except grpc.RpcError as error:
            raise fault(error, self.endpoint) from error
        finally:
            sent.cancel()

    def watch(self, call: Follow[A, T]) -> Watch[A, T]:
        """A stream that goes on after its position when the connection was lost."""
        watch = Watch(
            check=self._check,
            open_stream=lambda after: self._open(call.request(after), call.answer, None),
            read=call.read,
            fault=lambda error: fault(error, self.endpoint),
            after=call.after,
            patience_s=self._patience_s,
        )
        self._watches.add(watch)
        return watch

    def _check(self) -> None:
        """Raises where nobody answers; who answers that the caller may not see it has answered."""
        with suppress(NotAllowed):
            self._send(get_status(), self._timeout_s)

    def _open(self, request: Message, answer: type[A], limit_s: float | None) -> Any:
        rpc = self._open_channel().unary_stream(
            method_of(request),
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        return rpc(request, timeout=limit_s, metadata=self._metadata)
