"""Values of order calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import CancelOutcome, OrderOrigin, Side
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class PlaceOrderResponse(Value[control.PlaceOrderResponse]):
    """The order as the exchange accepted it."""

    order_id: Field[str]
    """The exchange's order id; empty for an order that was only checked."""
    cl_ord_id: Field[str]
    """The id that the order carried; empty for an order that was only checked."""
    description: Field[str]
    """The exchange's description, e.g. "buy 0.00500000 XBTUSD @ market"."""


class Order(Value[types.Order]):
    """An order of an account, as the exchange showed it when it was asked."""

    account_id: Field[str]
    """The account."""
    order_id: Field[str]
    """The exchange's order id."""
    cl_ord_id: Field[str]
    """The client order id that it carries; empty for none."""
    pair: Field[str]
    """The pair, e.g. "BTC/USD"; as the exchange wrote it where it lists no such pair any more."""
    side: Field[Side]
    """Buy or sell."""
    type: Field[str]
    """The exchange's word for its type, e.g. "limit", "stop-loss-limit"."""
    status: Field[str]
    """The exchange's word for how it stands: "pending", "open", "closed" (filled), "canceled", "expired"."""
    price: Field[str]
    """The limit price, or of a trigger its price; in quote, empty for none. May be relative, e.g. "+5%"."""
    price2: Field[str]
    """The second price, e.g. the limit of a stop-loss-limit; empty for none."""
    volume: Field[Decimal | None]
    """Volume in base."""
    filled_volume: Field[Decimal | None]
    """What of it was filled, in base."""
    avg_price: Field[Decimal | None]
    """Volume-weighted price of what was filled, in quote; empty before."""
    opened_at: Field[datetime | None]
    """When it was placed."""
    closed_at: Field[datetime | None]
    """When it was over; absent while it is not."""
    expires_at: Field[datetime | None]
    """When it ends by itself; absent for never."""
    reason: Field[str]
    """Why it was over before all of it was filled, in the exchange's words."""
    description: Field[str]
    """The exchange's description, e.g. "buy 0.00500000 XBTUSD @ limit 60000.0"."""
    close: Field[str]
    """The order that the exchange places by itself for each fill of this one, in its words; empty for
    none.
    """
    origin: Field[OrderOrigin]
    """Who placed it."""
    request_id: Field[str]
    """The request, of an operator or a strategy, that it was placed for; empty for others."""
    in_quote: Field[bool]
    """Whether its volumes are in quote: a purchase for an amount of money."""


class CancelOrderResponse(Value[control.CancelOrderResponse]):
    """What became of it."""

    outcome: Field[CancelOutcome]
    """In short."""
    order: Field[Order]
    """The order as the exchange showed it right after; only its id where it did not. What was filled is
    copied as every fill is.
    """


class CancelOrdersResponse(Value[control.CancelOrdersResponse]):
    """What became of them."""

    cancelled: Field[int]
    """Orders that the exchange has accepted the cancel of."""
    already_over: Field[int]
    """Orders that were over before their turn came; only where a pair or side was given."""
    left: Field[int]
    """Orders that are still open, as far as is known."""
    message: Field[str]
    """Why some are left, for people; empty when none is."""
