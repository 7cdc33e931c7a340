"""The exchange's own control API under /paper/v1/: accounts, keys, markets, faults, and what really happened. Loopback only.

JSON in and out. 400 names the bad field, 404 an unknown thing, 409 one that exists already.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import web

from paper_exchange import fault_entry, wire_json
from paper_exchange.accounts import TRADING_PERMISSIONS, Account, ApiKey, Permission, Tier
from paper_exchange.auth import decode_secret
from paper_exchange.exchange import Exchange, FillRecord, RequestRecord
from paper_exchange.fault_entry import FaultRefused, fault_row, parse_fault
from paper_exchange.faults import FAULTS_MOST
from paper_exchange.market import quote_of
from paper_exchange.money import decimals_of, fixed, parse_plain
from paper_exchange.rows import balance_text, order_row
from paper_exchange.symbols import Asset, Pair, find_asset, find_pair

# Rows of a log in one answer; the next ones are asked for with `after`.
ROWS_MOST: Final = 100_000

_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_NONCE_WINDOW_MOST: Final = 2**63


class _Refusal(Exception):
    """A control request is refused with an HTTP status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Control:
    """The handlers of the control API."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[web.RouteDef]:
        """Where each handler is reached."""
        return [
            web.get("/paper/v1/accounts", _guarded(self._list_accounts)),
            web.post("/paper/v1/accounts", _guarded(self._add_account)),
            web.get("/paper/v1/accounts/{id}", _guarded(self._get_account)),
            web.post("/paper/v1/accounts/{id}/deposit", _guarded(self._deposit)),
            web.post("/paper/v1/accounts/{id}/keys", _guarded(self._set_key)),
            # A key may hold slashes, being base64 often.
            web.delete("/paper/v1/accounts/{id}/keys/{key:.+}", _guarded(self._delete_key)),
            web.post("/paper/v1/markets/{pair:.+}", _guarded(self._set_market)),
            web.get("/paper/v1/faults", _guarded(self._list_faults)),
            web.post("/paper/v1/faults", _guarded(self._set_fault)),
            web.delete("/paper/v1/faults", _guarded(self._lift_all_faults)),
            web.delete("/paper/v1/faults/{id}", _guarded(self._lift_fault)),
            web.get("/paper/v1/requests", _guarded(self._requests)),
            web.get("/paper/v1/fills", _guarded(self._fills)),
        ]

    async def _list_accounts(self, _request: web.Request) -> Any:
        now_us = self._now_us()
        return {"accounts": [_account_row(account, now_us) for account in self._exchange.accounts]}

    async def _get_account(self, request: web.Request) -> Any:
        return _account_row(self._account(request), self._now_us())

    async def _add_account(self, request: web.Request) -> Any:
        body = await _body(request, {"id", "tier", "balances", "keys"})
        account_id = body.get("id")
        if not isinstance(account_id, str) or not _ACCOUNT_ID.fullmatch(account_id):
            raise _Refusal(400, "id: expected 1 to 64 letters, digits, dots, dashes or underscores")
        if self._exchange.accounts.get(account_id) is not None:
            raise _Refusal(409, f"id: the account {account_id} exists already")
        account = Account(account_id, _tier(body))
        for asset, amount in _balances(body):
            account.credit(asset, amount)
        rows = body.get("keys", [])
        if not isinstance(rows, list):
            raise _Refusal(400, "keys: expected a list")
        keys = [_key(account, row, f"keys[{index}].") for index, row in enumerate(rows)]
        names = [key.key for key in keys]
        if len(set(names)) < len(names) or any(self._exchange.accounts.key(name) for name in names):
            raise _Refusal(409, "keys: a key exists already")
        self._exchange.accounts.add(account)
        for key in keys:
            self._exchange.accounts.add_key(key)
        return _account_row(account, self._now_us())

    async def _deposit(self, request: web.Request) -> Any:
        account = self._account(request)
        body = await _body(request, {"asset", "amount"})
        asset = _asset(body.get("asset"), "asset")
        amount = _signed(body.get("amount"), "amount")
        if not self._exchange.deposit(account, asset, amount):
            raise _Refusal(400, f"amount: only {balance_text(asset, account.available(asset))} are available")
        return _account_row(account, self._now_us())

    async def _set_key(self, request: web.Request) -> Any:
        account = self._account(request)
        body = await _body(request, {"key", "secret", "permissions", "nonce_window"})
        existing = self._exchange.accounts.key(body["key"]) if isinstance(body.get("key"), str) else None
        if existing is None:
            key = _key(account, body, "")
            self._exchange.accounts.add_key(key)
            return _key_row(key)
        if existing.account is not account:
            raise _Refusal(409, "key: it belongs to another account")
        self._mend(existing, _key(account, {"secret": None} | body, "", existing))
        return _key_row(existing)

    def _mend(self, key: ApiKey, wanted: ApiKey) -> None:
        """Give a key another secret, other permissions or another window; its nonce stays what it is."""
        token_dies = wanted.secret != key.secret or Permission.CREATE_WS_TOKEN not in wanted.permissions
        key.secret, key.permissions = wanted.secret, wanted.permissions
        key.nonce_window, key.modified_us = wanted.nonce_window, wanted.modified_us
        if token_dies:
            self._exchange.revoke_sessions(key)

    async def _delete_key(self, request: web.Request) -> Any:
        account = self._account(request)
        key = account.keys.get(request.match_info["key"])
        if key is None:
            raise _Refusal(404, "no such key")
        self._exchange.accounts.remove_key(key)
        self._exchange.revoke_sessions(key)
        return _key_row(key)

    async def _set_market(self, request: web.Request) -> Any:
        pair = find_pair(request.match_info["pair"])
        if pair is None:
            raise _Refusal(404, f"no such pair: {request.match_info['pair']}")
        body = await _body(request, {"price", "bid", "ask", "depth", "resume"})
        if "resume" in body:
            if body != {"resume": True}:
                raise _Refusal(400, "resume: expected true and nothing else")
            self._exchange.market.of(pair).pinned = False
        elif "price" in body:
            if body.keys() != {"price"}:
                raise _Refusal(400, "price: expected alone; bid, ask and depth are the other form")
            price = _price(body, "price", pair)
            self._exchange.pin(pair, quote_of(pair, price, price, None), self._now_us())
        else:
            bid, ask = _price(body, "bid", pair), _price(body, "ask", pair)
            if bid > ask:
                raise _Refusal(400, "bid: it is above the ask")
            depth = _positive(body["depth"], "depth") if "depth" in body else None
            if depth is not None and decimals_of(depth) > pair.lot_decimals:
                raise _Refusal(400, f"depth: more than {pair.lot_decimals} decimals")
            self._exchange.pin(pair, quote_of(pair, bid, ask, depth), self._now_us())
        market = self._exchange.market.of(pair)
        return {
            "pair": pair.altname,
            "bid": f"{market.quote.bid:f}",
            "ask": f"{market.quote.ask:f}",
            "depth": None if market.quote.depth is None else f"{market.quote.depth:f}",
            "pinned": market.pinned,
        }

    async def _list_faults(self, _request: web.Request) -> Any:
        return {"faults": [fault_row(fault) for fault in self._exchange.faults]}

    async def _set_fault(self, request: web.Request) -> Any:
        body = await _body(request, fault_entry.fields())
        if len(self._exchange.faults) >= FAULTS_MOST:
            raise _Refusal(409, f"there are {FAULTS_MOST} faults already; delete some")
        try:
            spec = parse_fault(body, lambda account: self._exchange.accounts.get(account) is not None)
        except FaultRefused as refusal:
            raise _Refusal(400, str(refusal)) from None
        return {"id": self._exchange.set_fault(spec, self._now_us()).id}

    async def _lift_all_faults(self, _request: web.Request) -> Any:
        ids = [fault.id for fault in self._exchange.faults]
        return {"deleted": self._exchange.lift_faults(ids, self._now_us())}

    async def _lift_fault(self, request: web.Request) -> Any:
        text = request.match_info["id"]
        ids = [int(text)] if text.isascii() and text.isdigit() and len(text) < 19 else []
        lifted = self._exchange.lift_faults(ids, self._now_us())
        if not lifted:
            raise _Refusal(404, f"no such fault: {text}")
        return {"deleted": lifted}

    def _now_us(self) -> int:
        return self._exchange.wall_us(_now_us())

    async def _requests(self, request: web.Request) -> Any:
        rows = self._exchange.requests.after(*_window(request))
        return {"requests": [_request_row(number, record) for number, record in rows]}

    async def _fills(self, request: web.Request) -> Any:
        rows = self._exchange.fills.after(*_window(request))
        return {"fills": [_fill_row(number, record) for number, record in rows]}

    def _account(self, request: web.Request) -> Account:
        account = self._exchange.accounts.get(request.match_info["id"])
        if account is None:
            raise _Refusal(404, f"no such account: {request.match_info['id']}")
        return account


def _guarded(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Let only loopback peers in, and turn refusals into answers."""

    async def answer(request: web.Request) -> web.Response:
        if request.remote is None or not ip_address(request.remote).is_loopback:
            return _json(403, {"error": "the control API is for loopback peers only"})
        try:
            return _json(200, await handler(request))
        except _Refusal as refusal:
            return _json(refusal.status, {"error": refusal.text})

    return answer


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=json.dumps(value).encode(), content_type="application/json")


