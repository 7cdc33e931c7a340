"""The conditions under which the whole exchange works: its mode, its clock, its minima. Faults change them; the newest holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from paper_exchange.faults import FaultKind, FaultSpec
from paper_exchange.modes import MarketMode
from paper_exchange.symbols import Pair
from paper_exchange.timefmt import US_PER_S


@dataclass(frozen=True, slots=True)
class Minima:
    """The smallest order of a pair, in base and in quote."""

    ordermin: Decimal
    costmin: Decimal


def listed_minima(pair: Pair) -> Minima:
    """The minima of the table."""
    return Minima(pair.ordermin, pair.costmin)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds now. `engine_minima` and `shown_minima` have the pairs that differ from the table."""

    mode: MarketMode = MarketMode.ONLINE
    skew_us: int = 0
    engine_minima: Mapping[Pair, Minima] = field(default_factory=dict)
    shown_minima: Mapping[Pair, Minima] = field(default_factory=dict)

    def minima(self, pair: Pair) -> Minima:
        """What the engine checks."""
        return self.engine_minima.get(pair) or listed_minima(pair)

    def minima_shown(self, pair: Pair) -> Minima:
        """What clients are told."""
        return self.shown_minima.get(pair) or listed_minima(pair)


def conditions_of(faults: Iterable[FaultSpec]) -> Conditions:
    """What faults, oldest first, make of the conditions."""
    mode, skew_us = MarketMode.ONLINE, 0
    engine: dict[Pair, Minima] = {}
    shown: dict[Pair, Minima] = {}
    for spec in faults:
        if spec.kind is FaultKind.MARKET_MODE:
            mode = spec.mode
        elif spec.kind is FaultKind.CLOCK_SKEW:
            skew_us = int(spec.seconds * US_PER_S)
        elif spec.kind is FaultKind.ORDERMIN:
            assert spec.pair is not None, "a fault of this kind names its pair"
            for minima in (engine,) if spec.stale else (engine, shown):
                minima[spec.pair] = _changed(minima.get(spec.pair) or listed_minima(spec.pair), spec)
    return Conditions(mode, skew_us, engine, shown)


def _changed(minima: Minima, spec: FaultSpec) -> Minima:
    return Minima(
        minima.ordermin if spec.ordermin is None else spec.ordermin,
        minima.costmin if spec.costmin is None else spec.costmin,
    )
