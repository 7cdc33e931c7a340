"""Arguments mean the same as a form and as JSON, and a bad one is refused by its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params, parse_body

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def refusal(read: Callable[[], Any]) -> str:
    with pytest.raises(KrakenError) as refused:
        read()
    return refused.value.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"nonce=1&volume=0.10&validate=true&userref=-3&note=a+b", FORM),
        (b'{"nonce": 1, "volume": 0.10, "validate": true, "userref": -3, "note": "a b", "pair": null}', JSON),
    ],
)
def test_a_form_and_json_say_the_same(body: bytes, kind: str) -> None:
    params = parse_body(body, kind)
    assert (params.integer("nonce"), params.decimal("volume")) == (1, Decimal("0.10"))
    assert (params.flag("validate"), params.integer("userref"), params.text("note")) == (True, -3, "a b")
    assert params.text("volume") == "0.10", "as it was sent"
    assert params.optional("pair") is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff", FORM),
        (b"&".join(b"a=%d" % number for number in range(1001)), FORM),
        (b"{", JSON),
        (b"[1]", JSON),
        (b"[" * 100_000, JSON),
        (b'{"nonce": NaN}', JSON),
    ],
    ids=["no ascii", "too many fields", "cut", "no object", "too deep", "no number"],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(body: bytes, kind: str) -> None:
    assert refusal(lambda: parse_body(body, kind)) == "EAPI:Bad request"


@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, ""]))
def test_any_bytes_are_arguments_or_refused(body: bytes, kind: str) -> None:
    with contextlib.suppress(KrakenError):
        params = parse_body(body, kind)
        assert all(isinstance(name, str) for name in params.values)


@pytest.mark.parametrize("text", ["true", "True", "1", "yes"])
def test_a_flag_is_on_in_any_spelling(text: str) -> None:
    assert Params({"post": text}).flag("post")


@pytest.mark.parametrize("text", ["", "false", "FALSE", "0", "no"])
def test_a_flag_is_off_in_any_spelling(text: str) -> None:
    assert not Params({"post": text}).flag("post", default=True)


def test_what_is_absent_is_its_default() -> None:
    params = Params({"empty": ""})
    assert params.flag("post", default=True)
    assert (params.integer("ofs", 5), params.integer("empty", 5), params.integer("ofs")) == (5, 5, None)
    assert (params.text("pair", "XBTUSD"), params.optional("empty")) == ("XBTUSD", "")
    assert (params.unix_us("start"), params.unix_us("empty")) == (None, None)


def test_a_time_is_read_in_microseconds() -> None:
    assert Params({"start": "1616663618.000001"}).unix_us("start") == 1_616_663_618_000_001


def test_ids_come_in_a_list_with_commas() -> None:
    assert Params({"txid": "O1, O2"}).ids("txid", most=2) == ["O1", "O2"]


def test_rows_come_as_json_alone() -> None:
    assert Params.of_json({"orders": [{}]}).rows("orders") == [{}]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2", lambda params: params.flag("x")),
        ([], lambda params: params.text("x")),
        ("", lambda params: params.required("x")),
        ("1.5", lambda params: params.integer("x")),
        ("9" * 20, lambda params: params.integer("x")),
        ("\u0661", lambda params: params.integer("x")),
        ("-1", lambda params: params.decimal("x")),
        ("5e-05", lambda params: params.decimal("x")),
        ("yesterday", lambda params: params.unix_us("x")),
        ("a,,b", lambda params: params.ids("x", most=5)),
        ("a,b", lambda params: params.ids("x", most=1)),
        ("a", lambda params: params.rows("x")),
    ],
)
def test_a_bad_argument_is_refused_by_its_name(value: Any, read: Callable[[Params], Any]) -> None:
    assert refusal(lambda: read(Params({"x": value}))) == "EGeneral:Invalid arguments:x"
