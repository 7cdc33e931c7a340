"""All that one run of the benchmark found, and its way to JSON and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.bench.rows import Burst, Copying, Cpu, Flood, Standing, Stopping, Watched, Way, Who
from tests.bench.timing import Spread

#: What krakencopy is held against.
BASES = (Who.ASYNCIO, Who.LOOP, Who.FLOOR)
KINDS: dict[str, type[Any]] = {
    "copying": Copying,
    "ways": Way,
    "standing": Standing,
    "bursts": Burst,
    "floods": Flood,
    "cpu": Cpu,
    "stopping": Stopping,
    "watched": Watched,
}
SPREAD = {each.name for each in fields(Spread)}


@dataclass(frozen=True, slots=True)
class Results:
    """Everything."""

    machine: dict[str, str]
    #: What this run did not measure, and why.
    left_out: list[str] = field(default_factory=list)
    #: Appends to the journal, one fill each, one after another.
    commits_per_s: float = 0.0
    copying: list[Copying] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)
    bursts: list[Burst] = field(default_factory=list)
    floods: list[Flood] = field(default_factory=list)
    cpu: list[Cpu] = field(default_factory=list)
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
                for base in BASES:
                    yield f"{where}: last order, times the {base}", self.ratio(cell, base)
        for way in self.ways:
            for name, spread in way.hops.items():
                yield f"{_many(way.users)}, answer {way.answer_ms} ms: {name}, ms", spread
        for used in self.cpu:
            for until, spreads in (("the last order", used.left), ("all is settled", used.settled)):
                for name, spread in spreads.items():
                    yield (
                        f"{used.who}, {_many(used.users)}: CPU of a copy until {until}, {name}, ms",
                        spread,
                    )
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
        found: dict[str, Any] = dict(json.loads(text))
        assert found.keys() >= {"machine", "copying"}
        # Older runs did not measure everything.
        lists = {name: [kind(**_read(row)) for row in found.get(name, [])] for name, kind in KINDS.items()}
        return cls(**found | lists)


def _read(value: Any) -> Any:
    """What JSON keeps of a row's fields."""
    if not isinstance(value, dict):
        return value
    if value.keys() == SPREAD:
        return Spread(**value)
    return {name: Who(one) if name == "who" else _read(one) for name, one in value.items()}


def _many(users: int) -> str:
    return "1 user" if users == 1 else f"{users} users"
