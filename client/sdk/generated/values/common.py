"""Values of common calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from decimal import Decimal

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import types_pb2 as types


class Money(Value[types.Money]):
    """An amount of one asset."""

    amount: Field[Decimal]
    """Decimal string."""
    asset: Field[str]
    """Asset name as Kraken displays it, e.g. "USD"."""
