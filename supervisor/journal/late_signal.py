"""A change that is shown a moment later, to all who wait at once: orders leave before it is shown."""

from __future__ import annotations

import asyncio

from krakencopy.account_proc.runtime.change_signal import ChangeSignal

#: From a change until those who wait for it are woken, in seconds. A fill's orders have left by then unless
#: there are very many users, and what changed meanwhile is read at once. Nobody trades on what is shown.
PAUSE_S = 0.1


class LateSignal(ChangeSignal):
    """A change signal that costs next to nothing in the turn of the change, however many wait."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        super().__init__()
        self._pause_s = pause_s
        #: While it runs, everyone waits for its end.
        self._pause: asyncio.TimerHandle | None = None

    def notify(self) -> None:
        """Something changed."""
        self._version += 1
        if self._waiters and self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(self._pause_s, self._end_pause)

    async def wait(self, seen: int) -> int:
        """Returns once there was a change after version ``seen``, a pause after it; the version then."""
        return await super().wait(self._version if self._pause is not None else seen)

    def _end_pause(self) -> None:
        self._pause = None
        self._wake()
