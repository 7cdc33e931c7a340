"""What may be written off and what must be looked up: every error of the catalogue, and everything that is
no answer.
"""

from __future__ import annotations

import traceback
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.kraken.errors import (
    BelowMinimum,
    ClOrdIdInUse,
    LockedOut,
    MarketRefused,
    classify,
    is_below_minimum,
    result_of,
    throttled_until,
)

UNKNOWN_FOR_ORDERS = [
    "EService:Deadline elapsed",
    "EService:Unavailable",
    "EService: Unavailable",
    "EService:Busy",
    "EService:Timeout",
    "EService:Something new",
    "EGeneral:Internal error",
    "EGeneral:Internal error:42",
    "EDatabase:Internal error",
    "EGeneral:Something new",
    "EAPI:Invalid token",
    "ESession:Invalid session",
    "EMoon:Too far",
    "nonsense",
    "",
]
CATALOGUE: list[tuple[str, type[ExchangeError]]] = [
    ("EAPI:Invalid nonce", InvalidNonce),
    ("EAPI:Invalid key", KeyRefused),
    ("EAPI:Invalid signature", KeyRefused),
    ("EGeneral:Permission denied", KeyRefused),
    ("EGeneral:Temporary lockout", KeyRefused),
    ("EAuth:Account temporary disabled", KeyRefused),
    ("EAuth:Account unconfirmed", KeyRefused),
    ("EAccount:Invalid permissions", KeyRefused),
    ("EAccount:Invalid permissions:XMR trading restricted for GB.", MarketRefused),
    ("ETrade:User Locked", KeyRefused),
    ("EService:Throttled: 1795336500", RateLimited),
    ("EAPI:Rate limit exceeded", RateLimited),
    ("EGeneral:Too many requests", RateLimited),
    ("EAuth:Rate limit exceeded", RateLimited),
    ("EOrder:Rate limit exceeded", RateLimited),
    ("EOrder:Domain rate limit exceeded", RateLimited),
    ("EOrder:Orders limit exceeded", ExchangeRefused),
    ("EService:Market in cancel_only mode", ExchangeRefused),
    ("EAPI:Bad request", ExchangeRefused),
    ("EGeneral:Invalid arguments", ExchangeRefused),
    ("EGeneral:Invalid arguments:volume", BelowMinimum),
    ("EGeneral:Invalid arguments:volume minimum not met", BelowMinimum),
    ("EGeneral: Invalid arguments: cost minimum not met", BelowMinimum),
    ("EGeneral:Invalid arguments:price", ExchangeRefused),
    ("EOrder:Order minimum not met", BelowMinimum),
    ("EOrder: Cost minimum not met", BelowMinimum),
    ("EGeneral: Invalid arguments: cl_ord_id not unique", ClOrdIdInUse),
    ("EGeneral:Invalid arguments:cl_ord_id not unique", ClOrdIdInUse),
    ("EGeneral:Unknown method", ExchangeRefused),
    ("EQuery:Unknown asset pair", ExchangeRefused),
    ("EOrder:Insufficient funds", ExchangeRefused),
    ("EOrder:Invalid price: ETH/USD price can only be specified up to 2 decimals", ExchangeRefused),
    ("EOrder:Unknown order", ExchangeRefused),
    ("EBM:limit exceeded:CAL", ExchangeRefused),
]


@pytest.mark.parametrize(("error", "kind"), CATALOGUE)
@pytest.mark.parametrize("is_order", [True, False])
def test_a_definite_answer_is_told_apart_by_what_to_do(
    error: str, kind: type[ExchangeError], *, is_order: bool
) -> None:
    assert type(classify("AddOrder", [error], is_order=is_order)) is kind


@pytest.mark.parametrize(("error", "kind"), CATALOGUE)
def test_all_words_for_a_too_small_order_are_known(error: str, kind: type[ExchangeError]) -> None:
    assert is_below_minimum(error) == (kind is BelowMinimum)


@pytest.mark.parametrize("error", UNKNOWN_FOR_ORDERS)
def test_nobody_knows_whether_an_order_with_such_an_answer_exists(error: str) -> None:
    assert type(classify("AddOrder", [error], is_order=True)) is OutcomeUnknown


def test_the_least_certain_of_several_errors_counts() -> None:
    funds, busy, nonce = "EOrder:Insufficient funds", "EService:Busy", "EAPI:Invalid nonce"
    assert type(classify("AddOrder", [funds, busy], is_order=True)) is OutcomeUnknown
    refused = classify("AddOrder", [funds, nonce], is_order=True)
    assert type(refused) is InvalidNonce
    assert refused.errors == (funds, nonce)


