"""Decimals are written as Kraken takes them: plain, short, and exactly."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.decimal_text import cents, plain


def test_money_is_shown_to_cents() -> None:
    assert cents(Decimal("1234.5678")) == "1234.57"
    assert cents(Decimal("0.004")) == "0"
    assert cents(Decimal("0.001"), ROUND_CEILING) == "0.01"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5E-5", "0.00005"),
        ("1E+3", "1000"),
        ("1000", "1000"),
        ("1.500", "1.5"),
        ("-0.10", "-0.1"),
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("-0.000", "0"),
    ],
)
def test_a_decimal_has_no_exponent_no_trailing_zeros_and_no_negative_zero(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_the_same_number(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert "E" not in text
    assert not ("." in text and text.endswith(("0", ".")))
