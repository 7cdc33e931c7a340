"""Numbers, times and texts of an exchange: what is true is read as it was written, all else is refused by one
of a few errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.request_bounds import FORMS
from krakencopy.account_proc.domain.sent_values import (
    AMOUNT_MAX,
    DECIMALS_MAX,
    LAST_SECOND,
    UNREADABLE,
    amount,
    instant,
    moment,
    name,
    number,
    positive,
    price,
    price_or_none,
    shown,
    whole,
)
from krakencopy.v1 import bounds_pb2

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
READERS: tuple[Callable[[Any], Any], ...] = (
    number, amount, positive, price, price_or_none, moment, instant, name, lambda value: whole(value, 10),
)  # fmt: skip


@given(st.decimals(-AMOUNT_MAX, AMOUNT_MAX, places=DECIMALS_MAX))
def test_a_number_is_the_number_that_was_written(value: Decimal) -> None:
    assert number(str(value)) == number(value) == value


@given(JSON, st.sampled_from(READERS))
def test_what_is_outside_is_refused_by_an_error_that_costs_its_row(
    told: Any, read: Callable[[Any], Any]
) -> None:
    try:
        read(told)
    except UNREADABLE as error:
        str(error).encode()


@given(JSON)
def test_what_is_an_amount_can_be_told_to_others(told: Any) -> None:
    pattern, _ = FORMS[bounds_pb2.TEXT_FORM_DECIMAL]
    try:
        told_amount = amount(told)
    except UNREADABLE:
        return
    assert pattern.fullmatch(f"{abs(told_amount):f}")


@pytest.mark.parametrize(
    "told",
    [
        "1e30", "1e400", "-1e30", "1e9999", "NaN", "sNaN", "Infinity", "1_000", " 1", "1 ", "+1", "", "0x10",
        "\u0661", "\uff11", "1" * 65, "1\u200b", True, None, [], {}, 10**30, float("inf"), float("nan"), 1e30,
        Decimal("1e400"), Decimal("NaN"), Decimal("1e999999"), "\ud800",
    ],
)  # fmt: skip
def test_these_are_no_numbers(told: Any) -> None:
    with pytest.raises(UNREADABLE):
        number(told)


@pytest.mark.parametrize("told", ["0", "-1", 0, "1e-12", "1e12", Decimal("-0.5")])
def test_these_are_no_prices(told: Any) -> None:
    with pytest.raises(UNREADABLE):
        price(told)


def test_zero_stands_for_no_price_where_kraken_says_so() -> None:
    assert price_or_none("0.0000") == 0
    assert price_or_none("50000.1") == Decimal("50000.1")
    with pytest.raises(UNREADABLE):
        price_or_none("-1")


def test_the_rounding_of_a_binary_number_is_not_taken_for_decimals() -> None:
    assert number(1.2345678901234567e-05) == Decimal("0.0000123456789012345670").quantize(Decimal("1e-20"))
    assert number(json.loads("1e-300", parse_float=Decimal)) == 0


@pytest.mark.parametrize(("told", "read"), [("7", 7), (7, 7), (Decimal("7.0"), 7), ("0", 0)])
def test_whole_numbers(told: Any, read: int) -> None:
    assert whole(told, 10) == read


@pytest.mark.parametrize(
    "told", ["11", "-1", 11, Decimal("7.5"), "7.0", "9" * 30, True, None, "\u0661", 1e400]
)
def test_these_are_no_whole_numbers_up_to_ten(told: Any) -> None:
    with pytest.raises(UNREADABLE):
        whole(told, 10)


@pytest.mark.parametrize("told", ["0", -1, LAST_SECOND + 1, "1.8e12", f"{LAST_SECOND}.5"])
def test_a_moment_has_a_date(told: Any) -> None:
    assert moment(LAST_SECOND) == LAST_SECOND
    with pytest.raises(UNREADABLE):
        moment(told)


def test_an_instant_is_in_utc_where_nothing_else_is_said() -> None:
    told = datetime(2026, 11, 22, 8, 33, 20, 123456, tzinfo=UTC)
    assert instant("2026-11-22T08:33:20.123456789Z") == told == instant("2026-11-22T08:33:20.123456")


@pytest.mark.parametrize(
    "told",
    [
        "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00",
        "1969-12-31T23:59:59Z", "soon", "", None, 5, "2026-11-22T08:33:20Z" + " " * 40, "\u0662026-11-22",
    ],
)  # fmt: skip
def test_these_are_no_instants(told: Any) -> None:
    with pytest.raises(UNREADABLE):
        instant(told)


@pytest.mark.parametrize("told", ["", None, 5, "a\ud800", "a\u202eb", "\x1b[31m", "a\nb", "a\x00", "x" * 65])
def test_these_are_no_names(told: Any) -> None:
    assert name("OABC-DEFGH") == "OABC-DEFGH"
    with pytest.raises(UNREADABLE):
        name(told)


def test_words_for_people_are_cut_and_cannot_move_a_terminal() -> None:
    assert shown("a\x1b[31m\u202e\ud800b") == "a [31m  b"
    assert len(shown("x" * 1_000)) == 300
    assert shown(None) == "None"
