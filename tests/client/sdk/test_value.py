"""Values are what they hold."""

from __future__ import annotations

import pickle

from krakencopy.client import Fill, Money
from krakencopy.client.sdk.value import each
from krakencopy.v1 import types_pb2 as nouns


def test_values_are_compared_hashed_shown_and_kept_by_what_they_hold() -> None:
    one, same, other = (Money(nouns.Money(amount=amount, asset="USD")) for amount in ("1", "1", "2"))
    assert (one == same, one == other, len({one, same, other})) == (True, False, 2)
    assert one != nouns.Money(amount="1", asset="USD")
    assert repr(one) == "Money(amount=Decimal('1'), asset='USD')"
    assert repr(Fill(nouns.Fill(seq=7, price="1", volume="2"))).startswith("Fill(seq=7, price=Decimal('1')")
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
    assert each(Money)([one.raw, other.raw]) == [one, other]
