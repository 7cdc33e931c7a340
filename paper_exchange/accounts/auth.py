"""Who signed a request, and may they: Kraken's signature, nonces and permissions. No HTTP here."""

import base64
import binascii
import hmac
from hashlib import sha256, sha512
from typing import Final

from krakencopy.paper_exchange.accounts.account import ApiKey, Permission
from krakencopy.paper_exchange.values.assumptions import HouseRules
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params

_NONCE_BOUND: Final = 2**64
# Nonces inside a key's window that are remembered so that none is taken twice; the oldest are forgotten.
_SEEN_MOST: Final = 10_000

_Need = tuple[frozenset[Permission], ...]


def _any_of(*permissions: Permission) -> _Need:
    return (frozenset(permissions),)


def _all_of(*permissions: Permission) -> _Need:
    return tuple(frozenset({permission}) for permission in permissions)


_QUERY_ORDERS: Final = _any_of(Permission.QUERY_OPEN_TRADES, Permission.QUERY_CLOSED_TRADES)
_END_ORDERS: Final = _any_of(Permission.MODIFY_TRADES, Permission.CLOSE_TRADES)
_REPLACE_ORDERS: Final = _all_of(Permission.MODIFY_TRADES, Permission.CLOSE_TRADES)
# Kraken: of each set, a key must have one permission.
_NEEDS: Final[dict[str, _Need]] = {
    "Balance": _any_of(Permission.QUERY_FUNDS),
    "BalanceEx": _any_of(Permission.QUERY_FUNDS),
    "TradeVolume": _any_of(Permission.QUERY_FUNDS),
    "TradeBalance": _any_of(Permission.QUERY_OPEN_TRADES),
    "OpenOrders": _any_of(Permission.QUERY_OPEN_TRADES),
    "OpenPositions": _any_of(Permission.QUERY_OPEN_TRADES),
    "ClosedOrders": _any_of(Permission.QUERY_CLOSED_TRADES),
    "TradesHistory": _any_of(Permission.QUERY_CLOSED_TRADES),
    "QueryTrades": _any_of(Permission.QUERY_CLOSED_TRADES),
    "QueryOrders": _QUERY_ORDERS,
    "OrderAmends": _QUERY_ORDERS,
    "Ledgers": _any_of(Permission.QUERY_LEDGER),
    "QueryLedgers": _any_of(Permission.QUERY_LEDGER),
    "AddOrder": _any_of(Permission.MODIFY_TRADES),
    "AddOrderBatch": _REPLACE_ORDERS,
    "EditOrder": _REPLACE_ORDERS,
    "AmendOrder": _END_ORDERS,
    "CancelOrder": _END_ORDERS,
    "CancelOrderBatch": _END_ORDERS,
    "CancelAll": _END_ORDERS,
    "CancelAllOrdersAfter": _END_ORDERS,
    "GetWebSocketsToken": _any_of(Permission.CREATE_WS_TOKEN),
    "GetApiKeyInfo": (),
}
# Kraken: orders are placed and ended at no cost to the REST counter (the engine has its own); what is not
# documented as free costs 1, and history more (`HouseRules`).
_FREE: Final = frozenset(
    {"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch"}
)
_HISTORY: Final = frozenset({"ClosedOrders", "TradesHistory", "QueryTrades", "Ledgers", "QueryLedgers"})


_METHODS: Final = frozenset(_NEEDS)


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


def take_nonce(key: ApiKey, params: Params, rules: HouseRules) -> int:
    """Use up the request's nonce. Raises `EAPI:Invalid nonce`.

    Kraken: strictly above the highest one of the key, or less than the key's window below it. Whether a
    window lets the same nonce in twice is not documented; here it does not, unless the house rules say so.
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
    repeated = nonce in key.seen and not rules.window_takes_repeats
    if nonce <= max(0, key.nonce - key.nonce_window) or repeated:
        raise KrakenError("EAPI:Invalid nonce")
    key.nonce = max(nonce, key.nonce)
    if key.nonce_window:
        key.seen.add(nonce)
        if len(key.seen) > _SEEN_MOST:
            key.seen = set(sorted(key.seen)[_SEEN_MOST // 2 :])
    return nonce


def permit(key: ApiKey, method: str) -> None:
    """Raise `EGeneral:Permission denied` where the key has none of the permissions that open a method."""
    for needed in _NEEDS[method]:
        if key.permissions.isdisjoint(needed):
            raise KrakenError("EGeneral:Permission denied")


def rest_cost(method: str, rules: HouseRules) -> int:
    """What a call costs the key's REST counter."""
    if method in _FREE:
        return 0
    if method in _HISTORY:
        return rules.history_cost
    return rules.open_orders_cost if method == "OpenOrders" else 1
