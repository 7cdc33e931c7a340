"""A method of the clients, made of the function that describes its call (sdk/calls): it has that function's
parameters and docstring, and gives what a client's connection makes of the call.

    get_account = answer(account_calls.get_account, values.Account)

is ``get_account(account_id: str, *, ...) -> Account`` of a client for threads, and of one for asyncio what
gives an ``Account`` when it is awaited.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from google.protobuf.message import Message

from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream

if TYPE_CHECKING:  # a client for threads has no need of the one for asyncio
    from krakencopy.client.sdk.async_connection import AsyncConnection
    from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines
    from krakencopy.client.sdk.async_watch import AsyncWatch
    from krakencopy.client.sdk.connection import Connection
    from krakencopy.client.sdk.watch_stream import Watch

P = ParamSpec("P")
#: What a client for threads gives, and one for asyncio.
S = TypeVar("S")
A = TypeVar("A")
#: The answer's message, what a call gives of it, and what is made of that.
M = TypeVar("M", bound=Message)
T = TypeVar("T")
V = TypeVar("V")


class OfThreads(Protocol):
    """A client for threads."""

    _connection: Connection


class OfAsyncio(Protocol):
    """A client for asyncio."""

    _connection: AsyncConnection


class Method(Generic[P, S, A]):
    """A method of whichever client has it."""

    def __init__(self, call: Callable[P, Any], make: Callable[[Any], Any], shape: str) -> None:
        """``shape``: the method of the connections that makes such a call."""
        self._call = call
        self._make = make
        self._shape = shape

    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, S | A]: ...
    @overload
    def __get__(self, client: OfThreads, owner: type) -> Callable[P, S]: ...
    @overload
    def __get__(self, client: OfAsyncio, owner: type) -> Callable[P, A]: ...
    def __get__(self, client: Any, owner: type) -> Callable[P, Any]:
        if client is None:
            return self._call
        connection = client._connection  # noqa: SLF001 - of the client whose method this is
        call, make, connected = self._call, self._make, getattr(connection, self._shape)

        @functools.wraps(call)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return connected(call(*args, **kwargs).giving(make))

        return method


def answer(call: Callable[P, Ask[M, T]], make: Callable[[T], V]) -> Method[P, V, Coroutine[Any, Any, V]]:
    """Of a call with one answer."""
    return Method(call, make, "ask")


def listing(
    call: Callable[P, Listing[M, T]], make: Callable[[T], V]
) -> Method[P, Iterator[V], AsyncItems[V]]:
    """Of a list; ``make`` is for each of its items."""
    return Method(call, make, "items")


def watch(
    call: Callable[P, Follow[M, T]], make: Callable[[T], V]
) -> Method[P, Watch[M, V], AsyncWatch[M, V]]:
    """Of a stream that goes on after a lost connection."""
    return Method(call, make, "watch")


def stream(
    call: Callable[P, Stream[M, T]], make: Callable[[T], V]
) -> Method[P, Iterator[V], AsyncLines[M, V]]:
    """Of a stream that does not."""
    return Method(call, make, "stream")