def _now_us() -> int:
    return time.time_ns() // 1000


async def _body(request: web.Request, fields: set[str]) -> dict[str, Any]:
    try:
        body = wire_json.loads_as_text(await request.read())
    except (ValueError, RecursionError):
        raise _Refusal(400, "body: expected JSON") from None
    if not isinstance(body, dict):
        raise _Refusal(400, "body: expected a JSON object")
    unknown = sorted(body.keys() - fields)
    if unknown:
        raise _Refusal(400, f"{unknown[0]}: no such field")
    return body


def _window(request: web.Request) -> tuple[int, int]:
    after = request.query.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise _Refusal(400, "after: expected a number")
    return int(after), ROWS_MOST


def _tier(body: dict[str, Any]) -> Tier:
    try:
        return Tier(body.get("tier", Tier.INTERMEDIATE))
    except ValueError:
        raise _Refusal(400, f"tier: expected one of {', '.join(Tier)}") from None


def _asset(name: object, field: str) -> Asset:
    asset = find_asset(name) if isinstance(name, str) else None
    if asset is None:
        raise _Refusal(400, f"{field}: no such asset")
    return asset


def _balances(body: dict[str, Any]) -> list[tuple[Asset, Decimal]]:
    balances = body.get("balances", {})
    if not isinstance(balances, dict):
        raise _Refusal(400, "balances: expected an object")
    found = []
    for name, value in balances.items():
        amount = parse_plain(value) if isinstance(value, str) else None
        if amount is None:
            raise _Refusal(400, f"balances.{name}: expected a plain decimal of at least 0")
        found.append((_asset(name, f"balances.{name}"), amount))
    return found


