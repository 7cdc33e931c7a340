"""How fast one caller may make calls that are kept for ever: without a bound, a client that asks in a loop
would fill the disk, and copying with it. Pure: times in, pauses out.
"""

from __future__ import annotations

from collections import OrderedDict

from krakencopy.supervisor.control.allowance import Allowance

#: Calls at once after a rest: as many as a command for all accounts makes.
BURST = 1_000
#: After that so many a second: by the audit some gigabyte a day.
RATE_PER_S = 10.0
#: Callers that are remembered; what is forgotten begins with a rest.
CALLERS_MAX = 1_000


class CallPace:
    """Of all callers, each by itself."""

    def __init__(self, burst: int = BURST, rate_per_s: float = RATE_PER_S) -> None:
        self._burst, self._rate_per_s = burst, rate_per_s
        #: The latest that called last.
        self._of: OrderedDict[str, Allowance] = OrderedDict()

    def pause_s(self, caller: str, now: float) -> float:
        """How long the call that is made now waits before it begins. ``now``: in seconds of one clock."""
        of_caller = self._of.pop(caller, None) or Allowance(self._rate_per_s, self._burst, now)
        self._of[caller] = of_caller
        while len(self._of) > CALLERS_MAX:
            self._of.popitem(last=False)
        return of_caller.spend(1, now)
