"""What one run of the benchmark found, and its way to JSON and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tests.bench.timing import RoundRobin, Spread


class Who(StrEnum):
    """Who brings the orders to the exchange."""

    OURS = "krakencopy"
    LOOP = "loop"
    FLOOR = "floor"


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
    """Where the time of krakencopy's copies goes, hop by hop in ms, over all users."""

    users: int
    answer_ms: int
    hops: dict[str, Spread]


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


@dataclass(frozen=True, slots=True)
class Results:
    """Everything."""

    machine: dict[str, str]
    copying: list[Copying]
    ways: list[Way]
    standing: list[Standing]
    bursts: list[Burst]
    floods: list[Flood]
    #: Appends to the journal, one fill each, one after another.
    commits_per_s: float
    stopping: list[Stopping] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)

    def cell(self, who: Who, users: int, answer_ms: int) -> Copying | None:
        """One contestant's times, if it was measured."""
        wanted = (who, users, answer_ms)
        found = (each for each in self.copying if (each.who, each.users, each.answer_ms) == wanted)
        return next(found, None)

    def ratio(self, cell: Copying, to: Who) -> Spread | None:
        """Of the times until the last user's order; None for what is not there, or the same."""
        base = self.cell(to, cell.users, cell.answer_ms)
        return None if base is None or base is cell else cell.last.over(base.last)

    def users(self) -> list[int]:
        return sorted({each.users for each in self.copying})

    def answers_ms(self) -> list[int]:
        return sorted({each.answer_ms for each in self.copying})

    def numbers(self) -> Iterator[tuple[str, Spread | float | None]]:
        """Every number by a name that is the same in each run."""
        for cell in self.copying:
            where = f"{cell.who}, {_many(cell.users)}, answer {cell.answer_ms} ms"
            for name in ("first", "middle", "last"):
                yield f"{where}: {name} order, ms", getattr(cell, name)
            if cell.who is Who.OURS:
                for base in (Who.LOOP, Who.FLOOR):
                    yield f"{where}: last order, times the {base}", self.ratio(cell, base)
        for way in self.ways:
            for name, spread in way.hops.items():
                yield f"{_many(way.users)}, answer {way.answer_ms} ms: {name}, ms", spread
        for each in self.standing:
            yield f"{_many(each.users)}: start, s", each.start_s
            yield f"{_many(each.users)}: idle, cores", each.idle_cores
            yield f"{_many(each.users)}: memory of a process, MiB", each.memory_mib
            yield f"{_many(each.users)}: worst memory of a process, MiB", each.memory_worst_mib
            yield f"{_many(each.users)}: status, ms", each.status
        for burst in self.bursts:
            where = f"burst of {burst.fills} fills to {_many(burst.users)}, answer {burst.answer_ms} ms"
            yield f"{where}: orders", float(burst.orders)
            yield f"{where}: refused orders", float(burst.refused)
            yield f"{where}: copies skipped or rejected", float(burst.uncopied)
            yield f"{where}: last order, s", burst.last_s
        for flood in self.floods:
            where = f"{_many(flood.users)}, flood of the control socket ({flood.kind})"
            yield f"{where}: last order, ms", flood.last
            yield f"{where}: times the median without", flood.median_ratio
            yield f"{where}: times the p95 without", flood.p95_ratio
            yield f"{where}: times the median with it elsewhere", flood.median_over_elsewhere
            yield f"{where}: times the p95 with it elsewhere", flood.p95_over_elsewhere
            yield f"{where}: memory of the supervisor, MiB", flood.supervisor_mib
            yield f"{where}: memory of the front, MiB", flood.front_mib
        for some in self.watched:
            where = f"{_many(some.users)}, {some.watches} watches by TLS"
            yield f"{where}: last order, ms", some.last
            yield f"{where}: times the median without", some.median_ratio
            yield f"{where}: times the p95 without", some.p95_ratio
        for stopped in self.stopping:
            yield f"{_many(stopped.users)}: halt to the last acknowledgement, ms", stopped.halt
            yield f"{_many(stopped.users)}: flatten until the last exit is filled, ms", stopped.flatten
        yield "journal: commits a second", self.commits_per_s

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Raises ValueError, KeyError or TypeError for what is no result of this version."""
        found: dict[str, Any] = json.loads(text)
        return cls(
            machine=found["machine"],
            copying=[
                Copying(
                    Who(row["who"]),
                    row["users"],
                    row["answer_ms"],
                    *(Spread(**row[name]) for name in ("first", "middle", "last")),
                )
                for row in found["copying"]
            ],
            ways=[
                Way(
                    row["users"],
                    row["answer_ms"],
                    {name: Spread(**spread) for name, spread in row["hops"].items()},
                )
                for row in found["ways"]
            ],
            standing=[Standing(**row | {"status": Spread(**row["status"])}) for row in found["standing"]],
            bursts=[Burst(**row) for row in found["bursts"]],
            floods=[
                Flood(**row | {name: Spread(**row[name]) for name in ("last", "calm_last", "elsewhere_last")})
                for row in found["floods"]
            ],
            commits_per_s=found["commits_per_s"],
            # Runs before 2026-11-28 did not measure it.
            stopping=[
                Stopping(row["users"], *(Spread(**row[name]) for name in ("halt", "flatten")))
                for row in found.get("stopping", [])
            ],
            # Runs before 2026-11-29 had no TLS.
            watched=[
                Watched(**row | {name: Spread(**row[name]) for name in ("last", "calm_last")})
                for row in found.get("watched", [])
            ],
        )


def _many(users: int) -> str:
    return "1 user" if users == 1 else f"{users} users"
