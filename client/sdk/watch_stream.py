"""A watch for threads; how it goes on is in sdk/following.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from krakencopy.client.sdk.call import Follow
from krakencopy.client.sdk.calling import Calling, at_once
from krakencopy.client.sdk.errors import Unavailable
from krakencopy.client.sdk.following import Following

A = TypeVar("A", bound=Message)
T_co = TypeVar("T_co", covariant=True)


class Watch(Following[A, T_co]):
    """An endless iterator; ``position`` is the last seq (or change number) that it gave, to go on from
    another time.

    After a lost connection it goes on behind ``position`` by itself, without a gap and without repeating.
    When it was started without a position and has given nothing yet, only new items follow. It ends after
    ``close()``, and raises Unavailable or TimedOut when the supervisor stays away, PositionGone when what
    follows the position was deleted, any other KrakenCopyError as it comes.
    """

    _closed: threading.Event

    def __init__(self, connection: Calling, call: Follow[A, T_co]) -> None:
        super().__init__(connection, call, threading.Event())
        at_once(self._open())

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __next__(self) -> T_co:
        found = at_once(self._next_item())
        if found is None:
            raise StopIteration
        return found[0]

    def close(self) -> None:
        """End the stream. May be called from any thread, more than once."""
        self._closed.set()
        self._end_call()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    async def _read(self, stream: Any) -> A:
        try:
            answer: A = next(stream)
        except StopIteration:
            raise Unavailable("the server ended the watch") from None
        except grpc.RpcError as error:
            raise self._connection.fault(error) from error
        return answer

    async def _sleep(self, delay_s: float) -> None:
        self._closed.wait(delay_s)