@given(st.lists(st.text()), st.booleans())
def test_any_errors_give_an_error_and_only_known_ones_a_refusal(errors: list[str], is_order: bool) -> None:
    error = classify("AddOrder", errors, is_order=is_order)
    if is_order and not any(text.strip().startswith("E") for text in errors):
        assert isinstance(error, OutcomeUnknown)
    assert isinstance(error, OutcomeUnknown | ExchangeRefused)


def test_a_result_has_decimals_and_no_floats() -> None:
    result = result_of("Time", 200, b'{"error":[],"result":{"a":0.1,"b":1e-8,"c":3}}', is_order=False)
    assert result == {"a": Decimal("0.1"), "b": Decimal("1E-8"), "c": 3}


def test_a_warning_beside_a_result_is_no_failure() -> None:
    assert result_of("Time", 200, b'{"error":["WGeneral:Careful"],"result":{"a":1}}', is_order=True) == {
        "a": 1
    }


def test_an_error_wins_over_a_result() -> None:
    with pytest.raises(ExchangeRefused, match="Insufficient funds"):
        result_of("AddOrder", 200, b'{"error":["EOrder:Insufficient funds"],"result":{}}', is_order=True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>Bad gateway</html>"),
        (520, b""),
        (403, b"error code: 1020"),
        (429, b'{"error":["EAPI:Rate limit exceeded"]}'),
        (302, b""),
        (200, b"<html>hello</html>"),
        (200, b'{"error":[],"result":{"txid":["OABC'),
        (200, b""),
        (200, b"null"),
        (200, b"[]"),
        (200, b'{"error":null,"result":{}}'),
        (200, b'{"error":[1],"result":{}}'),
        (200, b'{"result":{}}'),
        (200, b'{"error":[]}'),
        (200, b'{"error":[],"result":NaN}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
    ],
)
def test_what_is_no_answer_of_krakens_leaves_the_outcome_unknown(status: int, body: bytes) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        result_of("AddOrder", status, body, is_order=True)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<html><head><TITLE>503 Service Unavailable</TITLE></head>", "HTTP 503: Service Unavailable"),
        (b"<title> kraken.com |\n 503: Bad </title>", "HTTP 503: kraken.com | 503: Bad"),
        (b"<title>503</title>", "HTTP 503: '<title>503</title>'"),
    ],
)
def test_a_page_is_told_by_its_title(page: bytes, words: str) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        result_of("AddOrder", 503, page, is_order=True)
    assert caught.value.cause == words


@given(st.integers(100, 599), st.binary(max_size=200))
def test_arbitrary_bytes_never_look_like_a_refusal(status: int, body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        result_of("AddOrder", status, body, is_order=True)


@pytest.mark.parametrize("method", ["GetApiKeyInfo", "GetWebSocketsToken"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>hidden</html>"),
        (200, b'{"error":[],"result":{"apiKey":"hidden","token":"hidden'),
        (200, b'["hidden"]'),
        (200, b'{"error":[],"token":"hidden"}'),
    ],
)
def test_nothing_is_shown_of_an_answer_that_may_hold_a_key_or_a_token(
    method: str, status: int, body: bytes
) -> None:
    with pytest.raises(OutcomeUnknown, match=f"{len(body)} bytes") as raised:
        result_of(method, status, body, is_order=False)
    assert "hidden" not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(OutcomeUnknown, match="hidden"):
        result_of("Balance", status, body, is_order=False)


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("EService:Throttled: 1795336500", 1_795_336_500.0),
        ("EService:Throttled:1795336500", 1_795_336_500.0),
        ("EService:Throttled", None),
        ("EService:Throttled: soon", None),
        ("EService:Throttled: -5", None),
        ("EService:Throttled: 99999999999999999999", None),
    ],
)
def test_the_end_of_a_pause_is_read_where_it_is_named(said: str, ends: float | None) -> None:
    refused = classify("Balance", [said], is_order=False)
    assert isinstance(refused, RateLimited)
    assert throttled_until(refused.errors[0]) == ends


def test_what_is_not_sent_during_a_lockout_is_refused_for_what_that_follows_from() -> None:
    error = LockedOut("AddOrder", 0.4, "EAPI:Invalid key")
    assert error.errors == ("EAPI:Invalid key",)
    words = "AddOrder: not sent: the key was refused (EAPI:Invalid key); nothing is tried for 1 s more"
    assert str(error) == words
    assert LockedOut("AddOrder", 60.0).errors == ("EGeneral:Temporary lockout",)
