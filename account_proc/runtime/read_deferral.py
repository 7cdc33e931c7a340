"""Reads are deferred for a moment after an order: what its answer and the feed say is left in the kernel
until there is time for it.

Hundreds of processes share a few cores, and a fill wakes all of them. A process that reads the end of its own
order at once, settles and reports it, keeps the orders of those behind it from leaving: with 100 users on two
cores that was half of all the time until the last one's order. So a process that has sent a copy's order
rests until all of them have had the time to, unless something waits for that order's end. Nothing is lost by
it and nothing is decided on older knowledge: the caller that needs what lies unread ends the deferral first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from typing import Protocol

#: CPU time of all processes together from a fill to one user's order, in seconds, on a slow core (measured:
#: 0.0027, exchange included).
ORDER_CPU_S = 0.003
#: No deferral is longer than this, in seconds: the end of a copy is known so much later.
DEFERRAL_S_MAX = 0.5
#: While reads are deferred, the kernel reports a socket from so many unread bytes on (SO_RCVLOWAT), or its
#: end. The answer to an order and what the feed tells of it are less, and a socket's buffer holds more. One
#: call for each, where taking a reader out of the event loop and putting it back costs some sixty.
RESTING_BYTES = 16_384


def deferral_s(users: int, cores: int | None = os.cpu_count()) -> float:
    """How long so many users' orders take to leave so many cores, in seconds; a rule of thumb."""
    return min(users * ORDER_CPU_S / (cores or 1), DEFERRAL_S_MAX)


class Reader(Protocol):
    """A connected socket, as a transport gives it (``get_extra_info("socket")``)."""

    def setsockopt(self, level: int, option: int, value: int, /) -> None:
        """As of ``socket.socket``. Raises OSError when it is closed."""
        ...


class ReadDeferral:
    """The connections of one account that may rest. Asyncio only; one event loop."""

    def __init__(self, longest_s: float) -> None:
        """``longest_s``: how long one deferral lasts at most, in seconds."""
        self._longest_s = longest_s
        self._readers: set[Reader] = set()
        #: What waits for its end.
        self._behind: list[Callable[[], None]] = []
        #: What ends it.
        self._end: asyncio.TimerHandle | None = None

    def join(self, reader: Reader) -> None:
        """Rests with the others from the next time on."""
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        """Rests no more; the connection is over."""
        self._readers.discard(reader)

    def defer(self) -> None:
        """Rests from now on. If it does already, it is not made longer."""
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(self._longest_s, self.resume)
            self._report_from(RESTING_BYTES)

    def run_after(self, call: Callable[[], None]) -> None:
        """Calls what no order waits for: at the end of the deferral, or in the loop's next turn if there is
        none.
        """
        if self._end is None:
            asyncio.get_running_loop().call_soon(call)
        else:
            self._behind.append(call)

    def resume(self) -> None:
        """Reads on: the time is over, or something waits for what lies there."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
            self._report_from(1)
            behind, self._behind = self._behind, []
            for call in behind:
                call()

    def _report_from(self, unread_bytes: int) -> None:
        for reader in self._readers:
            # One that was closed just now: its reader is about to notice.
            with contextlib.suppress(OSError):
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, unread_bytes)
