"""A watch for asyncio; how it goes on is in sdk/following.py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.async_streams import is_cancelled
from krakencopy.client.sdk.call import Follow
from krakencopy.client.sdk.calling import Calling
from krakencopy.client.sdk.errors import Unavailable
from krakencopy.client.sdk.following import Following

A = TypeVar("A", bound=Message)
T_co = TypeVar("T_co", covariant=True)


class AsyncWatch(Following[A, T_co]):
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

    _closed: asyncio.Event

    def __init__(self, connection: Calling, call: Follow[A, T_co]) -> None:
        super().__init__(connection, call, asyncio.Event())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        try:
            found = await self._next_item()
        except asyncio.CancelledError:
            self._end_call()
            if is_cancelled() or not self._closed.is_set():
                raise
            found = None  # the call was cancelled, by close(), and not the task
        if found is None:
            raise StopAsyncIteration
        return found[0]

    async def close(self) -> None:
        """End the stream, also while another task waits for an item. More than once does no harm."""
        self._closed.set()
        self._end_call()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def _read(self, stream: Any) -> A:
        try:
            answer = await stream.read()
        except grpc.RpcError as error:
            raise self._connection.fault(error) from error
        if answer is grpc.aio.EOF:
            raise Unavailable("the server ended the watch")
        found: A = answer
        return found

    async def _sleep(self, delay_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._closed.wait()
