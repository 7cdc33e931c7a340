"""A moment of quiet after an order: what its answer and the feed say is left in the kernel until there is time for it.

Hundreds of processes share a few cores, and a fill wakes all of them. Whoever reads the end of its own order at once, settles and
reports it, keeps the orders of those behind it from leaving: with 100 users on two cores that was half of all the time until the
last one's order. So a process that has sent a copy's order rests until all of them have had the time to, unless something waits for that
order's end.
Nothing is lost by it and nothing is decided on older knowledge: whoever needs what lies unread ends the quiet first.
"""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

#: CPU time of all processes together from a fill to one user's order, in seconds, on a slow core (measured: 0.0027, exchange included).
ORDER_CPU_S = 0.003
#: No quiet is longer than this, in seconds: the end of a copy is known so much later.
QUIET_S_MAX = 0.5


def quiet_s(users: int, cores: int | None = os.cpu_count()) -> float:
    """How long so many users' orders take to leave so many cores, in seconds; a rule of thumb."""
    return min(users * ORDER_CPU_S / (cores or 1), QUIET_S_MAX)


class Reader(Protocol):
    """A transport whose reading can be paused, as asyncio's can; both calls may be repeated."""

    def pause_reading(self) -> None:
        """Leaves what comes in the kernel."""
        ...

    def resume_reading(self) -> None:
        """Reads on."""
        ...


class Quiet:
    """The connections of one account that may rest. Asyncio only; one event loop."""

    def __init__(self, longest_s: float) -> None:
        """``longest_s``: how long one quiet lasts at most, in seconds."""
        self._longest_s = longest_s
        self._readers: set[Reader] = set()
        #: What comes next: its beginning, then its end.
        self._next: asyncio.Handle | None = None

    def join(self, reader: Reader) -> None:
        """Rests with the others from the next time on."""
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        """Rests no more; the connection is over."""
        self._readers.discard(reader)

    def begin(self) -> None:
        """Rests from the loop's next turn on, so that the order leaves first. If it does already, it is not made longer."""
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        self._next = asyncio.get_running_loop().call_later(self._longest_s, self.end)
        for reader in self._readers:
            reader.pause_reading()

    def end(self) -> None:
        """Reads on: the time is over, or something waits for what lies there."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
            for reader in self._readers:
                reader.resume_reading()
