"""The conditions under which the whole exchange works: its mode, its clock, what each pair's orders must keep
to.

Rules of pairs are changed by the control API for good; faults change mode, clock and minima while they are
set, the newest holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.paper_exchange.faults.table import FaultKind, FaultSpec
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.clock import Clock
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.values.trading_mode import MarketMode, PairStatus


@dataclass(frozen=True, slots=True)
class Minima:
    """The smallest order of a pair, in base and in quote."""

    ordermin: Decimal
    costmin: Decimal


@dataclass(frozen=True, slots=True)
class PairRules:
    """What a pair's orders must keep to, whether it takes any, and whether clients are shown the pair at
    all.
    """

    minima: Minima
    tick_size: Decimal
    lot_decimals: int
    status: PairStatus
    listed: bool = True


def listed_minima(pair: Pair) -> Minima:
    """The minima of the table."""
    return Minima(pair.ordermin, pair.costmin)


def pair_rules_of(pair: Pair) -> PairRules:
    """The rules of the table."""
    return PairRules(listed_minima(pair), pair.tick_size, pair.lot_decimals, PairStatus.ONLINE)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds now. The maps have only the pairs that differ from the table; `closed` are those without
    a trusted price.
    """

    catalogue: Catalogue = field(default_factory=Catalogue)
    mode: MarketMode = MarketMode.ONLINE
    clock: Clock = field(default_factory=Clock)
    engine_minima: Mapping[Pair, Minima] = field(default_factory=dict)
    shown_minima: Mapping[Pair, Minima] = field(default_factory=dict)
    changed_rules: Mapping[Pair, PairRules] = field(default_factory=dict)
    closed: frozenset[Pair] = frozenset()

    @property
    def normal(self) -> bool:
        """Whether every pair takes orders, by terms of the table."""
        return self.mode is MarketMode.ONLINE and not self.changed_rules and not self.closed

    def pair_rules(self, pair: Pair) -> PairRules:
        """The pair's own terms, faults left aside."""
        return self.changed_rules.get(pair) or pair_rules_of(pair)

    def minima(self, pair: Pair) -> Minima:
        """What the engine checks."""
        return self.engine_minima.get(pair) or self.pair_rules(pair).minima

    def minima_shown(self, pair: Pair) -> Minima:
        """What clients are shown."""
        return self.shown_minima.get(pair) or self.pair_rules(pair).minima

    def tick_of(self, pair: Pair) -> Decimal:
        """The grid of the pair's prices."""
        pair_rules = self.changed_rules.get(pair)
        return pair.tick_size if pair_rules is None else pair_rules.tick_size

    def lot_decimals_of(self, pair: Pair) -> int:
        """How many digits after the point an order's volume may have."""
        pair_rules = self.changed_rules.get(pair)
        return pair.lot_decimals if pair_rules is None else pair_rules.lot_decimals

    def lists(self, pair: Pair) -> bool:
        """Whether clients are shown a pair."""
        pair_rules = self.changed_rules.get(pair)
        return pair_rules is None or pair_rules.listed

    def pair_status(self, pair: Pair) -> PairStatus:
        """The pair's own status, whatever the exchange's mode."""
        if pair in self.closed:
            return PairStatus.CANCEL_ONLY
        pair_rules = self.changed_rules.get(pair)
        return PairStatus.ONLINE if pair_rules is None else pair_rules.status

    def status_of(self, pair: Pair) -> str:
        """The status of a pair as clients are shown it."""
        return str(self.mode if self.mode is not MarketMode.ONLINE else self.pair_status(pair))

    def matches(self, pair: Pair) -> bool:
        """Whether orders of a pair fill."""
        return self.mode.matches and self.pair_status(pair).matches


def conditions_of(
    catalogue: Catalogue,
    faults: Iterable[FaultSpec],
    changed_rules: Mapping[Pair, PairRules] | None = None,
    closed: frozenset[Pair] = frozenset(),
) -> Conditions:
    """What faults, oldest first, make of the conditions."""
    mode, clock = MarketMode.ONLINE, Clock()
    plain = Conditions(catalogue, changed_rules=changed_rules or {})
    engine: dict[Pair, Minima] = {}
    shown: dict[Pair, Minima] = {}
    for spec in faults:
        if spec.kind is FaultKind.MARKET_MODE:
            mode = spec.mode
        elif spec.kind is FaultKind.CLOCK_SKEW:
            clock = Clock(int(spec.seconds * US_PER_S), spec.drift, spec.since_us)
        elif spec.kind is FaultKind.ORDERMIN:
            assert spec.pair is not None, "a fault of this kind names its pair"
            for minima in (engine,) if spec.stale else (engine, shown):
                minima[spec.pair] = _changed(minima.get(spec.pair) or plain.minima(spec.pair), spec)
    return Conditions(catalogue, mode, clock, engine, shown, plain.changed_rules, closed)


def _changed(minima: Minima, spec: FaultSpec) -> Minima:
    return Minima(
        minima.ordermin if spec.ordermin is None else spec.ordermin,
        minima.costmin if spec.costmin is None else spec.costmin,
    )
