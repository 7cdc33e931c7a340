"""From the exchange's time stamps to numbers that can be compared. Pure: no sockets, clocks or files."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

NS_PER_MS = 1_000_000
#: Half the width of a 95 % interval of the median, in ranks, for each root of the count: 1.96 times the
#: deviation of a fair coin.
RANKS = 0.98


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """One fill: when the first, the median and the last user's order was at the exchange, in ms after it."""

    first: float
    middle: float
    last: float

    @classmethod
    def of(cls, began_ns: int, arrivals_ns: Sequence[int]) -> RoundRobin:
        """From the monotonic clock of the machine, which the exchange and its client share."""
        after = sorted((arrival - began_ns) / NS_PER_MS for arrival in arrivals_ns)
        return cls(after[0], statistics.median(after), after[-1])


@dataclass(frozen=True, slots=True)
class Spread:
    """What many measurements of one thing come to; ``low`` to ``high`` has the true median in it 19 times
    of 20.
    """

    count: int
    median: float
    p99: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """At least one value."""
        ranked = sorted(values)
        count = len(ranked)
        reach = RANKS * math.sqrt(count)
        low = max(0, math.floor(count / 2 - reach))
        high = min(count - 1, math.ceil(count / 2 + reach) - 1)
        return cls(count, statistics.median(ranked), p99(ranked), ranked[low], ranked[max(low, high)])

    def over(self, base: Spread) -> Spread:
        """As a multiple of another one; the range is the widest that both ranges allow."""
        return Spread(
            count=min(self.count, base.count),
            median=self.median / base.median,
            p99=self.p99 / base.p99,
            low=self.low / base.high,
            high=self.high / base.low,
        )


def p99(ranked: Sequence[float]) -> float:
    """The least value that fewer than one in a hundred exceed: of 200 the second worst, of less than 100
    the worst.
    """
    return ranked[len(ranked) * 99 // 100]
