"""What the control API is given: each field read and checked. A refusal names the field."""

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, Final, TypeVar

from krakencopy.paper_exchange.accounts.account import (
    TRADING_PERMISSIONS,
    Account,
    Accounts,
    ApiKey,
    Permission,
)
from krakencopy.paper_exchange.accounts.auth import decode_secret
from krakencopy.paper_exchange.accounts.orders import OrderRequest
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.order_entry.trading_conditions import Minima, PairRules
from krakencopy.paper_exchange.values import exact_json as wire_json
from krakencopy.paper_exchange.values.assumptions import FeeFlag, HouseRules, MinimumWords
from krakencopy.paper_exchange.values.catalogue import Catalogue
from krakencopy.paper_exchange.values.decimals import decimals_of, parse_plain
from krakencopy.paper_exchange.values.pairs import Asset, Pair
from krakencopy.paper_exchange.values.sides import OrderType, Side
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.values.trading_mode import PairStatus

KEY_FIELDS: Final = frozenset(
    {"key", "secret", "permissions", "nonce_window", "valid_until", "query_from", "query_to", "ip_allowlist"}
)
RULE_FIELDS: Final = frozenset(field.name for field in fields(HouseRules))

_NONCE_WINDOW_MOST: Final = 2**63
_COUNT_MOST: Final = 1_000_000
# Kraken: 2:1 to 10:1.
_LEVERAGE_LEAST: Final = 2
_LEVERAGE_MOST: Final = 10
_UNIX_S_MOST: Final = 10**11
_Choice = TypeVar("_Choice", Tier, PairStatus, FeeFlag, MinimumWords, Side)


class ControlRefusal(Exception):
    """A control request is refused with an HTTP status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def read_body(body: bytes, known: frozenset[str]) -> dict[str, Any]:
    """A JSON object with no other fields than the known ones; its numbers are text."""
    try:
        found = wire_json.loads_as_text(body)
    except (ValueError, RecursionError):
        raise ControlRefusal(400, "body: expected JSON") from None
    if not isinstance(found, dict):
        raise ControlRefusal(400, "body: expected a JSON object")
    unknown = sorted(found.keys() - known)
    if unknown:
        raise ControlRefusal(400, f"{unknown[0]}: no such field")
    return found


def whole(value: object, field: str, most: int) -> int:
    """A number from 0 to `most`."""
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20):
        raise ControlRefusal(400, f"{field}: expected a number of at least 0")
    if int(value) > most:
        raise ControlRefusal(400, f"{field}: expected at most {most}")
    return int(value)


def account_named(account_id: str, accounts: Accounts) -> Account:
    """The account of a call's path."""
    account = accounts.get(account_id)
    if account is None:
        raise ControlRefusal(404, f"no such account: {account_id}")
    return account


