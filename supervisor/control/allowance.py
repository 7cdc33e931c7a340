"""How much may be used of what comes back by itself: so much in the long run, and some at once after a rest.
Pure: times in, pauses out. What is used, and by whom, it must not know.
"""

from __future__ import annotations


class Allowance:
    """Of one user of it, or of all together."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """``rate``: of it for each second; ``burst``: at once after a rest. ``now``: in seconds of one clock,
        here and below.
        """
        self._rate, self._burst = rate, burst
        self._left, self._seen_at = burst, now

    def spend(self, amount: float, now: float) -> float:
        """It was used; for how long nothing more must be used then, in seconds."""
        self._left = min(self._burst, self._left + (now - self._seen_at) * self._rate) - amount
        self._seen_at = now
        return max(0.0, -self._left / self._rate)
