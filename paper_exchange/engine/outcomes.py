"""What became of an order at once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from krakencopy.paper_exchange.accounts.orders import (
    Order,
    OrderEvent,
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A fault: the order is filled by this fraction (rounded down to lots) and then cancelled by the
    engine.
    """

    fraction: Decimal
    tells_totals: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """An accepted order and what happened to it at once."""

    order: Order
    events: list[OrderEvent]


@dataclass(frozen=True, slots=True)
class Amendment:
    """Changed terms of an order, and what came of them."""

    amend_id: str
    events: list[OrderEvent]
