"""Quantities keep their kind, and rounding is never in the wrong direction."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Ratio, Side

ONE = Decimal(1)
KINDS = (Ratio, Price, BaseVolume, QuoteAmount)
decimals = st.decimals(min_value="-1e12", max_value="1e12", places=8)
positive = st.decimals(min_value="1e-8", max_value="1e12", places=8)


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("combine", [operator.add, operator.sub, operator.lt, operator.ge])
def test_only_the_same_kind_is_added_and_compared(
    left: type[Any], right: type[Any], combine: Callable[[Any, Any], Any]
) -> None:
    if left is right:
        combine(left(ONE), right(ONE))
    else:
        with pytest.raises(TypeError):
            combine(left(ONE), right(ONE))


def test_different_kinds_of_the_same_number_are_not_equal() -> None:
    assert len({kind(ONE) for kind in KINDS}) == len(KINDS)


PRODUCTS = {
    (BaseVolume, Price): QuoteAmount,
    (BaseVolume, Ratio): BaseVolume,
    (QuoteAmount, Ratio): QuoteAmount,
}
QUOTIENTS = {
    (BaseVolume, BaseVolume): Ratio,
    (QuoteAmount, QuoteAmount): Ratio,
    (QuoteAmount, Price): BaseVolume,
}


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", [*KINDS, Decimal])
@pytest.mark.parametrize(("combine", "table"), [(operator.mul, PRODUCTS), (operator.truediv, QUOTIENTS)])
def test_kinds_are_multiplied_and_divided_as_the_units_say(
    left: type[Any], right: type[Any], combine: Callable[[Any, Any], Any], table: dict[Any, type[Any]]
) -> None:
    kind = table.get((left, right))
    if kind is None:
        with pytest.raises(TypeError):
            combine(left(Decimal(6)), right(Decimal(3)))
    else:
        assert combine(left(Decimal(6)), right(Decimal(3))) == kind(combine(Decimal(6), Decimal(3)))


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_quantity_is_finite(kind: type[Any], number: str) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        kind(Decimal(number))


@pytest.mark.parametrize("kind", KINDS)
def test_a_quantity_knows_its_sign_and_whether_it_is_nothing(kind: type[Any]) -> None:
    assert -kind(ONE) == kind(-ONE)
    assert bool(kind(ONE))
    assert not kind(Decimal("0.00"))


@given(positive, st.integers(0, 8))
def test_a_volume_in_lots_is_the_largest_that_is_not_more(volume: Decimal, lot_decimals: int) -> None:
    lot = Decimal(1).scaleb(-lot_decimals)
    cut = BaseVolume(volume).to_lot(lot_decimals).amount
    assert cut % lot == 0
    assert volume - lot < cut <= volume


@given(positive, st.sampled_from(["0.1", "0.01", "0.5", "25", "0.00001"]).map(Decimal), st.sampled_from(Side))
def test_a_price_on_the_grid_is_never_past_the_bound(price: Decimal, tick: Decimal, side: Side) -> None:
    on_grid = Price(price).to_tick(tick, side).amount
    assert on_grid % tick == 0
    assert price - tick < on_grid <= price if side is Side.BUY else price <= on_grid < price + tick


@given(positive, st.integers(0, 10_000))
def test_a_worse_price_is_higher_for_a_buyer_and_lower_for_a_seller(price: Decimal, bps: int) -> None:
    step = price * bps / 10_000
    assert abs(Price(price).worse(Side.BUY, bps).amount - (price + step)) < Decimal("1e-12")
    assert abs(Price(price).worse(Side.SELL, bps).amount - (price - step)) < Decimal("1e-12")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_a_decimal_in_plain_digits_is_the_same_number(value: Decimal) -> None:
    text = plain(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert "." not in text or text[-1] not in "0."
    assert text != "-0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("0.500", "0.5"),
        ("-0.00", "0"),
        ("100", "100"),
        ("0E+5", "0"),
    ],
)
def test_kraken_is_told_plain_numbers(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text == str(BaseVolume(Decimal(value)))


@given(decimals, decimals)
def test_sums_are_those_of_the_numbers(left: Decimal, right: Decimal) -> None:
    assert QuoteAmount(left) + QuoteAmount(right) == QuoteAmount(left + right)
    assert QuoteAmount(left) - QuoteAmount(right) == QuoteAmount(left - right)
