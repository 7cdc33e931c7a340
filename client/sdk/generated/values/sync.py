"""Values of sync calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class SyncPosition(Value[types.SyncPosition]):
    """What a sync does about one coin."""

    asset: Field[str]
    """The coin."""
    pair: Field[str]
    """The pair that it would be bought or sold in."""
    master_weight: Field[Decimal | None]
    """The master's position in it, as a share of the master's equity; empty where that is not known."""
    master_volume: Field[Decimal | None]
    """The master's position, in the coin."""
    target_volume: Field[Decimal | None]
    """The user's share of it, in the coin, before all caps."""
    held_volume: Field[Decimal | None]
    """What copying holds of it."""
    buy_volume: Field[Decimal | None]
    """What is to be bought, in the coin; empty for nothing."""
    sell_volume: Field[Decimal | None]
    """What is to be sold, in the coin; empty for nothing."""
    price: Field[Decimal | None]
    """The price that this goes by, in the pair's quote; empty where it is not known."""
    reason: Field[str]
    """Why, as a stable code, e.g. "SCALED", "CAPPED", "SYNC_WORSE"."""
    cap: Field[str]
    """The key of the cap that cuts it, or leaves nothing for it; empty for none."""
    detail: Field[str]
    """The same for people, with the numbers."""


class ResyncAccountResponse(Value[control.ResyncAccountResponse]):
    """What is planned."""

    number: Field[int]
    """The number of the sync, which its copies are found by ("s7.1", "s7.2"); 0 of a dry run."""
    as_of_seq: Field[int]
    """The master's last fill, which the plan counts."""
    positions: Field[tuple[SyncPosition, ...]]
    """By coin, each after those before it; decided is it again when it is done. Empty where the request was
    answered before this run of the supervisor.
    """
    notes: Field[tuple[str, ...]]
    """What else there is to know, e.g. what of the master's is not synced, as the journal does not know
    it.
    """
    source: Field[str]
    """Where its copies will say that they come from, e.g. "resync of 2026-11-29 12:03 UTC by olga"."""
