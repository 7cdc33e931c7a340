"""What an account's own trading needs of its broker, whichever that is. Only the Protocol and its values; no
I/O.

Kraken's implementation is trading/kraken_broker.py, the one for every other broker ccxt_broker/broker.py.
Copying does not go through this: it is made for Kraken alone.

Errors are those of contract/errors.py: ExchangeRefused is a definite answer and nothing was done,
OutcomeUnknown says nothing about whether the order exists, so that it has to be looked for before anything
else happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from krakencopy.account_proc.domain.order import Ending, OrderAck, Quote
from krakencopy.account_proc.domain.quantities import Side

__all__ = ["Broker", "BrokerOrder", "Ending", "FoundOrder", "Holdings", "Market", "OrderAck", "Quote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What may be ordered in one pair. Volumes in base, prices and costs in quote."""

    #: In our spelling, e.g. BTC/USD.
    name: str
    base: str
    quote: str
    #: Volumes are multiples of this.
    lot: Decimal
    #: Prices are multiples of this.
    tick: Decimal
    #: Least volume of an order; 0 where there is no such rule.
    ordermin: Decimal
    #: Least cost of an order; 0 where there is no such rule.
    costmin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the account holds, as far as is known without asking."""

    #: All that it holds, in quote; None while that is not known.
    equity: Decimal | None
    #: Quote that is not set aside.
    cash: Decimal
    #: Base.
    base: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as it is sent. Volume in base, limit price in quote."""

    #: Ours, the same after a crash: the order is found by it when the answer is lost.
    cl_ord_id: str
    pair: str
    side: Side
    volume: Decimal
    #: None: a market order.
    limit_price: Decimal | None
    #: What is not filled at once is cancelled; for limit orders.
    ioc: bool
    #: The broker must not act on it after this (Unix seconds); a request that is answered later has an
    #: unknown outcome.
    deadline: float


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order that was looked for and is there."""

    order_id: str
    description: str
    #: None while it can still trade.
    ending: Ending | None


class Broker(Protocol):
    """One account at one broker. Async methods raise ExchangeError unless they say otherwise."""

    #: How long an order may be under way, in seconds.
    deadline_s: float

    def market(self, pair: str) -> Market | None:
        """The rules of a pair, under any spelling that the broker knows; None when it is not listed."""
        ...

    def nearest_pairs(self, pair: str) -> list[str]:
        """Pairs that may have been meant by one that is not listed, the nearest first."""
        ...

    def holdings(self, market: Market) -> Holdings:
        """What can be traded in a market now, by what was last read."""
        ...

    async def quote(self, pair: str) -> Quote:
        """Bid, ask and last price of a pair, now."""
        ...

    def wait_s(self, pair: str) -> float:
        """How long an order of a pair has to wait for the broker's limits before it is sent; 0 in most
        cases.
        """
        ...

    async def send(self, order: BrokerOrder) -> OrderAck:
        """Sends once. Raises ExchangeRefused (nothing was done) or OutcomeUnknown (find out first)."""
        ...

    async def find(self, order: BrokerOrder) -> FoundOrder | None:
        """The order, or None when it is proven that there is none and that none can come any more.

        Takes as long as the proof needs, repeats reads that fail, and raises nothing.
        """
        ...

    async def end(self, order: BrokerOrder, order_id: str) -> Ending:
        """Waits, however long, until an order that exists is over; raises nothing."""
        ...
