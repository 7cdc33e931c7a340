"""Kraken's rate limits as arithmetic: counters that decay, what each call costs, and the tiers. Times are
passed in.

The REST counter belongs to an API key, the trading counter to an account and pair. A count is kept in units
of 1e-8, so that every documented decay is a whole number of units a microsecond and nothing is rounded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.time_format import US_PER_S

# One count; a decay of 0.01 a second is one unit a microsecond.
_UNIT: Final = 10**8
_HUNDREDTH: Final = Decimal("0.01")
# Kraken: calls beyond the limit prolong the block. How far is not documented: here to twice the limit.
_REST_OVERSHOOT: Final = 2


class Tier(StrEnum):
    """Kraken's verification levels; they set the rate limits."""

    STARTER = "starter"
    INTERMEDIATE = "intermediate"
    PRO = "pro"

    @property
    def max_rate_count(self) -> int:
        """Kraken: the threshold of the engine's counter, shown in the ack of a subscription."""
        return _TIERS[self].trading_most


@dataclass(frozen=True, slots=True)
class TierLimits:
    """A tier's numbers. Decays are hundredths of a count a second."""

    rest_most: int
    rest_decay: int
    trading_most: int
    trading_decay: int
    open_orders_most: int


_TIERS: Final = {
    Tier.STARTER: TierLimits(15, 33, 60, 100, 60),
    Tier.INTERMEDIATE: TierLimits(20, 50, 125, 234, 80),
    Tier.PRO: TierLimits(20, 100, 180, 375, 225),
}


def limits_of(tier: Tier) -> TierLimits:
    """The numbers of a tier."""
    return _TIERS[tier]


class Action(StrEnum):
    """What the trading counter charges for an order that exists, beside its cancellation by the engine."""

    AMEND = "amend"
    EDIT = "edit"
    CANCEL = "cancel"


# Kraken: the fixed part, charged on receipt even where the arguments are refused. An AddOrder costs this
# alone.
FIXED_COST: Final = 1
_FIXED: Final = {Action.AMEND: FIXED_COST, Action.EDIT: FIXED_COST, Action.CANCEL: 0}
# Kraken: the further cost for an order that is younger than so many seconds, since it was placed or last
# amended.
_BY_AGE: Final[dict[Action, tuple[tuple[int, int], ...]]] = {
    Action.AMEND: ((5, 3), (10, 2), (15, 1)),
    Action.EDIT: ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1)),
    Action.CANCEL: ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)),
}


def fixed_cost(action: Action) -> int:
    """What an action costs whatever comes of it."""
    return _FIXED[action]


def age_cost(action: Action, age_us: int) -> int:
    """What an action costs on top, by the order's age."""
    for below_s, cost in _BY_AGE[action]:
        if age_us < below_s * US_PER_S:
            return cost
    return 0


def batch_cost(orders: int) -> Decimal:
    """Kraken: a batch of new orders costs half of what they cost one by one."""
    return Decimal(orders * FIXED_COST) / 2


class Counter:
    """A count that decays to zero. A clock that steps back does not make it grow."""

    __slots__ = ("_at_us", "_units")

    def __init__(self) -> None:
        self._units = 0
        self._at_us = 0

    def level(self, decay: int, now_us: int) -> int:
        """The count in units at a time, when it decays by `decay` hundredths a second."""
        return max(0, self._units - decay * max(0, now_us - self._at_us))

    def add_units(self, units: int, decay: int, now_us: int, most: int | None = None) -> None:
        """Add units at a time; the count does not pass `most` by that."""
        level = self.level(decay, now_us)
        self._units = level + units if most is None else max(level, min(level + units, most))
        self._at_us = max(self._at_us, now_us)


class RestCounter:
    """The counter of one API key."""

    __slots__ = ("_counter",)

    def __init__(self) -> None:
        self._counter = Counter()

    def count_call(self, tier: Tier, cost: int, now_us: int, *, refusals_count: bool = True) -> bool:
        """Count a call; False where it is over the limit. Where refused calls count as well, the block
        grows longer.
        """
        limits = _TIERS[tier]
        most = limits.rest_most * _UNIT
        within = not cost or self._counter.level(limits.rest_decay, now_us) + cost * _UNIT <= most
        if within or refusals_count:
            self._counter.add_units(cost * _UNIT, limits.rest_decay, now_us, most * _REST_OVERSHOOT)
        return within

    def level(self, tier: Tier, now_us: int) -> Decimal:
        """The count at a time."""
        return Decimal(self._counter.level(_TIERS[tier].rest_decay, now_us)) / _UNIT


class TradingCounters:
    """The counters of one account, one for each pair that it traded."""

    def __init__(self) -> None:
        self._counters: dict[Pair, Counter] = {}

    def fits(self, tier: Tier, pair: Pair, cost: Decimal | int, now_us: int) -> bool:
        """Whether an action of this cost stays within the threshold."""
        limits, counter = _TIERS[tier], self._counters.get(pair)
        level = 0 if counter is None else counter.level(limits.trading_decay, now_us)
        return level + int(cost * _UNIT) <= limits.trading_most * _UNIT

    def charge(self, tier: Tier, pair: Pair, cost: Decimal | int, now_us: int) -> None:
        """Count a cost, whether or not it fits. Kraken: some actions may overshoot."""
        counter = self._counters.get(pair)
        if counter is None:
            counter = self._counters[pair] = Counter()
        counter.add_units(int(cost * _UNIT), _TIERS[tier].trading_decay, now_us)

    def level(self, tier: Tier, pair: Pair, now_us: int) -> Decimal:
        """The count at a time, to the hundredth."""
        counter = self._counters.get(pair)
        units = 0 if counter is None else counter.level(_TIERS[tier].trading_decay, now_us)
        return (Decimal(units) / _UNIT).quantize(_HUNDREDTH)


def cancel_costs(orders: Iterable[tuple[Pair, int]]) -> dict[Pair, int]:
    """What it costs to cancel orders of these pairs and ages (microseconds), for each pair."""
    costs: dict[Pair, int] = {}
    for pair, age_us in orders:
        costs[pair] = costs.get(pair, 0) + age_cost(Action.CANCEL, age_us)
    return costs
