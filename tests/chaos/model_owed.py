"""What the model of volumes counts: what a user owes an order of the master, and how its copies were
checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from tests.chaos.coin_book import NOTHING
from tests.chaos.records import Finding


@dataclass(kw_only=True)
class Entry:
    """What a user owes one buying order of the master."""

    ratio: Fraction | None
    cap: Fraction
    target: Fraction = NOTHING
    allotted: Fraction = NOTHING
    cost: Fraction = NOTHING
    #: The copy of the whole order is too small to be made.
    too_small: bool = False
    #: Set once the cap has bitten: what was paid then decides about the rest.
    was_cut: bool = False
    #: Whether the target was so near to a whole lot that a quotient of 28 digits may lie on its other side.
    on_edge: bool = False


@dataclass(kw_only=True)
class Exit:
    """What a user owes one selling order of the master: exactly, and in whole lots."""

    target: Fraction = NOTHING
    allotted: Fraction = NOTHING
    on_edge: bool = False


@dataclass(kw_only=True)
class Piece:
    order_id: str
    volume: Fraction
    cost: Fraction


@dataclass(kw_only=True)
class Checked:
    """How the volumes of a user's copies were checked."""

    exact: int = 0
    bounded: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Checked) -> None:
        """Takes in another count."""
        self.exact += other.exact
        self.bounded += other.bounded
        self.findings += other.findings
