"""A change that many may wait for, and that nobody misses. Asyncio only; one event loop."""

from __future__ import annotations

import asyncio


class ChangeSignal:
    """Wakes everyone who waits for a change; a change between two waits is not missed."""

    def __init__(self) -> None:
        self._version = self._standing_version = 0
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def version(self) -> int:
        """How many changes there were."""
        return self._version

    @property
    def standing_version(self) -> int:
        """How many changes there were of what lasts longer than a copy."""
        return self._standing_version

    def notify(self) -> None:
        """Something changed."""
        self._standing_version += 1
        self.notify_of_copies()

    def notify_of_copies(self) -> None:
        """Copies have gone on, with what they hold: nothing else has changed."""
        self._version += 1
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def wait(self, seen: int) -> int:
        """Returns as soon as there was a change after version ``seen``; the version now."""
        if self._version == seen:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self._version
