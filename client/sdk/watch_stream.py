"""A stream that goes on from its position when the connection is lost.

``Patience`` decides, from times alone, whether to try again and when; ``Watch`` does the calls and the
waiting. Knows nothing of fills or copies: it is given how to open a stream and where an item's position
stands.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar

import grpc

from krakencopy.client.sdk.errors import BadInput, KrakenCopyError, TimedOut, Unavailable

#: A supervisor that only dropped the connection is back at once; one that is down for long is not asked more
#: often than every 2 s.
_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 2.0

T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class Stream(Protocol[T_co]):
    """What gRPC gives for a streaming call."""

    def __next__(self) -> T_co: ...
    def cancel(self) -> object:
        """End the call."""


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


class Watch(Generic[R, T_co]):
    """An endless iterator; ``position`` is the last seq (or change number) that it gave, to go on from
    another time.

    After a lost connection it goes on behind ``position`` by itself, without a gap and without repeating.
    When it was started without a position and has given nothing yet, only new items follow. It ends after
    ``close()``, and raises Unavailable or TimedOut when the supervisor stays away, PositionGone when what
    follows the position was deleted, any other KrakenCopyError as it comes.
    """

    def __init__(
        self,
        *,
        check: Callable[[], object],
        open_stream: Callable[[int | None], Stream[R]],
        read: Callable[[R], tuple[int, T_co]],
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
        self._closed = threading.Event()
        self._check()  # nobody there at the very start is not a lost connection: say so at once
        self._patience.up(time.monotonic())
        self._stream: Stream[R] | None = open_stream(after)

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __next__(self) -> T_co:
        while not self._closed.is_set():
            try:
                item = self._next_item()
            except (Unavailable, TimedOut) as lost:
                self._wait_or_give_up(lost)
            else:
                if item is not None:
                    return item[0]
        raise StopIteration

    def close(self) -> None:
        """End the stream. May be called from any thread, more than once."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _next_item(self) -> tuple[T_co] | None:
        """The next item; None when closed meanwhile."""
        try:
            stream = self._stream or self._reopen()
            response = next(stream)
        except BadInput:
            if self._closed.is_set():  # the client as well
                return None
            raise
        except StopIteration:
            raise Unavailable("the server ended the watch") from None
        except grpc.RpcError as error:
            if self._closed.is_set():
                return None
            raise self._fault(error) from error
        self._patience.item_arrived()
        self.position, item = self._read(response)
        return (item,)

    def _reopen(self) -> Stream[R]:
        self._check()
        self._patience.up(time.monotonic())
        stream = self._stream = self._open_stream(self.position)
        if self._closed.is_set():  # closed while opening: close() may have missed this stream
            stream.cancel()
        return stream

    def _wait_or_give_up(self, lost: KrakenCopyError) -> None:
        self._stream = None
        delay_s = self._patience.lost(time.monotonic())
        if delay_s is None:
            raise lost
        self._closed.wait(delay_s)
