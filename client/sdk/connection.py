"""One connection to a supervisor, for threads: each call blocks. The rules are in sdk/calling.py."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream
from krakencopy.client.sdk.calling import Calling, at_once
from krakencopy.client.sdk.channels import dial
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.pages import pages
from krakencopy.client.sdk.watch_stream import Watch

A = TypeVar("A", bound=Message)
T = TypeVar("T")


class Connection(Calling):
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: str | Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.Channel | None,
        access: Access | None,
        retries: bool,
    ) -> None:
        """As of ``Calling``."""
        super().__init__(
            endpoint, timeout_s=timeout_s, patience_s=patience_s, channel=channel, access=access,
            retries=retries,
        )  # fmt: skip
        #: To end them with the connection, while someone still holds them.
        self._watches: weakref.WeakSet[Watch[Any, Any]] = weakref.WeakSet()
        self._owned = dial(grpc, self.endpoint, self._credentials) if channel is None else None
        self._closed = threading.Event()

    def close(self) -> None:
        """End the connection, and every watch on it."""
        for watch in list(self._watches):
            watch.close()
        self._closed.set()
        if self._owned is not None:
            self._owned.close()

    def ask(self, call: Ask[A, T]) -> T:
        """One call."""
        return at_once(self.make(call))

    def items(self, call: Listing[A, T]) -> Iterator[T]:
        """All items of a list, page by page as they are taken."""
        return pages(lambda token: self.ask(call.page(token)), call.limit)

    def stream(self, call: Stream[A, T]) -> Iterator[T]:
        """What a call streams. Raises Unavailable when the connection is lost, and does not go on then."""
        sent = self.open_lines(call)
        try:
            for answer in sent:
                yield call.read(answer)
        except grpc.RpcError as error:
            raise self.fault(error) from error
        finally:
            sent.cancel()

    def watch(self, call: Follow[A, T]) -> Watch[A, T]:
        """A stream that goes on after its position when the connection was lost."""
        watch = Watch(self, call)
        self._watches.add(watch)
        return watch

    def _channel(self) -> Any:
        channel = self._given or self._owned
        if channel is None or self._closed.is_set():
            raise BadInput("this client is closed")
        return channel

    async def _answer(self, sent: Any) -> Any:
        return sent  # the call has blocked until it was there

    async def _sleep(self, delay_s: float) -> bool:
        return self._closed.wait(delay_s)


class Connected:
    """A client for threads, but for its methods: a context manager over a connection."""

    _connection: Connection

    @property
    def endpoint(self) -> Endpoint:
        """Where it is connected to."""
        return self._connection.endpoint

    def close(self) -> None:
        """End the connection, and every watch on it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
