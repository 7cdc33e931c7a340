"""All that one run of the benchmark found, and its way to JSON and back. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tests.bench.rows import (
    Burst,
    Copying,
    Cpu,
    Flood,
    Standing,
    Stopping,
    Sustained,
    Tail,
    Watched,
    Way,
    Who,
)
from tests.bench.timing import Spread

#: What krakencopy is held against.
BASES = (Who.BEFORE, Who.ASYNCIO, Who.LOOP, Who.FLOOR)
KINDS: dict[str, type[Any]] = {
    "copying": Copying,
    "ways": Way,
    "standing": Standing,
    "bursts": Burst,
    "floods": Flood,
    "cpu": Cpu,
    "tails": Tail,
    "sustained": Sustained,
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
    tails: list[Tail] = field(default_factory=list)
    sustained: list[Sustained] = field(default_factory=list)
    stopping: list[Stopping] = field(default_factory=list)
    watched: list[Watched] = field(default_factory=list)

    def cell(self, who: Who, users: int, answer_ms: int) -> Copying | None:
        """One contestant's times, if it was measured."""
        wanted = (who, users, answer_ms)
        found = (each for each in self.copying if (each.who, each.users, each.answer_ms) == wanted)
        return next(found, None)

    def has(self, who: Who) -> bool:
        """Whether this contestant was measured."""
        return any(cell.who is who for cell in self.copying)

    def ratio(self, cell: Copying, to: Who) -> Spread | None:
        """Of the times until the last user's order; None for what is not there, or the same."""
        base = self.cell(to, cell.users, cell.answer_ms)
        return None if base is None or base is cell else cell.last.over(base.last)

    def users(self) -> list[int]:
        return sorted({each.users for each in self.copying})

    def answers_ms(self) -> list[int]:
        return sorted({each.answer_ms for each in self.copying})

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Raises ValueError, KeyError or TypeError for what is no result of this version."""
        found: dict[str, Any] = dict(json.loads(text))
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
