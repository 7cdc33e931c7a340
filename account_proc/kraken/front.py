"""What stands in front of the exchange and refuses: pages of a firewall or a rate limiter, which say nothing
of Kraken's. Pure.

Asking on at a fixed pace keeps such a block up, for everyone on this address. So each refusal in a row
doubles the pause, up to a bound, with jitter; the first answer of the exchange itself ends it. Orders, and
looking for one that is lost, may try more often than the rest: an exit has to find out that the block is
over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from krakencopy.account_proc.runtime.pauses import growing_pause_s

#: Between two calls that are refused, in seconds: at first, and at most. Cloudflare's blocks for a rate
#: (error 1015) last from ten seconds to an hour; five minutes late is late enough.
PAUSE_S, PAUSE_S_MAX = 1.0, 300.0
#: The same for orders and what they wait for, at most.
ORDER_PAUSE_S_MAX = 20.0
#: Stable code of all that follows from it.
FRONT_REFUSES = "FRONT_REFUSES"


@dataclass(slots=True)
class Front:
    """One way to the exchange. Times in seconds of any clock that only goes forward."""

    #: HTTP status of the last refusal, and what it said; 0 while nothing is refused.
    status: int = 0
    said: str = ""
    refusals: int = 0
    #: Nothing is asked before, but by orders and what they wait for, which have a time of their own.
    until: float = -inf
    orders_until: float = -inf
    #: Is called, in any thread, with each refusal and when they are over.
    changed: Callable[[], None] = lambda: None

    def refused(self, status: int, said: str, now: float, dice: float) -> None:
        """One more call was refused."""
        pause_s = growing_pause_s(self.refusals, PAUSE_S, PAUSE_S_MAX, dice)
        self.status, self.said, self.refusals = status, said, self.refusals + 1
        self.until = now + pause_s
        self.orders_until = now + min(pause_s, ORDER_PAUSE_S_MAX)
        self.changed()

    def passed(self) -> None:
        """The exchange itself has answered."""
        if self.refusals:
            self.status, self.said, self.refusals, self.until, self.orders_until = 0, "", 0, -inf, -inf
            self.changed()

    def words(self, now: float, unix_now: float) -> str:
        """What is in force, and until when, for people; empty while nothing is refused."""
        if not self.refusals:
            return ""
        next_at = datetime.fromtimestamp(unix_now + max(self.until - now, 0.0), UTC)
        return (
            f"HTTP {self.status} from the exchange's front {self.refusals} times in a row ({self.said}); "
            "next try at "
            f"{next_at:%H:%M:%S} UTC, orders at least every {ORDER_PAUSE_S_MAX:g} s"
        )