def flag(value: object, field: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ControlRefusal(400, f"{field}: expected true or false")
    return value


def choice(kind: type[_Choice], value: Any, field: str) -> _Choice:
    """One of a few names."""
    try:
        return kind(value)
    except ValueError:
        raise ControlRefusal(400, f"{field}: expected one of {', '.join(kind)}") from None


def asset_named(name: object, field: str, catalogue: Catalogue) -> Asset:
    """An asset, in any spelling; forms of one that have a suffix are assets of their own."""
    asset = catalogue.find_asset(name) if isinstance(name, str) else None
    if asset is None:
        raise ControlRefusal(400, f"{field}: no such asset")
    return asset


def balances(value: object, catalogue: Catalogue) -> list[tuple[Asset, Decimal]]:
    """Amounts by asset."""
    if not isinstance(value, dict):
        raise ControlRefusal(400, "balances: expected an object")
    found = []
    for name, text in value.items():
        amount = parse_plain(text) if isinstance(text, str) else None
        if amount is None:
            raise ControlRefusal(400, f"balances.{name}: expected a plain decimal of at least 0")
        found.append((asset_named(name, f"balances.{name}", catalogue), amount))
    return found


def signed(value: object, field: str) -> Decimal:
    """An amount that may be negative."""
    text = value if isinstance(value, str) else ""
    amount = parse_plain(text.removeprefix("-"))
    if amount is None:
        raise ControlRefusal(400, f"{field}: expected a plain decimal")
    return -amount if text.startswith("-") else amount


def positive(value: object, field: str) -> Decimal:
    """An amount above 0."""
    amount = parse_plain(value) if isinstance(value, str) else None
    if not amount:
        raise ControlRefusal(400, f"{field}: expected a plain decimal above 0")
    return amount


def price_of(body: dict[str, Any], field: str, pair: Pair, tick: Decimal) -> Decimal:
    """A price on the pair's grid."""
    price = positive(body.get(field), field)
    if price % tick:
        raise ControlRefusal(400, f"{field}: not a multiple of the tick size {tick:f}")
    return price.quantize(pair.price_step)


def pair_rules_of(body: dict[str, Any], pair: Pair, old: PairRules) -> PairRules:
    """A pair's rules with what a request changes about it."""
    minima, tick = old.minima, old.tick_size
    ordermin = _minimum(body, "ordermin", minima.ordermin)
    costmin = _minimum(body, "costmin", minima.costmin)
    if "tick_size" in body:
        tick = positive(body["tick_size"], "tick_size")
        if decimals_of(tick) > pair.pair_decimals:
            raise ControlRefusal(400, f"tick_size: the pair's prices have {pair.pair_decimals} decimals")
    status = choice(PairStatus, body["status"], "status") if "status" in body else old.status
    listed = flag(body["listed"], "listed") if "listed" in body else old.listed
    return PairRules(Minima(ordermin, costmin), tick, old.lot_decimals, status, listed)


def margin_order(body: dict[str, Any], catalogue: Catalogue) -> OrderRequest:
    """A market order on margin."""
    pair = catalogue.find_pair(body["pair"]) if isinstance(body.get("pair"), str) else None
    if pair is None:
        raise ControlRefusal(400, "pair: no such pair")
    volume = positive(body.get("volume"), "volume")
    if decimals_of(volume) > pair.lot_decimals:
        raise ControlRefusal(400, f"volume: more than {pair.lot_decimals} decimals")
    leverage = whole(body.get("leverage", "2"), "leverage", _LEVERAGE_MOST)
    if leverage < _LEVERAGE_LEAST:
        raise ControlRefusal(400, f"leverage: expected at least {_LEVERAGE_LEAST}")
    side = choice(Side, body.get("side"), "side")
    return OrderRequest(pair, side, OrderType.MARKET, volume.quantize(pair.lot_step), leverage=leverage)


def _minimum(body: dict[str, Any], field: str, old: Decimal) -> Decimal:
    if field not in body:
        return old
    amount = parse_plain(body[field]) if isinstance(body[field], str) else None
    if amount is None:
        raise ControlRefusal(400, f"{field}: expected a plain decimal of at least 0")
    return amount


def _rule(name: str, value: object, old: object) -> object:
    if isinstance(old, bool):
        return flag(value, name)
    if isinstance(old, FeeFlag):
        return choice(FeeFlag, value, name)
    if isinstance(old, MinimumWords):
        return choice(MinimumWords, value, name)
    return whole(value, name, _COUNT_MOST)


def change_rules(rules: HouseRules, body: dict[str, Any]) -> None:
    """Set those house rules that a request names, or none of them."""
    wanted = {name: _rule(name, value, getattr(rules, name)) for name, value in body.items()}
    for name, value in wanted.items():
        setattr(rules, name, value)


def key_of(account: Account, row: Any, where: str, now_us: int, existing: ApiKey | None = None) -> ApiKey:
    """A key as a request describes it; what is left out is as it was in `existing`, or the default."""
    if not isinstance(row, dict):
        raise ControlRefusal(400, f"{where.rstrip('.')}: expected an object")
    unknown = sorted(row.keys() - KEY_FIELDS)
    if unknown:
        raise ControlRefusal(400, f"{where}{unknown[0]}: no such field")
    name = row.get("key")
    if not isinstance(name, str) or not name or not name.isascii() or not name.isprintable():
        raise ControlRefusal(400, f"{where}key: expected printable ASCII text")
    secret = decode_secret(row["secret"]) if isinstance(row.get("secret"), str) else None
    if secret is None and existing is not None and row.get("secret") is None:
        secret = existing.secret
    if secret is None:
        raise ControlRefusal(400, f"{where}secret: expected base64")
    key = ApiKey(
        key=name,
        secret=secret,
        account=account,
        permissions=TRADING_PERMISSIONS,
        nonce_window=0,
        created_us=now_us,
        modified_us=now_us,
    )
    if existing is not None:
        key = replace(existing, secret=secret, modified_us=now_us)
    _read_bounds(key, row, where)
    return key


def _read_bounds(key: ApiKey, row: dict[str, Any], where: str) -> None:
    if "permissions" in row:
        key.permissions = _permissions(row["permissions"], where)
    if "nonce_window" in row:
        key.nonce_window = whole(row["nonce_window"], f"{where}nonce_window", _NONCE_WINDOW_MOST - 1)
    if "valid_until" in row:
        key.valid_until_us = _unix_us(row["valid_until"], f"{where}valid_until")
    if "query_from" in row:
        key.query_from_us = _unix_us(row["query_from"], f"{where}query_from")
    if "query_to" in row:
        key.query_to_us = _unix_us(row["query_to"], f"{where}query_to")
    if "ip_allowlist" in row:
        addresses = row["ip_allowlist"]
        if not isinstance(addresses, list) or not all(isinstance(item, str) for item in addresses):
            raise ControlRefusal(400, f"{where}ip_allowlist: expected a list of addresses")
        key.ip_allowlist = tuple(addresses)


def _unix_us(value: object, field: str) -> int:
    return whole(value, field, _UNIX_S_MOST) * US_PER_S


def _permissions(value: Any, where: str) -> frozenset[Permission]:
    if not isinstance(value, list):
        raise ControlRefusal(400, f"{where}permissions: expected a list")
    try:
        return frozenset(Permission(item) for item in value)
    except ValueError:
        raise ControlRefusal(
            400, f"{where}permissions: expected names out of {', '.join(Permission)}"
        ) from None


def to_json(value: Any) -> bytes:
    """An answer's body."""
    return json.dumps(value).encode()
