"""Clocks that nobody sets: for durations, and for times that others compare with ours.

Linux: CLOCK_BOOTTIME goes on while the machine sleeps, which CLOCK_MONOTONIC does not; neither is stepped by
NTP or by hand. All processes of a machine share it.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_s() -> float:
    """Seconds since the machine's start, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def anchored(
    wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady_s
) -> Callable[[], float]:
    """A clock in Unix seconds that begins as the machine's shows them now, and goes on steadily whatever
    is done to that one.
    """
    begun = wall() - steady()
    return lambda: begun + steady()
