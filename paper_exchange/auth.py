"""Who signed a request, and may they: Kraken's signature, nonces and permissions. No HTTP here."""

import base64
import binascii
import hmac
from hashlib import sha256, sha512
from typing import Final

from paper_exchange.accounts import ApiKey, Permission
from paper_exchange.errors import KrakenError
from paper_exchange.params import Params

_NONCE_BOUND: Final = 2**64
# Nonces inside a key's window that are remembered so that none is taken twice; the oldest are forgotten.
_SEEN_MOST: Final = 10_000

_ANY_OF: Final[dict[str, tuple[Permission, ...]]] = {
    "Balance": (Permission.QUERY_FUNDS,),
    "BalanceEx": (Permission.QUERY_FUNDS,),
    "TradeVolume": (Permission.QUERY_FUNDS,),
    "TradeBalance": (Permission.QUERY_OPEN_TRADES,),
    "OpenOrders": (Permission.QUERY_OPEN_TRADES,),
    "ClosedOrders": (Permission.QUERY_CLOSED_TRADES,),
    "TradesHistory": (Permission.QUERY_CLOSED_TRADES,),
    "QueryTrades": (Permission.QUERY_CLOSED_TRADES,),
    "QueryOrders": (Permission.QUERY_OPEN_TRADES, Permission.QUERY_CLOSED_TRADES),
    "AddOrder": (Permission.MODIFY_TRADES,),
    "CancelOrder": (Permission.MODIFY_TRADES, Permission.CLOSE_TRADES),
    "CancelAll": (Permission.MODIFY_TRADES, Permission.CLOSE_TRADES),
    "GetWebSocketsToken": (Permission.CREATE_WS_TOKEN,),
    "GetApiKeyInfo": (),
}


_METHODS: Final = frozenset(_ANY_OF)


def methods() -> frozenset[str]:
    """The private methods that have an entry in the permission map."""
    return _METHODS


def signature(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """Kraken's API-Sign: HMAC-SHA512 over the path and SHA-256 of nonce and body, in base64."""
    message = path.encode() + sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(secret, message, sha512)).decode()


def decode_secret(secret: str) -> bytes | None:
    """The bytes of a base64 secret; None where it is not base64 or empty."""
    try:
        return base64.b64decode(secret, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def verify(key: ApiKey, api_sign: str, path: str, body: bytes, params: Params) -> None:
    """Raise `EAPI:Invalid signature` where the key did not sign these very bytes; changes nothing."""
    nonce = params.values.get("nonce")
    expected = signature(key.secret, path, nonce if isinstance(nonce, str) else "", body)
    if not hmac.compare_digest(expected.encode(), api_sign.encode(errors="replace")):
        raise KrakenError("EAPI:Invalid signature")


def take_nonce(key: ApiKey, params: Params) -> int:
    """Use up the request's nonce. Raises `EAPI:Invalid nonce`.

    Kraken: strictly above the highest one of the key, or less than the key's window below it. Whether a window
    lets the same nonce in twice is not documented; here it does not.
    """
    text = params.values.get("nonce")
    if not (
        isinstance(text, str)
        and text.isascii()
        and text.isdigit()
        and len(text) <= 20
        and int(text) < _NONCE_BOUND
    ):
        raise KrakenError("EAPI:Invalid nonce")
    nonce = int(text)
    if nonce <= max(0, key.nonce - key.nonce_window) or nonce in key.seen:
        raise KrakenError("EAPI:Invalid nonce")
    key.nonce = max(nonce, key.nonce)
    if key.nonce_window:
        key.seen.add(nonce)
        if len(key.seen) > _SEEN_MOST:
            key.seen = set(sorted(key.seen)[_SEEN_MOST // 2 :])
    return nonce


def permit(key: ApiKey, method: str) -> None:
    """Raise `EGeneral:Permission denied` where the key has none of the permissions that open a method."""
    needed = _ANY_OF[method]
    if needed and key.permissions.isdisjoint(needed):
        raise KrakenError("EGeneral:Permission denied")
