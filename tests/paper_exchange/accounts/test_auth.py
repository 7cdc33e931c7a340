import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.accounts.account import TRADING_PERMISSIONS, Account, ApiKey, Permission
from krakencopy.paper_exchange.accounts.auth import permit, signature, take_nonce, verify
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.values.assumptions import HouseRules
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params, parse_body

SECRET = base64.b64decode(
    "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
)
FORM = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
JSON = b'{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500","type":"buy","volume":"1.25"}'  # noqa: E501 - as it was recorded
FORM_SIGN = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
JSON_SIGN = "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg=="


def key(window: int = 0, permissions: frozenset[Permission] = TRADING_PERMISSIONS) -> ApiKey:
    return ApiKey("key", SECRET, Account("a", Tier.PRO), permissions, window, 0, 0)


def nonce_is_taken(api_key: ApiKey, nonce: object) -> bool:
    try:
        take_nonce(api_key, Params({"nonce": nonce}), HouseRules())
    except KrakenError as error:
        return error.text != "EAPI:Invalid nonce"
    return True


@pytest.mark.parametrize(("body", "sign"), [(FORM, FORM_SIGN), (JSON, JSON_SIGN)])
def test_the_signature_of_the_documented_request_is_the_documented_one(body: bytes, sign: str) -> None:
    assert signature(SECRET, "/0/private/AddOrder", "1616492376594", body) == sign


@pytest.mark.parametrize(
    ("body", "sign", "kind"),
    [(FORM, FORM_SIGN, "application/x-www-form-urlencoded"), (JSON, JSON_SIGN, "application/json")],
)
def test_a_signature_is_checked_over_the_very_bytes_of_the_body(body: bytes, sign: str, kind: str) -> None:
    verify(key(), sign, "/0/private/AddOrder", body, parse_body(body, kind))
    for bad in (sign[:-3] + "A==", "", "\udcff"):
        with pytest.raises(KrakenError, match="EAPI:Invalid signature"):
            verify(key(), bad, "/0/private/AddOrder", body, parse_body(body, kind))
    with pytest.raises(KrakenError, match="EAPI:Invalid signature"):
        verify(key(), sign, "/0/private/CancelAll", body, parse_body(body, kind))
    reordered = body.replace(b"1.25", b"1.26")
    with pytest.raises(KrakenError, match="EAPI:Invalid signature"):
        verify(key(), sign, "/0/private/AddOrder", reordered, parse_body(reordered, kind))


@given(st.lists(st.integers(0, 40)))
def test_without_a_window_the_accepted_nonces_strictly_increase(nonces: list[int]) -> None:
    api_key = key()
    accepted = [nonce for nonce in nonces if nonce_is_taken(api_key, str(nonce))]
    assert accepted == sorted(set(accepted))
    assert max(nonces, default=0) == (accepted[-1] if accepted else 0)


@given(st.lists(st.integers(1, 40)), st.integers(1, 20))
def test_with_a_window_a_late_nonce_is_accepted_once(nonces: list[int], window: int) -> None:
    api_key = key(window)
    accepted: list[int] = []
    for nonce in nonces:
        highest = max(accepted, default=0)
        expected = nonce not in accepted and nonce > highest - window
        assert nonce_is_taken(api_key, str(nonce)) == expected
        accepted += [nonce] if expected else []
    assert api_key.nonce == max(accepted, default=0)


@pytest.mark.parametrize("nonce", ["", "-1", "0", "1.5", "1e9", "x", str(2**64), "9" * 5000, None, 7])
def test_a_nonce_that_is_no_unsigned_64_bit_number_is_refused(nonce: object) -> None:
    assert not nonce_is_taken(key(), nonce)


def test_the_largest_nonce_poisons_the_key_for_good() -> None:
    api_key = key()
    assert nonce_is_taken(api_key, str(2**64 - 1))
    assert not nonce_is_taken(api_key, str(2**64 - 1))


def test_a_key_may_only_do_what_one_of_its_permissions_opens() -> None:
    closer = key(permissions=frozenset({Permission.CLOSE_TRADES}))
    permit(closer, "CancelOrder")
    permit(closer, "GetApiKeyInfo")
    for method in ("AddOrder", "Balance", "GetWebSocketsToken", "OpenOrders", "QueryOrders"):
        with pytest.raises(KrakenError, match="EGeneral:Permission denied"):
            permit(closer, method)
