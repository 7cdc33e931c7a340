"""Kraken's rate limits as one account's process counts them. Pure: times come in, in seconds of a clock that
only goes forward.

Two kinds of counters rise with each use and fall with time: one of REST calls for each API key, and one in
the engine for each pair that the account trades. Counted here is never less than at the exchange, as long as
nobody else uses the key, so that a caller who asks first is never refused. It knows no sockets, threads or
queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from krakencopy.account_proc.contract.errors import ExchangeRefused, RateLimited
from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.kraken.errors import throttled_until
from krakencopy.account_proc.kraken.front import Front

#: A refused key or signature may pass; after so many in a row nothing is sent for a while, as Kraken locks
#: out (about 15 minutes) a key that goes on.
KEY_TRIES = 3
#: How long nothing is sent then, in seconds. Kraken: about 15 minutes, and each further try begins them anew.
LOCKOUT_S = 960.0
#: Bounds of a pause that the exchange asks for by naming its end, in seconds: clocks differ, and its end may
#: be nonsense.
THROTTLE_S_MIN, THROTTLE_S_MAX = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class TierLimits:
    """A tier's numbers; decays are counts a second."""

    rest_limit: float
    rest_decay: float
    order_limit: float
    order_decay: float


#: Kraken: by the account's verification, not by what it trades.
TIERS = {
    Tier.STARTER: TierLimits(15.0, 0.33, 60.0, 1.0),
    Tier.INTERMEDIATE: TierLimits(20.0, 0.5, 125.0, 2.34),
    Tier.PRO: TierLimits(20.0, 1.0, 180.0, 3.75),
    # Empty within a second, however much was counted.
    Tier.UNLIMITED: TierLimits(1e12, 1e12, 1e12, 1e12),
}

#: Kraken: orders count in the engine, and not as REST calls.
_FREE = frozenset({"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch"})
#: The higher one where sources disagree: Kraken's documents say 2 or 4 for history, its own SDK counts
#: OpenOrders as 2.
_COST = {
    "ClosedOrders": 4.0,
    "TradesHistory": 4.0,
    "QueryTrades": 4.0,
    "Ledgers": 4.0,
    "QueryLedgers": 4.0,
    "OpenOrders": 2.0,
}


def rest_cost(method: str) -> float:
    """What a private method costs the REST counter, at most."""
    return 0.0 if method in _FREE else _COST.get(method, 1.0)


#: What a new order costs its pair's counter. Kraken: also one that is then refused.
ADD_COST = 1.0
#: Kraken: the cost of cancelling an order that is younger than so many seconds, since it was made or
#: last amended.
_CANCEL_BY_AGE = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def cancel_cost(age_s: float) -> float:
    """What cancelling an order of this age costs its pair's counter. An order that ends by itself costs
    nothing.
    """
    return _by_age(_CANCEL_BY_AGE, age_s)


def _by_age(table: tuple[tuple[int, int], ...], age_s: float) -> float:
    return next((float(cost) for below_s, cost in table if age_s < below_s), 0.0)


class DecayingCounter:
    """Rises with each use and falls with time, down to 0. One number says all: when it will be empty."""

    def __init__(self, limit: float, decay: float) -> None:
        """``decay``: counts a second."""
        self.limit = limit
        self.decay = decay
        self._empty_at = -inf

    def level(self, now: float) -> float:
        """The count at a time."""
        return max(0.0, (self._empty_at - now) * self.decay)

    def room_at(self, cost: float, reserve: float = 0.0) -> float:
        """From this time on there is room for a cost, with a reserve left over; what is too large for both
        waits until it is empty.
        """
        return self._empty_at - max(self.limit - reserve - cost, 0.0) / self.decay

    def charge(self, cost: float, now: float) -> None:
        """Counts a use."""
        self._empty_at = max(self._empty_at, now) + cost / self.decay

    def counted_by(self, cost: float, now: float) -> None:
        """A use that was charged before may have been counted at the exchange as late as this."""
        self._empty_at = max(self._empty_at, now + cost / self.decay)

    def overflow(self, cost: float, now: float) -> None:
        """The exchange found no room where we did: it is full, and whatever was refused may count as well."""
        self._empty_at = max(self._empty_at, now + (self.limit + cost) / self.decay)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateStatus:
    """The fields of ``krakencopy.v1.RateStatus``."""

    tier: str
    rest_counter: float
    rest_limit: float
    order_counter: float
    order_limit: float
    order_pair: str
    waiting: int
    refused: int


