"""Values of copy calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import CopyState, Side
from krakencopy.client.sdk.generated.values.common import Money
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class Copy(Value[types.Copy]):
    """What one user did about one or more fills of the master. Each fill is in exactly one copy of each
    user.
    """

    account_id: Field[str]
    """The user."""
    copy_id: Field[str]
    """Unique for the user, and the same after a crash: it is made from the first fill's seq."""
    fill_seqs: Field[tuple[int, ...]]
    """The fills that this copy answers, ascending."""
    pair: Field[str]
    """The pair, e.g. "BTC/USD"."""
    side: Field[Side]
    """Bought or sold."""
    state: Field[CopyState]
    """Where it stands."""
    reason: Field[str]
    """A stable code for how it got there, e.g. "SCALED", "CAPPED", "BELOW_ORDERMIN", "EOrder:Insufficient
    funds".
    """
    detail: Field[str]
    """The same for people, with the numbers."""
    planned_volume: Field[Decimal | None]
    """What the rules asked for before rounding and minimum, in base (what was carried in included)."""
    ordered_volume: Field[Decimal | None]
    """What was ordered, in base."""
    filled_volume: Field[Decimal | None]
    """What was filled, in base."""
    avg_price: Field[Decimal | None]
    """Volume-weighted price of the fills, in quote."""
    fee: Field[Money | None]
    """Fee that the user paid."""
    order_id: Field[str]
    """The user's own order at the exchange."""
    cl_ord_id: Field[str]
    """The id that the user's order carried; deterministic."""
    attempts: Field[int]
    """Orders sent for this copy; more than 1 only after the earlier ones were proven not to exist."""
    joined_copy_id: Field[str]
    """For a carried copy: the copy that its volume was ordered with."""
    carried_in: Field[tuple[str, ...]]
    """For a copy that carried others in: their copy ids."""
    user_equity: Field[Decimal | None]
    """The user's equity that the sizing used, in quote; of an entry with `balance = "allocated"`, as much of
    it as is allocated.
    """
    revision: Field[int]
    """Grows with every change of any copy of this user."""
    received_at: Field[datetime | None]
    """When the user's process received the first fill."""
    decided_at: Field[datetime | None]
    """When the volume was decided."""
    sent_at: Field[datetime | None]
    """When the order was handed to the network."""
    acknowledged_at: Field[datetime | None]
    """When the exchange's answer arrived."""
    finished_at: Field[datetime | None]
    """When the copy came to its end."""
    fanned_out_at: Field[datetime | None]
    """When the supervisor handed the first fill to this user."""
    cap: Field[str]
    """The key of the cap that has cut this copy, or left nothing for it, e.g. "max_daily_notional"; empty for
    none.
    """
    source: Field[str]
    """What it follows from where that is no fill of the master: which sync, who asked for it, when and why;
    empty for all others.
    """
    master_pair: Field[str]
    """The pair that the master traded, where `map` has the copy traded in another one; else empty."""
    shadow: Field[bool]
    """Whether it is a shadow's: nothing was sent, and what is filled, paid and won is a model's."""


class WatchCopiesResponse(Value[control.WatchCopiesResponse]):
    """One change of one copy. Of several changes that happened before the call, only the last one of a copy
    is sent.
    """

    change: Field[int]
    """The number of the change, over all users."""
    copy: Field[Copy]
    """The copy after it."""
