"""Values of limit calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import LimitState
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import control_pb2 as control
from krakencopy.v1 import types_pb2 as types


class LossLimit(Value[types.LossLimit]):
    """A limit to losses, of one account or of the sum of all users."""

    account_id: Field[str]
    """Whose; empty for the sum of all users."""
    name: Field[str]
    """By which it is shown and reset."""
    metric: Field[str]
    """What is measured: "equity" or "realised"."""
    window: Field[str]
    """Since when: "day", "week", "month", "quarter", "lifetime" or "trailing"."""
    action: Field[str]
    """What is done when it is hit: "warn", "reducing", "halted" or "flatten"."""
    state: Field[LimitState]
    """Where it stands."""
    since: Field[datetime | None]
    """When the first values of its window were taken; absent before."""
    loss: Field[str]
    """What is lost, as the limit is written: "12.50 USD" or "1.2%"; below 0 for what was won, empty where it
    is not known.
    """
    max_loss: Field[str]
    """The loss at which it is hit."""
    used_percent: Field[Decimal | None]
    """The share of it that is lost, in percent; empty where it is not known."""
    warn_at_percent: Field[Decimal | None]
    """At which share it warns, in percent."""
    hit_at: Field[datetime | None]
    """When it was hit; absent where it was not."""
    message: Field[str]
    """For people: of a hit, what was lost of how much since when; else why it is not judged."""
    configured: Field[bool]
    """False for one that was hit and is not configured any more: it holds until it is reset."""


class ResetLimitResponse(Value[control.ResetLimitResponse]):
    """It is durable."""

    names: Field[tuple[str, ...]]
    """Names of the limits that were reset."""
