"""A value that a newer server sends is kept as a member of its own."""

from __future__ import annotations

import pytest

from krakencopy.client import Fill, Side
from krakencopy.v1 import types_pb2 as nouns


def test_a_value_of_an_enum_that_is_newer_is_a_member_of_its_own() -> None:
    fill = Fill(nouns.Fill(side=99))  # type: ignore[arg-type]  # of a newer server
    assert (str(fill.side), int(fill.side), fill.side == Side.BUY) == ("UNRECOGNIZED_99", 99, False)
    assert str(Side.BUY) == "BUY"
    with pytest.raises(ValueError, match="'BUY' is not a valid Side"):
        Side("BUY")  # type: ignore[arg-type]  # that is what is tested
