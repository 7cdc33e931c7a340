"""The signature is the one that Kraken computes, and a bad secret never shows."""

from __future__ import annotations

import traceback
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import CredentialsFault
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.kraken.rest.signing import CallSigner, form_of, sign

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
NONCE = 1616492376594
FORM = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
JSON = b'{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500","type":"buy","volume":"1.25"}'  # noqa: E501 - as it was recorded


def test_form_body_is_signed_as_in_krakens_documentation() -> None:
    assert sign("/0/private/AddOrder", NONCE, FORM, SECRET) == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )


def test_json_body_is_signed_by_the_same_rule() -> None:
    assert sign("/0/private/AddOrder", NONCE, JSON, SECRET) == (
        "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg=="
    )


@pytest.mark.parametrize("secret", ["", "not base64!", "YWJj*", "ключ", "YWJ", "\n"])
def test_a_secret_that_is_no_base64_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(CredentialsFault) as caught:
        sign("/0/private/Balance", 1, b"nonce=1", secret)
    shown = "".join(traceback.format_exception(caught.value.with_traceback(None)))
    assert not secret.strip() or secret not in shown
    assert caught.value.__context__ is None


@given(st.binary(), st.binary(), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_different_requests_have_different_signatures(
    body: bytes, other: bytes, nonce: int, later: int
) -> None:
    signatures_equal = sign("/0/private/Balance", nonce, body, SECRET) == sign(
        "/0/private/Balance", later, other, SECRET
    )
    assert signatures_equal == (str(nonce).encode() + body == str(later).encode() + other)


@pytest.mark.parametrize("key", ["", "with blank", "with\nline", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(CredentialsFault) as caught:
        CallSigner(Credentials(key, SECRET), "an agent")
    assert not key or key not in str(caught.value)


def test_a_call_is_signed_over_its_own_nonce_and_body() -> None:
    call = CallSigner(Credentials("the-key", SECRET), "an agent").signed_call("AddOrder", {"volume": "1"}, 7)
    assert (call.path, call.body) == ("/0/private/AddOrder", b"nonce=7&volume=1")
    assert call.headers["API-Sign"] == sign(call.path, 7, call.body, SECRET)
    lines = call.request(b"/under", b"Host: there\r\n").split(b"\r\n")
    assert lines[:2] == [b"POST /under/0/private/AddOrder HTTP/1.1", b"Host: there"]
    assert lines[-3:] == [b"Content-Length: 16", b"", b"nonce=7&volume=1"]
    assert {line.decode() for line in lines[2:-3]} == {
        f"{name}: {said}" for name, said in call.headers.items()
    }


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_forms_say_what_was_meant(fields: dict[str, str]) -> None:
    form = form_of(fields).decode()
    assert dict(parse_qsl(form, keep_blank_values=True)) == fields
    # As others sign and send it, but for blanks.
    assert form == urlencode(fields, quote_via=quote)
