"""Whose turn it is: bells that are rung one after another, each time beginning with the next. Asyncio
only; one event loop.
"""

from __future__ import annotations

from collections import deque

from krakencopy.account_proc.runtime.change_signal import Bell


class Round:
    """Wakes many in an order that is the same for nobody for long.

    Who waits at the first bell runs first, and so is the first to have its fill sent: with a fixed order the
    last user of hundreds would always trade at the price that all others have left.
    """

    def __init__(self) -> None:
        self._bells: deque[Bell] = deque()

    def join(self, bell: Bell) -> None:
        """Is rung from now on, for now behind all others."""
        self._bells.append(bell)

    def leave(self, bell: Bell) -> None:
        """Is not rung any more. Only after ``join``."""
        self._bells.remove(bell)

    def ring(self) -> None:
        """Rings every bell once. Whoever was first now is the last the next time."""
        for bell in self._bells:
            bell.ring()
        self._bells.rotate(-1)
