"""Who wants something of the engine, and what it costs the account's trading counter (the arithmetic is in
`accounts.rate_limits`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts import rate_limits as limits
from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import Order
from krakencopy.paper_exchange.accounts.rate_limits import Action
from krakencopy.paper_exchange.faults.table import FaultKind
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.venue.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Caller:
    """Who wants something of the engine. `fired` gathers the faults that fired on the call."""

    exchange: Exchange
    account: Account
    admitted_us: int
    now_us: int
    fired: list[FaultKind] = field(default_factory=list)

    @property
    def true_us(self) -> int:
        """Now in the time by which counters decay, whatever the exchange's clock shows."""
        return self.exchange.true_us(self.now_us)


class Charge:
    """The trading counter of an action on an order that exists: the fixed part at once, the part by age
    when it is done.
    """

    def __init__(self, caller: Caller, order: Order, action: Action) -> None:
        self._caller = caller
        self._pair = order.pair
        self.age_us: Final = caller.now_us - order.touched_us
        fixed = limits.fixed_cost(action)
        _charge(caller, order.pair, fixed, limits.age_cost(action, self.age_us))

    def charge_further(self, cost: int) -> None:
        """Charge what the action costs beside its fixed part, once it is done."""
        account = self._caller.account
        if account.limited and cost:
            account.counters.charge(account.tier, self._pair, cost, self._caller.true_us)


def _charge(caller: Caller, pair: Pair, cost: Decimal | int, further: int = 0) -> None:
    """Charge a cost where it and what may follow stays within the threshold. Raises KrakenError."""
    account = caller.account
    if not account.limited:
        return
    if not account.counters.fits(account.tier, pair, cost + further, caller.true_us):
        raise KrakenError("EOrder:Rate limit exceeded")
    account.counters.charge(account.tier, pair, cost, caller.true_us)


def charge_new(caller: Caller, name: object, cost: Decimal | int) -> None:
    """Charge new orders of a pair; one that does not exist has no counter."""
    pair = caller.exchange.catalogue.find_pair(name) if isinstance(name, str) else None
    if pair is not None:
        _charge(caller, pair, cost)


def charge_cancels(caller: Caller, orders: Iterable[Order], *, refusable: bool) -> None:
    """Charge the cancels of orders by their ages. Raises KrakenError where they don't fit and may be
    refused.
    """
    account, at_us = caller.account, caller.true_us
    if not account.limited:
        return
    costs = limits.cancel_costs((order.pair, caller.now_us - order.touched_us) for order in orders)
    fit = all(account.counters.fits(account.tier, pair, cost, at_us) for pair, cost in costs.items())
    if refusable and not fit:
        raise KrakenError("EOrder:Rate limit exceeded")
    for pair, cost in costs.items():
        account.counters.charge(account.tier, pair, cost, at_us)
