"""How fast one caller may make calls that are kept for ever: without a bound, a client that asks in a loop
would fill the disk, and copying with it. Pure: times in, pauses out.
"""

from __future__ import annotations

from collections import OrderedDict

#: Calls at once after a rest: as many as a command for all accounts makes.
BURST = 1_000
#: After that so many a second: by the audit some gigabyte a day.
RATE_PER_S = 10.0
#: Callers that are remembered; what is forgotten begins with a rest.
CALLERS_MAX = 1_000


class CallPace:
    """Of all callers, each by itself."""

    def __init__(self, burst: int = BURST, rate_per_s: float = RATE_PER_S) -> None:
        self._pause_s, self._window_s = 1 / rate_per_s, burst / rate_per_s
        #: When all calls that were made so far would be over at the slow rate.
        self._paid_at: OrderedDict[str, float] = OrderedDict()

    def pause_s(self, caller: str, now: float) -> float:
        """How long the call that is made now waits before it begins. ``now``: in seconds of one clock."""
        paid_at = max(self._paid_at.pop(caller, now - self._window_s), now - self._window_s) + self._pause_s
        self._paid_at[caller] = paid_at
        while len(self._paid_at) > CALLERS_MAX:
            self._paid_at.popitem(last=False)
        return max(0.0, paid_at - now)
