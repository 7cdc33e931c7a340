"""Amounts are exact: what is read, rounded and written keeps the digits that it says it keeps."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.decimals import (
    decimals_of,
    fixed,
    parse_plain,
    rounded,
    rounded_down,
    rounded_up,
    unit,
)

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=12)
PLACES = st.integers(min_value=0, max_value=10)


@pytest.mark.parametrize("text", ["0", "5", "5.", ".5", "0.000000000000000001", "9999999999"])
def test_a_plain_decimal_is_read(text: str) -> None:
    assert parse_plain(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-1",
        "+1",
        "5e-05",
        "1E2",
        " 1",
        "1 ",
        "1,5",
        "NaN",
        "Infinity",
        "\u0661",
        "12345678901",
        "0.1234567890123456789",
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    assert parse_plain(text) is None


def test_cost_and_fee_are_rounded_half_up() -> None:
    assert rounded(Decimal("3.630525"), unit(5)) == Decimal("3.63053")
    assert rounded(Decimal("0.125"), unit(2)) == Decimal("0.13")


@given(AMOUNTS, PLACES)
def test_rounding_moves_less_than_a_step_and_in_its_direction(amount: Decimal, places: int) -> None:
    step = unit(places)
    down, near, up = rounded_down(amount, step), rounded(amount, step), rounded_up(amount, step)
    assert down <= amount <= up
    assert up - down in {Decimal(0), step}
    assert near in {down, up}
    assert abs(near - amount) * 2 <= step


@given(AMOUNTS)
def test_an_amount_needs_as_many_digits_as_it_has_without_trailing_zeros(amount: Decimal) -> None:
    needed = decimals_of(amount)
    assert rounded_down(amount, unit(needed)) == amount
    if needed:
        assert rounded_down(amount, unit(needed - 1)) != amount


def test_whole_amounts_need_no_digits() -> None:
    assert [decimals_of(Decimal(text)) for text in ("0", "100", "1.000", "1E+3")] == [0, 0, 0, 0]


def test_an_amount_is_written_with_exactly_the_digits_of_its_asset() -> None:
    assert fixed(Decimal("1.005"), 2) == "1.01"
    assert fixed(Decimal("1E+3"), 4) == "1000.0000"
    assert fixed(Decimal("1E-7"), 8) == "0.00000010"
