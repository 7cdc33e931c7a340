"""An amount is digits and a point; what only Python takes for a number is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.decimal_text import read_decimal
from krakencopy.account_proc.contract.request_bounds import violations
from krakencopy.client.cli.decimals import parse_amount, parse_seconds
from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb

NONE = [
    "1_000", "+5", "-5", "nan", "NaN", "inf", "Infinity", "", " ", " 1", "1 ", "1,5", "1,000.5", "1.", "0x10",
    "1'000", "$5", "5%", "\uff15", "\u0661\u0662", "1\n", "1e3", "1E-3", ".5", "1" * 21, "0." + "1" * 21,
]  # fmt: skip


@pytest.mark.parametrize("text", ["1", "0.005", "1000", "0005", "1" * 20, "0." + "0" * 19 + "1"])
def test_digits_and_a_point_are_an_amount(text: str) -> None:
    assert parse_amount(text) == read_decimal(text) == Decimal(text)


@pytest.mark.parametrize("read", [parse_amount, parse_seconds, read_decimal])
@pytest.mark.parametrize("text", NONE)
def test_anything_else_is_none(text: str, read: Callable[[str], object]) -> None:
    with pytest.raises(ValueError, match="is no"):
        read(text)


@pytest.mark.parametrize(
    ("text", "instead"), [("1e3", "write 1000"), ("2.5e-3", "write 0.0025"), (".5", "write 0.5"),
                          ("1_000", "write digits, with a point before decimals, such as 1000 or 0.005")]
)  # fmt: skip
def test_it_is_said_what_to_write_instead(text: str, instead: str) -> None:
    with pytest.raises(ValueError, match=instead):
        parse_amount(text)


@pytest.mark.parametrize("text", ["0", "0.0", "000"])
def test_nothing_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="is not above zero"):
        parse_amount(text)
    assert parse_seconds(text) == 0


def test_seconds_have_an_end() -> None:
    assert parse_seconds("0.5") == 0.5
    with pytest.raises(ValueError, match="ten years"):
        parse_seconds("1" * 20)


@given(st.one_of(st.text("0123456789._+-eE ,n\u0661", max_size=24), st.text(max_size=24)))
def test_the_command_and_the_api_take_the_same(text: str) -> None:
    refused_there = bool(list(violations(pb.PlaceOrderRequest(volume=text)))) if text else True
    try:
        amount = parse_amount(text)
    except ValueError as error:
        assert refused_there or "above zero" in str(error)  # noqa: PT017 - either of the two
    else:
        assert not refused_there
        assert amount == read_decimal(text)


@pytest.mark.parametrize("option", ["{}", "1 --limit {}"])
@pytest.mark.parametrize("text", [text for text in NONE if text.strip() == text and text])
def test_no_order_leaves_with_such_an_amount(
    capsys: pytest.CaptureFixture[Any], option: str, text: str
) -> None:
    assert (
        main(["order", "buy", "BTC/USD", *option.format(text).split(" "), "--endpoint", "unix:/nowhere"]) == 3
    )
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "VOLUME" in said or "--limit" in said or "required" in said or "unrecognized" in said
