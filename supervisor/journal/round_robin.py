"""Whose turn it is: bells that are rung one after another, each time beginning with the next. Asyncio
only; one event loop.
"""

from __future__ import annotations

from collections import deque

from krakencopy.account_proc.runtime.change_signal import ChangeSignal


class RoundRobin:
    """Wakes many in an order that is the same for nobody for long.

    Who waits at the first bell runs first, and so is the first to have its fill sent: with a fixed order the
    last user of hundreds would always trade at the price that all others have left.
    """

    def __init__(self) -> None:
        self._bells: deque[ChangeSignal] = deque()

    def join(self, change_signal: ChangeSignal) -> None:
        """Is rung from now on, for now behind all others."""
        self._bells.append(change_signal)

    def leave(self, change_signal: ChangeSignal) -> None:
        """Is not rung any more. Only after ``join``."""
        self._bells.remove(change_signal)

    def notify(self) -> None:
        """Rings every bell once. The one that was first now is the last the next time."""
        for change_signal in self._bells:
            change_signal.notify()
        self._bells.rotate(-1)