def _signed(value: object, field: str) -> Decimal:
    text = value if isinstance(value, str) else ""
    amount = parse_plain(text.removeprefix("-"))
    if amount is None:
        raise _Refusal(400, f"{field}: expected a plain decimal")
    return -amount if text.startswith("-") else amount


def _positive(value: object, field: str) -> Decimal:
    amount = parse_plain(value) if isinstance(value, str) else None
    if not amount:
        raise _Refusal(400, f"{field}: expected a plain decimal above 0")
    return amount


def _price(body: dict[str, Any], field: str, pair: Pair) -> Decimal:
    price = _positive(body.get(field), field)
    if price % pair.tick_size:
        raise _Refusal(400, f"{field}: not a multiple of the tick size {pair.tick_size:f}")
    return price.quantize(pair.price_step)


def _key(account: Account, row: Any, where: str, existing: ApiKey | None = None) -> ApiKey:
    """A key as a request describes it; what is left out is as it was in `existing`, or the default."""
    if not isinstance(row, dict):
        raise _Refusal(400, f"{where.rstrip('.')}: expected an object")
    name = row.get("key")
    if not isinstance(name, str) or not name or not name.isascii() or not name.isprintable():
        raise _Refusal(400, f"{where}key: expected printable ASCII text")
    secret = decode_secret(row["secret"]) if isinstance(row.get("secret"), str) else None
    if secret is None and existing is not None and row.get("secret") is None:
        secret = existing.secret
    if secret is None:
        raise _Refusal(400, f"{where}secret: expected base64")
    window = row.get("nonce_window", str(existing.nonce_window) if existing is not None else "0")
    if not (
        isinstance(window, str) and window.isdigit() and len(window) < 20 and int(window) < _NONCE_WINDOW_MOST
    ):
        raise _Refusal(400, f"{where}nonce_window: expected a number of at least 0")
    now_us = _now_us()
    permissions = existing.permissions if existing is not None else TRADING_PERMISSIONS
    return ApiKey(
        key=name,
        secret=secret,
        account=account,
        permissions=_permissions(row["permissions"], where) if "permissions" in row else permissions,
        nonce_window=int(window),
        created_us=now_us,
        modified_us=now_us,
    )


