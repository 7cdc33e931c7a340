"""Values of one order at any broker: its acknowledgement, its end, a quote."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

#: Statuses of a REST order row after which nothing more happens to the order.
ENDED = frozenset({"closed", "canceled", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an order ended. Volume in base, cost in quote."""

    order_id: str
    filled: Decimal
    cost: Decimal
    #: By asset.
    fees: dict[str, Decimal]
    #: False where only their worth is known and not in which asset they were taken: balances tell what that
    #: was.
    fees_certain: bool = True
    #: Why it ended before all of it was filled, in the exchange's words; empty where it does not say.
    reason: str = ""


#: An ask so many times the bid is far from it.
WIDE = Decimal("1.1")


@dataclass(frozen=True, slots=True)
class Quote:
    """Best prices and the last trade's, in quote."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    #: Nobody bids, or nobody asks: what was traded last stands for it.
    one_sided: bool = False

    @property
    def worth(self) -> Decimal:
        """What one is worth: the middle of both. Where they are far apart neither says much, and what it
        was traded for last counts.
        """
        if self.ask <= self.bid * WIDE:
            return (self.bid + self.ask) / 2
        return min(max(self.last, self.bid), self.ask)


@dataclass(frozen=True, slots=True)
class OrderAck:
    """The order was accepted, not filled. ``order_id`` is empty if it was only validated."""

    order_id: str
    description: str
