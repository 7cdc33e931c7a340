"""What is to happen at a later time: expiries, scheduled starts, dead-man timers. Pure: it is asked what
is due.
"""

import heapq
from collections.abc import Callable

Action = Callable[[int], None]


class Timers:
    """Actions by their time. One that has lost its meaning is not removed: it looks for itself when it is
    due.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._count = 0

    def add_timer(self, due_us: int, action: Action) -> None:
        """Let `action` be called with the time at which it is done, at `due_us` or later."""
        self._count += 1
        heapq.heappush(self._heap, (due_us, self._count, action))

    def next_due_us(self) -> int | None:
        """When the next action is due."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now_us: int) -> Action | None:
        """Take out the oldest action that is due."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now_us else None
