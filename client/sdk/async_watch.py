"""A stream for asyncio that goes on from its position when the connection is lost: by the ``Patience`` of
sdk/watch_stream.py, without threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Self, TypeVar

import grpc

from krakencopy.client.sdk.async_streams import is_cancelled
from krakencopy.client.sdk.errors import BadInput, KrakenCopyError, TimedOut, Unavailable
from krakencopy.client.sdk.watch_stream import Patience

A = TypeVar("A")
T = TypeVar("T")


class AsyncWatch(Generic[A, T]):
    """An endless asynchronous iterator and context manager; ``position`` is the last seq (or change number)
    that it gave, to go on from another time.

    It is opened by ``async with``, or with the first item. After a lost connection it goes on behind
    ``position`` by itself, without a gap and without repeating. When it was started without a position and
    has given nothing yet, only new items follow. It ends after ``close()``, and raises Unavailable or
    TimedOut when the supervisor stays away, PositionGone when what follows the position was deleted, any
    other KrakenCopyError as it comes.

    What is not taken is not read: a reader that is slow holds up its own stream and nothing else. A task that
    is cancelled while it waits for an item ends the call; the watch can be taken up again after it.
    """

    def __init__(
        self,
        *,
        check: Callable[[], Awaitable[object]],
        open_stream: Callable[[int | None], Any],
        read: Callable[[A], tuple[int, T]],
        fault: Callable[[grpc.RpcError], KrakenCopyError],
        after: int | None,
        patience_s: float,
    ) -> None:
        self.position = after
        self._check = check
        self._open_stream = open_stream
        self._read = read
        self._fault = fault
        self._patience = Patience(patience_s)
        self._closed = asyncio.Event()
        self._was_open = False
        self._stream: Any = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._was_open and not self._closed.is_set():
            await self._open()  # nobody there at the very start is not a lost connection: say so at once
        while not self._closed.is_set():
            try:
                item = await self._next_item()
            except (Unavailable, TimedOut) as lost:
                await self._wait_or_give_up(lost)
            else:
                if item is not None:
                    return item[0]
        raise StopAsyncIteration

    async def close(self) -> None:
        """End the stream, also while another task waits for an item. More than once does no harm."""
        self._closed.set()
        self._end_call()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def _open(self) -> None:
        await self._check()
        self._was_open = True
        self._patience.up(time.monotonic())
        if not self._closed.is_set():
            self._stream = self._open_stream(self.position)

    async def _next_item(self) -> tuple[T] | None:
        """The next item; None when closed meanwhile."""
        try:
            if self._stream is None:
                await self._open()
                if self._stream is None:
                    return None
            answer = await self._stream.read()
        except BadInput:
            if self._closed.is_set():  # the client as well
                return None
            raise
        except grpc.RpcError as error:
            if self._closed.is_set():
                return None
            raise self._fault(error) from error
        except asyncio.CancelledError:
            self._end_call()
            if self._closed.is_set() and not is_cancelled():
                return None  # the call was, by close(), and not the task
            raise
        if answer is grpc.aio.EOF:
            raise Unavailable("the server ended the watch")
        self._patience.item_arrived()
        self.position, item = self._read(answer)
        return (item,)

    def _end_call(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()

    async def _wait_or_give_up(self, lost: KrakenCopyError) -> None:
        self._stream = None
        delay_s = self._patience.lost(time.monotonic())
        if delay_s is None:
            raise lost
        try:
            async with asyncio.timeout(delay_s):
                await self._closed.wait()
        except TimeoutError:
            pass
