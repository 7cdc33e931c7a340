"""A moment of quiet after an order: what its answer and the feed say is left in the kernel until there is time for it.

Hundreds of processes share a few cores, and a fill wakes all of them. Whoever reads the end of its own order at once, settles and
reports it, keeps the orders of those behind it from leaving: with 100 users on two cores that was half of all the time until the
last one's order. So a process that has sent a copy's order rests for ``QUIET_S``, unless something waits for that order's end.
Nothing is lost by it and nothing is decided on older knowledge: whoever needs what lies unread ends the quiet first.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

#: In seconds: about what 100 orders take to leave two cores. The end of a copy is known so much later, where nothing waits for it.
QUIET_S = 0.1


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

    def __init__(self) -> None:
        self._readers: set[Reader] = set()
        self._over: asyncio.TimerHandle | None = None

    def join(self, reader: Reader) -> None:
        """Rests with the others from the next time on."""
        self._readers.add(reader)

    def leave(self, reader: Reader) -> None:
        """Rests no more; the connection is over."""
        self._readers.discard(reader)

    def begin(self) -> None:
        """Rests from here on, if it does not already; a longer quiet than ``QUIET_S`` there never is."""
        if self._over is None:
            self._over = asyncio.get_running_loop().call_later(QUIET_S, self.end)
            for reader in self._readers:
                reader.pause_reading()

    def end(self) -> None:
        """Reads on: the time is over, or something waits for what lies there."""
        if self._over is not None:
            self._over.cancel()
            self._over = None
            for reader in self._readers:
                reader.resume_reading()
