"""What is asked of the supervisor, as a value: one of four shapes of calls. What there is to ask is
sdk/calls; how it is asked is sdk/calling.py.

The RPC is not named: a request is called after it, ``GetStatusRequest`` after GetStatus. Knows no gRPC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import Message

A = TypeVar("A", bound=Message)
T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ask(Generic[A, T]):
    """One request with one answer, of type ``answer``; ``read`` makes of it what the caller gets."""

    request: Message
    answer: type[A]
    read: Callable[[A], T]
    #: In seconds; the connection's own limit without one.
    timeout_s: float | None = None
    #: Of what changes something: whether asking again does it no second time, also where the supervisor was
    #: started anew in between. Without that the supervisor remembers the request id of its own run only.
    once_for_ever: bool = False

    @property
    def request_id(self) -> str:
        """Of what changes something; else empty."""
        return str(getattr(self.request, "request_id", ""))

    def giving(self, make: Callable[[T], V]) -> Ask[A, V]:
        """The same, and something else made of what it gives."""
        read = self.read
        return Ask(
            self.request, self.answer, lambda answer: make(read(answer)), self.timeout_s, self.once_for_ever
        )


@dataclass(frozen=True, slots=True)
class Listing(Generic[A, T]):
    """A list in pages: ``request`` gives the request of a page by its token, ``read`` the items of a page and
    the token of the next one, empty at the end. At most ``limit`` items.
    """

    request: Callable[[str], Message]
    answer: type[A]
    read: Callable[[A], tuple[Iterable[T], str]]
    limit: int | None = None
    timeout_s: float | None = None

    def page(self, token: str) -> Ask[A, tuple[Iterable[T], str]]:
        """One page."""
        return Ask(self.request(token), self.answer, self.read, self.timeout_s)

    def giving(self, make: Callable[[T], V]) -> Listing[A, V]:
        """The same, and something else made of each item."""
        read = self.read

        def made(answer: A) -> tuple[Iterable[V], str]:
            items, token = read(answer)
            return map(make, items), token

        return Listing(self.request, self.answer, made, self.limit, self.timeout_s)


@dataclass(frozen=True, slots=True)
class Follow(Generic[A, T]):
    """A stream that goes on after its last number: ``request`` gives the request by the number to begin
    after, ``read`` the number of an answer and what the caller gets of it.
    """

    request: Callable[[int | None], Message]
    answer: type[A]
    read: Callable[[A], tuple[int, T]]
    after: int | None = None

    def giving(self, make: Callable[[T], V]) -> Follow[A, V]:
        """The same, and something else made of each item."""
        read = self.read

        def made(answer: A) -> tuple[int, V]:
            number, item = read(answer)
            return number, make(item)

        return Follow(self.request, self.answer, made, self.after)


@dataclass(frozen=True, slots=True)
class Stream(Generic[A, T]):
    """A stream without numbers, which cannot go on after a lost connection."""

    request: Message
    answer: type[A]
    read: Callable[[A], T]
    is_endless: bool = False

    def giving(self, make: Callable[[T], V]) -> Stream[A, V]:
        """The same, and something else made of each item."""
        read = self.read
        return Stream(self.request, self.answer, lambda answer: make(read(answer)), self.is_endless)


def whole(answer: T) -> T:
    """The answer as it is."""
    return answer


def method_of(request: Message) -> str:
    """The path of the RPC that a request is for."""
    descriptor = request.DESCRIPTOR
    name = descriptor.name.removesuffix("Request")
    return f"/{descriptor.file.package}.ControlService/{name}"
