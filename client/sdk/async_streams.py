"""What an asynchronous client gives for lists and logs: iterators that end their call when they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, Self, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.call import Stream
from krakencopy.client.sdk.calling import Calling

A = TypeVar("A", bound=Message)
T = TypeVar("T")


def is_cancelled() -> bool:
    """Whether somebody has cancelled the task that runs: what it waits for can be cancelled alone."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class AsyncItems(Generic[T]):
    """The items of a list: ``async for``, or all at once with ``await items.all()``. A page is asked for when
    its first item is taken.
    """

    def __init__(self, page: Callable[[str], Awaitable[tuple[Iterable[T], str]]], limit: int | None) -> None:
        self._page = page
        self._left = limit
        self._items: Iterator[T] = iter(())
        self._token: str | None = ""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._left is None or self._left > 0:
            for item in self._items:
                if self._left is not None:
                    self._left -= 1
                return item
            if self._token is None:
                break
            items, token = await self._page(self._token)
            self._items, self._token = iter(items), token or None
        raise StopAsyncIteration

    async def all(self) -> list[T]:
        """All that are left."""
        return [item async for item in self]


class AsyncLines(Generic[A, T]):
    """What a call streams, once; an asynchronous context manager, which ends the call."""

    def __init__(self, connection: Calling, call: Stream[A, T]) -> None:
        self._connection = connection
        self._call = call
        self._stream: Any = None
        self._closed = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._closed.is_set():
            raise StopAsyncIteration
        if self._stream is None:
            self._stream = self._connection.open_lines(self._call)
        try:
            answer = await self._stream.read()
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise StopAsyncIteration from None
            raise self._connection.fault(error) from error
        except asyncio.CancelledError:
            was_closed = self._closed.is_set()
            await self.close()
            if was_closed and not is_cancelled():
                raise StopAsyncIteration from None  # the call was cancelled, by close(), and not the task
            raise
        if answer is grpc.aio.EOF:
            await self.close()
            raise StopAsyncIteration
        return self._call.read(answer)

    async def close(self) -> None:
        """End the call; more than once does no harm."""
        self._closed.set()
        if self._stream is not None:
            self._stream.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()
