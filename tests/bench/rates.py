"""The search for the highest rate at which something keeps up. Pure: a trial is a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

#: A proof that did not hold is followed by one at so much of its rate.
LOWER = 0.85


class Bounded(Protocol):
    """What a trial has found."""

    @property
    def is_bounded(self) -> bool:
        """Whether it kept up with the rate."""


Found = TypeVar("Found", bound=Bounded)


@dataclass(frozen=True, slots=True)
class Search:
    """Which rates are tried, each a second, and for how long."""

    first: float
    #: How often the rate is doubled, or halved, until one keeps up and one does not.
    doublings: int
    #: How often what lies between is halved, on a scale of ratios: 3 times find it to within 9 %.
    refinements: int
    trial_s: float
    #: What was found in short trials is proven for so long; at a lower rate each time it does not hold.
    proof_s: float
    proofs: int


class Prover(Generic[Found]):
    """One search."""

    def __init__(self, search: Search, trial: Callable[[float, float], Found]) -> None:
        """``trial``: tries a rate for so many seconds."""
        self._search = search
        self._trial = trial
        #: Every trial in its order.
        self.trials: list[Found] = []

    def highest(self) -> Found | None:
        """The proof of the highest rate that held; None where none did."""
        search, rate = self._search, self._between(*self._bracket())
        for _ in range(search.proofs if rate else 0):
            if (found := self._try(rate, search.proof_s)).is_bounded:
                return found
            rate *= LOWER
        return None

    def _bracket(self) -> tuple[float, float]:
        """The highest of those tried that kept up, 0 for none, and the lowest that did not."""
        search, rate = self._search, self._search.first
        kept_up = self._holds(rate)
        for _ in range(search.doublings):
            other = rate * 2 if kept_up else rate / 2
            if self._holds(other) is not kept_up:
                return (rate, other) if kept_up else (other, rate)
            rate = other
        return (rate, rate) if kept_up else (0.0, rate)

    def _between(self, kept_up: float, did_not: float) -> float:
        for _ in range(self._search.refinements if 0 < kept_up < did_not else 0):
            middle = (kept_up * did_not) ** 0.5
            if self._holds(middle):
                kept_up = middle
            else:
                did_not = middle
        return kept_up

    def _holds(self, rate: float) -> bool:
        return self._try(rate, self._search.trial_s).is_bounded

    def _try(self, rate: float, seconds: float) -> Found:
        self.trials.append(found := self._trial(rate, seconds))
        return found
