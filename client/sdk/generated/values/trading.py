"""Values of trading calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import FlattenState, TradingState
from krakencopy.client.sdk.generated.values.common import Money
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class TradingStateSetting(Value[types.TradingStateSetting]):
    """One trading state that was said, and is not ACTIVE."""

    scope: Field[str]
    """For whom: "all", "group:ID" or "account:ID"; "limit:NAME" for one that a limit of the account's has
    hit.
    """
    state: Field[TradingState]
    """Which."""
    by: Field[str]
    """Who said so, e.g. "operator root"."""
    reason: Field[str]
    """Why; empty where nobody said."""
    at: Field[datetime]
    """When."""


class Flatten(Value[types.Flatten]):
    """The last order to sell all that copying bought."""

    number: Field[int]
    """The version of the states that it was said with; grows with each in the state folder."""
    state: Field[FlattenState]
    """How far it has come."""
    by: Field[str]
    """Who said so, and why."""
    reason: Field[str]
    """Empty where nobody said."""
    at: Field[datetime]
    """When."""


class TradingStatus(Value[types.TradingStatus]):
    """What an account may trade now."""

    state: Field[TradingState]
    """The strictest of `settings`; ACTIVE without any."""
    settings: Field[tuple[TradingStateSetting, ...]]
    """What was said for the account, its group and all."""
    version: Field[int]
    """The version of the states that its process has read and keeps to; -1 without a process."""
    flatten: Field[Flatten | None]
    """The last one; absent where there was none."""
    fault: Field[str]
    """Why the states cannot be read, for people: then it is HALTED. Else empty."""


class TradingAcknowledgement(Value[control.TradingAcknowledgement]):
    """Whether an account keeps to what was said."""

    account_id: Field[str]
    """The account."""
    trading: Field[TradingStatus]
    """What it may trade now, by all that was said."""
    acknowledged: Field[bool]
    """Whether no order can leave it against that: its process has said so, or there is none."""
    message: Field[str]
    """What an operator should know: why it is not acknowledged, what else holds, or that there is no
    process.
    """


class SetTradingStateResponse(Value[control.SetTradingStateResponse]):
    """What was said holds, durably."""

    accounts: Field[tuple[TradingAcknowledgement, ...]]
    """The accounts that it is about, in the order of ListAccounts."""
    version: Field[int]
    """The version of the states that it made."""


class FlattenPosition(Value[control.FlattenPosition]):
    """A coin that copying holds and that is to be sold."""

    account_id: Field[str]
    """Whose."""
    asset: Field[str]
    """The coin."""
    volume: Field[Decimal | None]
    """How much, in the coin."""
    pair: Field[str]
    """In which pair it will be sold, as far as is known now."""
    value: Field[Money | None]
    """About what it is worth, in the pair's quote; absent where no price is known."""
    message: Field[str]
    """What an operator should know, e.g. that it is below the exchange's minimum."""


class FlattenAccountsResponse(Value[control.FlattenAccountsResponse]):
    """What is to be sold."""

    positions: Field[tuple[FlattenPosition, ...]]
    """By account, then by coin."""
    accounts: Field[tuple[TradingAcknowledgement, ...]]
    """As of SetTradingState; empty of a dry run."""
