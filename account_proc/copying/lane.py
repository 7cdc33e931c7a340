"""The fills of one coin that wait for their turn."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from krakencopy.account_proc.domain.copy_plan import MasterFill

#: Fills that are merged into one order at most.
MERGE_MAX = 1_000


@dataclass(slots=True)
class Waiting:
    """A fill that waits for its turn, and when it came (Unix seconds)."""

    fill: MasterFill
    received_at: float


@dataclass(slots=True)
class Lane:
    """Fills of all pairs with one base coin."""

    coin: str
    waiting: deque[Waiting] = field(default_factory=deque)
    busy: bool = False


def coin_of(pair: str) -> str:
    """The base coin, whose lane a fill goes by; of a pair that is not in our spelling, its name."""
    return pair.partition("/")[0]


def quote_of(pair: str) -> str:
    """What the pair is paid in; empty for one that is not in our spelling."""
    return pair.partition("/")[2]
