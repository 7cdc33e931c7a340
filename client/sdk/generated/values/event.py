"""Values of event calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import Severity
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import types_pb2 as types


class Event(Value[types.Event]):
    """Something worth telling an operator."""

    seq: Field[int]
    """Position in the journal, from 1."""
    at: Field[datetime]
    """When it happened."""
    severity: Field[Severity]
    """How loud it is."""
    account_id: Field[str]
    """The account it is about; empty when it is about the supervisor."""
    code: Field[str]
    """A stable code, e.g. "ACCOUNT_STATE_CHANGED", "KRAKEN_USER_BLOCKED"."""
    message: Field[str]
    """The same for people."""
    data: Field[Mapping[str, str]]
    """The same for programs, e.g. {"pair": "BTC/USD", "count": "12"}."""
