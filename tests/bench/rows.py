"""What one run of the benchmark finds of each thing that it measures. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.bench.timing import RoundRobin, Spread

#: Whose CPU time it is: all of a contestant's own processes together, and the exchange's.
OWN, EXCHANGE = "own", "exchange"


class Who(StrEnum):
    """Who brings the orders to the exchange."""

    OURS = "krakencopy"
    #: The krakencopy of another checkout.
    BEFORE = "before"
    ASYNCIO = "asyncio"
    LOOP = "loop"
    FLOOR = "floor"


#: Those that are whole systems.
SYSTEMS = (Who.OURS, Who.BEFORE)


@dataclass(frozen=True, slots=True)
class Copying:
    """From a fill to the users' orders at an exchange that answers after so many ms; all times in ms."""

    who: Who
    users: int
    answer_ms: int
    first: Spread
    middle: Spread
    last: Spread

    @classmethod
    def of(cls, who: Who, users: int, answer_ms: int, rounds: list[RoundRobin]) -> Copying:
        first, middle, last = (
            Spread.of([getattr(each, name) for each in rounds]) for name in ("first", "middle", "last")
        )
        return cls(who, users, answer_ms, first, middle, last)


@dataclass(frozen=True, slots=True)
class Way:
    """Where the time of a system's copies goes, hop by hop in ms, over all users."""

    users: int
    answer_ms: int
    hops: dict[str, Spread]
    who: Who = Who.OURS


@dataclass(frozen=True, slots=True)
class Standing:
    """A system of so many users that trades nothing."""

    users: int
    #: From the first user's start to the last one SERVING.
    start_s: float
    #: CPU time of all of krakencopy's processes, in shares of one core.
    idle_cores: float
    #: Proportional set size of a user's process, median and worst; None where it may not be read.
    memory_mib: float | None
    memory_worst_mib: float | None
    #: GetStatus, in ms.
    status: Spread
    who: Who = Who.OURS


@dataclass(frozen=True, slots=True)
class Burst:
    """Fills of the master as fast as one connection brings its orders."""

    users: int
    fills: int
    answer_ms: int
    #: Of all users together.
    orders: int
    #: Fills that went along with another one's order, of all users together.
    merged: int
    #: Orders that the exchange did not take, and copies that ended without an order or with a refused one.
    refused: int
    uncopied: int
    #: From the first fill to the last fill, and to the last user's last order.
    fills_s: float
    last_s: float
    who: Who = Who.OURS


@dataclass(frozen=True, slots=True)
class Flood:
    """A client that floods the control socket in one way, and as much time without it."""

    kind: str
    users: int
    #: From the fill to the last user's order, in ms.
    last: Spread
    p95: float
    #: The first fill after a flood has begun, in the median of the times that one did.
    first: float
    calm_last: Spread
    calm_p95: float
    #: With the same flood on another system's control socket.
    elsewhere_last: Spread
    elsewhere_p95: float
    #: Resident memory after it, in MiB: of the supervisor, and of the process that serves the control socket.
    supervisor_mib: float
    front_mib: float

    @property
    def median_ratio(self) -> float:
        """How many times as long a fill takes with it, in the median."""
        return self.last.median / self.calm_last.median

    @property
    def p95_ratio(self) -> float:
        """The same of the p95."""
        return self.p95 / self.calm_p95

    @property
    def median_over_elsewhere(self) -> float:
        """How many times as long as with the same flood on another system, in the median."""
        return self.last.median / self.elsewhere_last.median

    @property
    def p95_over_elsewhere(self) -> float:
        """The same of the p95."""
        return self.p95 / self.elsewhere_p95


@dataclass(frozen=True, slots=True)
class Watched:
    """Watches by TLS, and as much time without any."""

    users: int
    watches: int
    #: From the fill to the last user's order, in ms.
    last: Spread
    p95: float
    calm_last: Spread
    calm_p95: float

    @property
    def median_ratio(self) -> float:
        """How many times as long a fill takes with them, in the median."""
        return self.last.median / self.calm_last.median

    @property
    def p95_ratio(self) -> float:
        """The same of the p95."""
        return self.p95 / self.calm_p95


@dataclass(frozen=True, slots=True)
class Stopping:
    """How long it takes to stop so many users, in ms."""

    users: int
    #: From the call to the answer, which comes when the last one has acknowledged the halt.
    halt: Spread
    #: From the call until the exchange has filled the last user's exit.
    flatten: Spread
    who: Who = Who.OURS


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time of a copy in ms for each user and fill, by process, less what the processes use idle."""

    who: Who
    users: int
    answer_ms: int
    #: From the master's order until the last user's order is at the exchange.
    left: dict[str, Spread]
    #: Until everyone has come to the end with it.
    settled: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Tail:
    """The slowest copies, and orders that were refused, of one contestant's fills; in ms after the fill."""

    who: Who
    users: int
    answer_ms: int
    #: How many of the slowest copies, and from when to when their orders were at the exchange.
    copies: int
    least_ms: float
    most_ms: float
    #: Orders that the exchange did not take, and how late the least late of them was.
    refused: int
    refused_least_ms: float | None


@dataclass(frozen=True, slots=True)
class Sustained:
    """The highest rate of the master's fills that was proven to be kept up with."""

    who: Who
    users: int
    answer_ms: int
    #: How long the proof was, in seconds.
    seconds: float
    #: None where no rate held.
    fills_per_s: float | None
    #: From a fill to the last user's order, in ms, at that rate.
    lag: Spread | None
    #: Every trial in its order.
    trials: list[dict[str, Any]]
