"""One connection to a supervisor, for asyncio: each call is awaited. The rules are in sdk/calling.py.

A task that is cancelled cancels the call that it waits for. Belongs to the loop in which it makes its first
call.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.access import Access
from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
from krakencopy.client.sdk.async_watch import AsyncWatch
from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream
from krakencopy.client.sdk.calling import Calling
from krakencopy.client.sdk.channels import dial
from krakencopy.client.sdk.endpoint import Endpoint
from krakencopy.client.sdk.errors import BadInput

A = TypeVar("A", bound=Message)
T = TypeVar("T")


class AsyncConnection(Calling):
    """Opened with the first call. Its methods raise KrakenCopyError."""

    def __init__(
        self,
        endpoint: str | Endpoint,
        *,
        timeout_s: float,
        patience_s: float,
        channel: grpc.aio.Channel | None,
        access: Access | None,
        retries: bool,
    ) -> None:
        """As of ``Calling``."""
        super().__init__(
            endpoint, timeout_s=timeout_s, patience_s=patience_s, channel=channel, access=access,
            retries=retries,
        )  # fmt: skip
        #: To end them with the connection, while someone still holds them.
        self._streams: weakref.WeakSet[AsyncWatch[Any, Any] | AsyncLines[Any, Any]] = weakref.WeakSet()
        self._owned: grpc.aio.Channel | None = None
        self._is_closed = False

    async def close(self) -> None:
        """End the connection, and every call and watch on it."""
        self._is_closed = True
        for stream in list(self._streams):
            await stream.close()
        if self._owned is not None:
            await self._owned.close()

    async def ask(self, call: Ask[A, T]) -> T:
        """One call."""
        return await self.make(call)

    def items(self, call: Listing[A, T]) -> AsyncItems[T]:
        """All items of a list, page by page as they are taken."""
        return AsyncItems(lambda token: self.ask(call.page(token)), call.limit)

    def stream(self, call: Stream[A, T]) -> AsyncLines[A, T]:
        """What a call streams. Raises Unavailable when the connection is lost, and does not go on then."""
        stream = AsyncLines(self, call)
        self._streams.add(stream)
        return stream

    def watch(self, call: Follow[A, T]) -> AsyncWatch[A, T]:
        """A stream that goes on after its position when the connection was lost."""
        watch = AsyncWatch(self, call)
        self._streams.add(watch)
        return watch

    def _channel(self) -> Any:
        if self._given is not None:
            return self._given
        if self._is_closed:
            raise BadInput("this client is closed")
        if self._owned is None:  # in the loop that asks, which need not run where the client is made
            self._owned = dial(grpc.aio, self.endpoint, self._credentials)
        return self._owned

    async def _answer(self, sent: Any) -> Any:
        return await sent

    async def _sleep(self, delay_s: float) -> bool:
        await asyncio.sleep(delay_s)
        return self._is_closed