class AccountLimits:
    """What one account may send when. The REST side is for one thread, the order side for another; each
    may read the other.
    """

    def __init__(self, tier: Tier, lockout_s: float = LOCKOUT_S) -> None:
        """``lockout_s``: how long nothing is sent once the exchange has locked the key out."""
        self.tier = tier
        self._lockout_s = lockout_s
        limits = TIERS[tier]
        self.rest = DecayingCounter(limits.rest_limit, limits.rest_decay)
        self._orders: dict[str, DecayingCounter] = {}
        self._low_pause_until = self._throttled_until = self._locked_until = -inf
        self._key_refusals = 0
        #: Why the key was refused, by the first refusal since it was taken; a lockout follows from it.
        self.key_refused_for = ""
        self._refused = 0
        #: What stands before all of it, for signed calls and for public ones: fronts tell them apart by their
        #: address.
        self.front, self.public_front = Front(), Front()

    # -- REST calls -----------------------------------------------------------------------------------------

    def goes_at(self, method: str, reserve: float, now: float) -> float:
        """When a counted call may go that leaves so much of the counter to those that are more important.

        During a lockout: at once, as it will not be sent anyway.
        """
        if self._locked_until > now:
            return now
        room_at = self.rest.room_at(rest_cost(method), reserve)
        closed_until = self.closed_until(is_urgent=not reserve)
        return max(room_at, closed_until, self._low_pause_until if reserve else -inf)

    @property
    def throttled_until(self) -> float:
        """The exchange has asked to be sent nothing before."""
        return self._throttled_until

    def closed_until(self, *, is_urgent: bool, is_public: bool = False) -> float:
        """Nothing is sent before, whatever it costs. ``is_urgent``: an order, or what one waits for."""
        front = self.public_front if is_public else self.front
        return max(self._throttled_until, front.orders_until if is_urgent else front.until)

    def locked_s(self, now: float) -> float:
        """For how much longer nothing that is signed may be sent; 0 for no lockout."""
        return max(0.0, self._locked_until - now)

    def charge(self, method: str, now: float) -> None:
        """A signed call goes out."""
        cost = rest_cost(method)
        if cost:
            self.rest.charge(cost, now)

    def answered(self, method: str, now: float) -> None:
        """It was answered, or is not waited for any longer."""
        cost = rest_cost(method)
        if cost:
            self.rest.counted_by(cost, now)

    def accepted(self) -> None:
        """The exchange took the key."""
        self._key_refusals, self.key_refused_for = 0, ""

    def refused(self, error: ExchangeRefused, now: float, unix_now: float) -> None:
        """Takes in what a refusal says about limits and the key. ``unix_now``: the clock that the exchange
        speaks of.
        """
        self._refused += isinstance(error, RateLimited)
        is_key_refused = False
        for text in error.errors:
            if text.startswith("EService:Throttled"):
                ends = throttled_until(text)
                pause_s = THROTTLE_S_MIN if ends is None else ends - unix_now
                pause_s = min(max(pause_s, THROTTLE_S_MIN), THROTTLE_S_MAX)
                self._throttled_until = max(self._throttled_until, now + pause_s)
            elif text.startswith("EGeneral:Temporary lockout"):
                self._locked_until = now + self._lockout_s
            elif text.startswith(("EAPI:Invalid key", "EAPI:Invalid signature")):
                is_key_refused = True
                self.key_refused_for = self.key_refused_for or text
            elif isinstance(error, RateLimited) and not text.startswith("EOrder:"):
                self._overflow(error.method, now)
        self._key_refusals = self._key_refusals + 1 if is_key_refused else 0
        if self._key_refusals >= KEY_TRIES:
            self._locked_until = now + self._lockout_s

    def _overflow(self, method: str, now: float) -> None:
        """What was counted here was too little: those that can wait do so until half of it has decayed."""
        self.rest.overflow(rest_cost(method), now)
        self._low_pause_until = now + self.rest.limit / 2 / self.rest.decay

    # -- orders ---------------------------------------------------------------------------------------------

    def order_wait_s(self, pair: str, now: float) -> float:
        """How long a new order of a pair has to wait; 0 in most cases."""
        counter = self._orders.get(pair)
        room_at = -inf if counter is None else counter.room_at(ADD_COST)
        return max(room_at - now, self.closed_until(is_urgent=True) - now, 0.0)

    def charge_order(self, pair: str, now: float) -> None:
        """A new order goes out."""
        limits = TIERS[self.tier]
        counter = self._orders.setdefault(pair, DecayingCounter(limits.order_limit, limits.order_decay))
        counter.charge(ADD_COST, now)

    def order_answered(self, pair: str, now: float) -> None:
        """It was answered, or is not waited for any longer."""
        self._orders[pair].counted_by(ADD_COST, now)

    def charge_cancel(self, pair: str, age_s: float, now: float) -> None:
        """An order of this age was cancelled."""
        limits = TIERS[self.tier]
        counter = self._orders.setdefault(pair, DecayingCounter(limits.order_limit, limits.order_decay))
        counter.charge(cancel_cost(age_s), now)

    def order_refused(self, pair: str, error: ExchangeRefused, now: float) -> None:
        """Takes in whether it was refused because of its pair's counter."""
        if any(text.startswith(("EOrder:Rate limit", "EOrder:Domain rate limit")) for text in error.errors):
            self._orders[pair].overflow(0.0, now)

    # -- what others may know -------------------------------------------------------------------------------

    def status(self, now: float, waiting: int) -> RateStatus:
        """As it is now, with so many calls that wait."""
        counters = list(self._orders.items())  # at once: the orders' thread may add one
        levels = {pair: counter.level(now) for pair, counter in counters}
        fullest = max(levels, key=lambda pair: levels[pair], default="")
        return RateStatus(
            tier=self.tier,
            rest_counter=round(self.rest.level(now), 2),
            rest_limit=self.rest.limit,
            order_counter=round(levels.get(fullest, 0.0), 2),
            order_limit=TIERS[self.tier].order_limit,
            order_pair=fullest,
            waiting=waiting,
            refused=self._refused,
        )
