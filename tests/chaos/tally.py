"""What was done to a world, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What was done and met, counted."""

    blows: Counter[str] = field(default_factory=Counter)
    not_done: Counter[str] = field(default_factory=Counter)
    faults_set: Counter[str] = field(default_factory=Counter)
    faults_fired: Counter[str] = field(default_factory=Counter)
    started_again: Counter[str] = field(default_factory=Counter)
    orders: int = 0

    def add(self, other: Tally) -> None:
        """Takes in another count."""
        for name in ("blows", "not_done", "faults_set", "faults_fired", "started_again"):
            getattr(self, name).update(getattr(other, name))
        self.orders += other.orders