def _permissions(value: Any, where: str) -> frozenset[Permission]:
    if not isinstance(value, list):
        raise _Refusal(400, f"{where}permissions: expected a list")
    try:
        return frozenset(Permission(item) for item in value)
    except ValueError:
        raise _Refusal(400, f"{where}permissions: expected names out of {', '.join(Permission)}") from None


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "permissions": sorted(str(permission) for permission in key.permissions),
        "nonce": str(key.nonce),
        "nonce_window": key.nonce_window,
    }


def _account_row(account: Account, now_us: int) -> dict[str, Any]:
    return {
        "id": account.id,
        "tier": str(account.tier),
        "balances": {asset.id: balance_text(asset, amount) for asset, amount in account.balances.items()},
        "holds": {asset.id: balance_text(asset, held) for asset, held in account.holds.items() if held},
        "open_orders": {txid: order_row(order, trades=True) for txid, order in account.open_orders.items()},
        "volume_30d_usd": fixed(account.volume_usd(now_us), 4),
        "keys": [_key_row(key) for key in account.keys.values()],
    }


def _request_row(number: int, record: RequestRecord) -> dict[str, Any]:
    return {
        "n": number,
        "received_ns": record.received_ns,
        "account": record.account,
        "key_id": record.key_id,
        "method": record.method,
        "nonce": record.nonce,
        "params": record.params,
        "outcome": record.outcome,
        "fault": record.fault,
    }


def _fill_row(number: int, record: FillRecord) -> dict[str, Any]:
    trade = record.event.trade
    assert trade is not None, "only events with a trade are recorded as fills"
    order = trade.order
    return {
        "n": number,
        "account": order.account_id,
        "txid": order.txid,
        "exec_id": trade.exec_id,
        "cl_ord_id": order.request.cl_ord_id,
        "pair": order.pair.altname,
        "side": str(order.side),
        "price": f"{trade.price:f}",
        "volume": f"{trade.volume:f}",
        "cost": f"{trade.cost:f}",
        "fee": f"{trade.fee:f}",
        "fee_asset": trade.fee_asset.id,
        "maker": trade.maker,
        "emitted_ns": record.emitted_ns,
    }
