"""A stream that goes on from its position when the connection is lost: written once, as coroutines, for
threads and for asyncio (as sdk/calling.py).

``Patience`` decides, from times alone, whether to try again and when. Knows nothing of fills or copies: a
call says how a stream is opened and where an item's position stands.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from krakencopy.client.sdk.call import Follow
from krakencopy.client.sdk.calling import Calling
from krakencopy.client.sdk.errors import KrakenCopyError, TimedOut, Unavailable

#: A supervisor that only dropped the connection is back at once; one that is down for long is not asked more
#: often than every 2 s.
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0

A = TypeVar("A", bound=Message)
T_co = TypeVar("T_co", covariant=True)


class Patience:
    """How long to try again after the connection was lost. All times in seconds of one monotonic clock."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._lost_at: float | None = None
        self._up_at: float | None = None
        self._delay_s = _FIRST_DELAY_S

    def item_arrived(self) -> None:
        """What was lost is found."""
        self._lost_at = None
        self._delay_s = _FIRST_DELAY_S

    def up(self, now_s: float) -> None:
        """The server answers again; it has yet to show that it stays."""
        self._up_at = now_s

    def lost(self, now_s: float) -> float | None:
        """The connection was lost: how long to wait before the next try, None to give up."""
        stayed = self._up_at is not None and now_s - self._up_at > self._limit_s
        if stayed:
            self.item_arrived()
        self._up_at = None
        if self._lost_at is None:
            self._lost_at = now_s
        left_s = self._lost_at + self._limit_s - now_s
        if left_s <= 0:
            return None
        delay_s = min(self._delay_s, left_s)
        self._delay_s = min(self._delay_s * 2, _LONGEST_DELAY_S)
        return delay_s


class Flag(Protocol):
    """An event of threads or of asyncio."""

    def is_set(self) -> bool:
        """Whether it has happened."""


class Following(ABC, Generic[A, T_co]):
    """A watch, but for its kind. ``position`` is the last number that it gave."""

    def __init__(self, connection: Calling, call: Follow[A, T_co], closed: Flag) -> None:
        self.position = call.after
        self._connection = connection
        self._call = call
        self._closed = closed
        self._patience = Patience(connection.patience_s)
        self._was_open = False
        self._stream: Any = None

    @abstractmethod
    async def _read(self, stream: Any) -> A:
        """The next answer. Raises KrakenCopyError, Unavailable at the end of the stream as well."""

    @abstractmethod
    async def _sleep(self, delay_s: float) -> None:
        """Wait before the next try, no longer than until it is closed."""

    async def _next_item(self) -> tuple[T_co] | None:
        """The next item; None when it is closed. Raises KrakenCopyError, at once where nobody is there at the
        very start: that is no lost connection.
        """
        while not self._closed.is_set():
            try:
                stream = self._stream or await self._open()
                answer = await self._read(stream)
            except KrakenCopyError as error:
                self._stream = None
                if self._closed.is_set():
                    return None
                delay_s = self._delay_s(error)
                if delay_s is None:
                    raise
            else:
                self._patience.item_arrived()
                self.position, item = self._call.read(answer)
                return (item,)
            await self._sleep(delay_s)
        return None

    async def _open(self) -> Any:
        await self._connection.check()
        self._was_open = True
        self._patience.up(time.monotonic())
        request = self._call.request(self.position)
        stream = self._stream = self._connection.open_stream(request, self._call.answer, None)
        if self._closed.is_set():  # while it was opened: close() may have missed this stream
            self._end_call()
        return stream

    def _delay_s(self, error: KrakenCopyError) -> float | None:
        is_lost = self._was_open and isinstance(error, Unavailable | TimedOut)
        return self._patience.lost(time.monotonic()) if is_lost else None

    def _end_call(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
