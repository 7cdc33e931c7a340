"""Numbers go through JSON without a float in between."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.exact_json import dumps, loads, loads_as_text

NAMES = st.text("abcdefghij_", min_size=1, max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**15), max_value=10**15)
    | st.decimals(allow_nan=False, allow_infinity=False, places=10)
    | st.text()
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert loads(dumps(value)) == value


def test_a_decimal_keeps_all_of_its_digits_and_no_exponent() -> None:
    assert dumps({"price": Decimal("1E-8"), "qty": Decimal("1.10")}) == '{"price":0.00000001,"qty":1.10}'


def test_the_digits_that_were_sent_can_be_told_apart() -> None:
    assert loads_as_text('[5e-05, 0.00005, 7, "7", null]') == ["5e-05", "0.00005", "7", "7", None]


@pytest.mark.parametrize("read", [loads, loads_as_text])
@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "{", ""])
def test_what_is_no_json_is_refused(read: Any, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own and ours
        read(text)


def test_text_is_written_as_json_writes_it() -> None:
    text = 'quote " backslash \\ newline \n umlaut ü'
    assert dumps(text) == json.dumps(text)
