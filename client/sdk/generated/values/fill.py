"""Values of fill calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import CopyFillOutcome, FillSource, Side
from krakencopy.client.sdk.generated.values.common import Money
from krakencopy.client.sdk.generated.values.copy import Copy
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class Fill(Value[types.Fill]):
    """One fill of the master account: one execution of one of its orders."""

    seq: Field[int]
    """Position in the journal, from 1, without gaps; 0 before it is journalled."""
    epoch: Field[int]
    """The supervisor's run in which it was journalled."""
    exec_id: Field[str]
    """The exchange's id of this execution; a fill is counted once by it."""
    order_id: Field[str]
    """The exchange's id of the master's order."""
    pair: Field[str]
    """The pair, e.g. "BTC/USD"."""
    side: Field[Side]
    """Bought or sold."""
    price: Field[Decimal]
    """Price of this execution, in quote."""
    volume: Field[Decimal]
    """Volume of this execution, in base."""
    fee: Field[Money | None]
    """Fee that the master paid."""
    master_equity: Field[Decimal | None]
    """The master's total equity before its order, in the pair's quote asset; frozen at the order's first
    fill.
    """
    master_position_before: Field[Decimal | None]
    """The master's balance of the base asset before its order; frozen at the order's first fill."""
    order_filled_before: Field[Decimal | None]
    """Volume of the same order that was filled before this execution, in base."""
    margin: Field[bool]
    """True for a margin trade; these are recorded and not copied."""
    source: Field[FillSource]
    """How the supervisor learned of it."""
    executed_at: Field[datetime]
    """When the exchange executed it, by the exchange's clock."""
    received_at: Field[datetime]
    """When the master's process received it."""
    journalled_at: Field[datetime]
    """When it became durable in the journal."""
    master_cash: Field[Decimal | None]
    """The master's free cash before its order, in the pair's quote asset; frozen at the order's first
    fill.
    """
    marks: Field[Mapping[str, Decimal]]
    """What the master's process held each asset to be worth, by asset, in the pair's quote asset. Users value
    their own holdings by the same prices.
    """
    master_position: Field[Decimal | None]
    """The master's balance of the base asset right before this execution, its own stock included."""
    journal_position: Field[Decimal | None]
    """What the master had bought of the base coin since the journal began and still held right before this
    execution, in all pairs: less what it sold, spent as quote or paid as fees. What the sold fraction is a
    fraction of.
    """
    journal_position_after: Field[Decimal | None]
    """The same right after this execution."""
    pair_unknown: Field[bool]
    """Whether the exchange listed no such pair when it was journalled. Nobody buys it, and what the master
    held is given only as far as it is known.
    """
    cl_ord_id: Field[str]
    """The client order id that the master's order carried; empty for one without."""
    not_copied: Field[str]
    """Why no user copies it, as a stable code; empty for a fill that is copied. SAME_ACCOUNT: the order is a
    copy of one of our own users, whose key belongs to the master's account.
    """


class FillOutcome(Value[control.FillOutcome]):
    """What one user made of one fill."""

    account_id: Field[str]
    """The user."""
    copy: Field[Copy | None]
    """The copy that answers the fill; unset when the user has not reported one yet."""
    joined: Field[Copy | None]
    """When the copy was carried and then ordered with a later one: that copy."""
    explanation: Field[str]
    """In one sentence what happened and why."""
    latency: Field[timedelta | None]
    """From the master's execution (received by its process) to the user's order leaving; unset when no order
    left.
    """
    joined_later: Field[bool]
    """True for a fill from before this user joined, which it is not to copy."""
    waits_for: Field[str]
    """Where a user that has not answered stands, as a stable code: PAUSED, or the state of its account, e.g.
    "STOPPED". Empty for one that has.
    """


class ExplainFillResponse(Value[control.ExplainFillResponse]):
    """One fill and what became of it."""

    fill: Field[Fill]
    """The fill."""
    outcomes: Field[tuple[FillOutcome, ...]]
    """One line for each user, then one for each that is not configured any more and has answered it."""


class CopyFillAnswer(Value[control.CopyFillAnswer]):
    """What one user made of it."""

    account_id: Field[str]
    """The user."""
    outcome: Field[CopyFillOutcome]
    """In one word."""
    copy: Field[Copy | None]
    """The copy that answers the fill, as it was a moment after it was asked for; unset where there is
    none.
    """
    reason: Field[str]
    """A stable code for why it is not copied: a reason of copies, or of a refused call."""
    message: Field[str]
    """The same for people, or what became of it."""


class CopyFillResponse(Value[control.CopyFillResponse]):
    """What came of it."""

    fill: Field[Fill]
    """The fill."""
    answers: Field[tuple[CopyFillAnswer, ...]]
    """One for each user that was asked, in the order of the configuration."""
