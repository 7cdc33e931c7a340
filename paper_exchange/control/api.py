"""The exchange's own control API under /paper/v1/, JSON in and out, for loopback peers only.

400 names the bad field, 404 an unknown thing, 409 one that exists already, 403 any other peer. Amounts are
text.

* GET accounts, GET accounts/{id}: balances, holds, open orders, tier, keys (without their names and secrets)
* POST accounts `{id, tier, limits, balances, keys}`: makes one; `tier`: starter, intermediate (default), pro;
  `limits` (true): rate limits, cap on open orders, lockout
* POST accounts/{id} `{tier, limits}`: changes either; counters go on
* POST accounts/{id}/deposit `{asset, amount}`: adds to a balance, or takes away (a withdrawal); forms
  (`XBT.F`, `USD.M`, `DOT28.S`) are balances of their own
* POST accounts/{id}/move `{asset, form, amount}`: from the asset into its form, back below 0; in Ledgers and
  on the balances channel, as all that is no trade
* POST accounts/{id}/convert `{spend: {asset, amount}, receive: {asset, amount}}`: one asset for another
  outside of the book
* POST accounts/{id}/margin `{pair, side, volume, leverage}`: a market order on margin, made by hand;
  `leverage` 2 to 10 (2). It moves its fee alone
* POST accounts/{id}/keys `{key, secret, permissions, nonce_window, valid_until, query_from, query_to,
  ip_allowlist}`: makes a key, or repairs the one that exists (its nonce stays, a lockout ends); times are
  unix seconds, 0 for none; the two query bounds are shown only
* DELETE accounts/{id}/keys/{key}: forgets a key; its sockets are closed
* GET market: what moves the prices; of a live one how its feed does, and which pairs are closed for want of
  a price (`live`)
* POST markets/{pair} `{price}`, `{bid, ask, depth}`, `{resume: true}`: pins a pair's market, or lets it move
  again
* POST pairs `{base, quote, price, altname, wsname, key, aclass_base, ordermin, costmin, lot_decimals,
  pair_decimals, tick_size}`: lists a new pair, with assets that are not there yet; `aclass_base`: currency,
  tokenized_asset
* POST assets/{asset}/rename `{to, keeps_key}`: another name for an asset, its forms and pairs; its id stays
  with `keeps_key`, else the old one is gone
* GET pairs/{pair}, POST pairs/{pair} `{ordermin, costmin, tick_size, status, listed}`: what its orders must
  keep to, shown to clients as well; `status`: online, cancel_only, post_only, limit_only, reduce_only; a tick
  has no more decimals than the pair's prices; `listed` (false): clients are not shown it any more, orders
  still go through. (A minimum that clients are not shown is the fault `ordermin`, the mode of the whole
  exchange the fault `market_mode`.)
* GET rules, POST rules `{name: value}`, the same as `house`: where Kraken's documents are silent
  (`assumptions`)
* GET faults, POST faults, DELETE faults, DELETE faults/{id}: what goes wrong (`faults`)
* GET requests?after=N, GET fills?after=N: every private request, every fill: what really happened
* GET calls: how often each REST method was called, and which of them the exchange does not have
"""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import web

from krakencopy.paper_exchange.accounts.account import Account, ApiKey, Permission
from krakencopy.paper_exchange.accounts.rate_limits import Tier
from krakencopy.paper_exchange.control import fault_forms as fault_entry
from krakencopy.paper_exchange.control import forms
from krakencopy.paper_exchange.control.fault_forms import FaultRefused, fault_row, parse_fault
from krakencopy.paper_exchange.control.forms import KEY_FIELDS, RULE_FIELDS, ControlRefusal
from krakencopy.paper_exchange.control.money import MoneyControl
from krakencopy.paper_exchange.control.rows import account_row, fill_row, key_row, pair_row, request_row
from krakencopy.paper_exchange.faults.table import FAULTS_MOST
from krakencopy.paper_exchange.market.market import quote_of
from krakencopy.paper_exchange.values.decimals import decimals_of
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.venue import treasury
from krakencopy.paper_exchange.venue.exchange import Exchange

# Rows of a log in one answer; the next ones are asked for with `after`.
ROWS_MOST: Final = 100_000

_ACCOUNT_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Control:
    """The handlers of the control API."""

    def __init__(self, exchange: Exchange, market: Callable[[], dict[str, Any]]) -> None:
        self._exchange = exchange
        self._market = market
        self._money = MoneyControl(exchange, self._now_us)

    def routes(self) -> list[web.RouteDef]:
        """Where each handler is reached."""
        calls: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "accounts", self._list_accounts),
            ("POST", "accounts", self._add_account),
            ("GET", "accounts/{id}", self._get_account),
            ("POST", "accounts/{id}", self._change_account),
            ("POST", "accounts/{id}/keys", self._set_key),
            # A key may hold slashes, being base64 often.
            ("DELETE", "accounts/{id}/keys/{key:.+}", self._delete_key),
            ("GET", "market", self._get_market),
            ("POST", "markets/{pair:.+}", self._set_market),
            ("GET", "pairs/{pair:.+}", self._get_pair),
            ("POST", "pairs/{pair:.+}", self._set_pair),
            ("GET", "rules", self._get_rules),
            ("POST", "rules", self._set_rules),
            ("GET", "house", self._get_rules),
            ("POST", "house", self._set_rules),
            ("GET", "faults", self._list_faults),
            ("POST", "faults", self._set_fault),
            ("DELETE", "faults", self._lift_all_faults),
            ("DELETE", "faults/{id}", self._lift_fault),
            ("GET", "requests", self._requests),
            ("GET", "fills", self._fills),
            ("GET", "calls", self._calls),
            *self._money.calls(),
        ]
        return [web.route(method, f"/paper/v1/{path}", _guarded(handler)) for method, path, handler in calls]

    async def _list_accounts(self, _request: web.Request) -> Any:
        now_us = self._now_us()
        return {"accounts": [account_row(account, now_us) for account in self._exchange.accounts]}

    async def _get_account(self, request: web.Request) -> Any:
        return account_row(self._account(request), self._now_us())

    async def _add_account(self, request: web.Request) -> Any:
        body = await _body(request, "id", "tier", "limits", "balances", "keys")
        account_id = body.get("id")
        if not isinstance(account_id, str) or not _ACCOUNT_ID.fullmatch(account_id):
            raise ControlRefusal(400, "id: expected 1 to 64 letters, digits, dots, dashes or underscores")
        if self._exchange.accounts.get(account_id) is not None:
            raise ControlRefusal(409, f"id: the account {account_id} exists already")
        tier = forms.choice(Tier, body.get("tier", Tier.INTERMEDIATE), "tier")
        account = Account(account_id, tier, limited=forms.flag(body.get("limits", True), "limits"))
        balances = forms.balances(body.get("balances", {}), self._exchange.catalogue)
        rows = body.get("keys", [])
        if not isinstance(rows, list):
            raise ControlRefusal(400, "keys: expected a list")
        keys = [forms.key_of(account, row, f"keys[{index}].", _true_us()) for index, row in enumerate(rows)]
        names = [key.key for key in keys]
        if len(set(names)) < len(names) or any(self._exchange.accounts.key(name) for name in names):
            raise ControlRefusal(409, "keys: a key exists already")
        self._exchange.accounts.add_account(account)
        for asset, amount in balances:
            treasury.deposit(self._exchange, account, asset, amount, self._now_us())
        for key in keys:
            self._add_key(key)
        return account_row(account, self._now_us())

    async def _change_account(self, request: web.Request) -> Any:
        account = self._account(request)
        body = await _body(request, "tier", "limits")
        tier = forms.choice(Tier, body["tier"], "tier") if "tier" in body else account.tier
        limited = forms.flag(body["limits"], "limits") if "limits" in body else account.limited
        account.tier, account.limited = tier, limited
        return account_row(account, self._now_us())

    async def _set_key(self, request: web.Request) -> Any:
        account = self._account(request)
        body = await _body(request, *KEY_FIELDS)
        existing = self._exchange.accounts.key(body["key"]) if isinstance(body.get("key"), str) else None
        if existing is None:
            key = forms.key_of(account, body, "", _true_us())
            self._add_key(key)
            return key_row(key)
        if existing.account is not account:
            raise ControlRefusal(409, "key: it belongs to another account")
        self._mend(existing, forms.key_of(account, {"secret": None} | body, "", _true_us(), existing))
        return key_row(existing)

    def _add_key(self, key: ApiKey) -> None:
        self._exchange.accounts.add_key(key)
        # It may have been tried in vain before it was there.
        self._exchange.lockouts.clear(key.key)

    def _mend(self, key: ApiKey, wanted: ApiKey) -> None:
        """Give a key another secret, other permissions or other bounds; its nonce stays what it is."""
        token_dies = wanted.secret != key.secret or Permission.CREATE_WS_TOKEN not in wanted.permissions
        key.secret, key.permissions = wanted.secret, wanted.permissions
        key.nonce_window, key.modified_us = wanted.nonce_window, wanted.modified_us
        key.valid_until_us, key.ip_allowlist = wanted.valid_until_us, wanted.ip_allowlist
        key.query_from_us, key.query_to_us = wanted.query_from_us, wanted.query_to_us
        self._exchange.lockouts.clear(key.key)
        if token_dies:
            self._exchange.revoke_sessions(key)

    async def _delete_key(self, request: web.Request) -> Any:
        account = self._account(request)
        key = account.keys.get(request.match_info["key"])
        if key is None:
            raise ControlRefusal(404, "no such key")
        self._exchange.accounts.remove_key(key)
        self._exchange.revoke_sessions(key)
        return key_row(key)

    async def _get_market(self, _request: web.Request) -> Any:
        return self._market()

    async def _set_market(self, request: web.Request) -> Any:
        pair = self._pair(request)
        body = await _body(request, "price", "bid", "ask", "depth", "resume")
        tick = self._exchange.conditions.tick_of(pair)
        if "resume" in body:
            if body != {"resume": True}:
                raise ControlRefusal(400, "resume: expected true and nothing else")
            self._exchange.resume(pair, self._now_us())
        elif "price" in body:
            if body.keys() != {"price"}:
                raise ControlRefusal(400, "price: expected alone; bid, ask and depth are the other form")
            price = forms.price_of(body, "price", pair, tick)
            self._exchange.pin(pair, quote_of(pair, price, price, None), self._now_us())
        else:
            bid, ask = (forms.price_of(body, name, pair, tick) for name in ("bid", "ask"))
            if bid > ask:
                raise ControlRefusal(400, "bid: it is above the ask")
            depth = forms.positive(body["depth"], "depth") if "depth" in body else None
            if depth is not None and decimals_of(depth) > pair.lot_decimals:
                raise ControlRefusal(400, f"depth: more than {pair.lot_decimals} decimals")
            self._exchange.pin(pair, quote_of(pair, bid, ask, depth), self._now_us())
        market = self._exchange.market.of(pair)
        return {
            "pair": pair.altname,
            "bid": f"{market.quote.bid:f}",
            "ask": f"{market.quote.ask:f}",
            "depth": None if market.quote.depth is None else f"{market.quote.depth:f}",
            "pinned": market.pinned,
        }

    async def _get_pair(self, request: web.Request) -> Any:
        return pair_row(self._pair(request), self._exchange.conditions)

    async def _set_pair(self, request: web.Request) -> Any:
        pair = self._pair(request)
        body = await _body(request, "ordermin", "costmin", "tick_size", "status", "listed")
        pair_rules = forms.pair_rules_of(body, pair, self._exchange.conditions.pair_rules(pair))
        self._exchange.list_pair(pair, pair_rules, self._now_us())
        return pair_row(pair, self._exchange.conditions)

    async def _get_rules(self, _request: web.Request) -> Any:
        return asdict(self._exchange.rules)

    async def _set_rules(self, request: web.Request) -> Any:
        forms.change_rules(self._exchange.rules, await _body(request, *RULE_FIELDS))
        return asdict(self._exchange.rules)

    async def _list_faults(self, _request: web.Request) -> Any:
        return {"faults": [fault_row(fault) for fault in self._exchange.faults]}

    async def _set_fault(self, request: web.Request) -> Any:
        body = await _body(request, *fault_entry.fields())
        if len(self._exchange.faults) >= FAULTS_MOST:
            raise ControlRefusal(409, f"there are {FAULTS_MOST} faults already; delete some")
        try:
            accounts, catalogue = self._exchange.accounts, self._exchange.catalogue
            spec = parse_fault(body, lambda account: accounts.get(account) is not None, catalogue.find_pair)
        except FaultRefused as refusal:
            raise ControlRefusal(400, str(refusal)) from None
        return {"id": self._exchange.set_fault(spec, self._now_us()).id}

    async def _lift_all_faults(self, _request: web.Request) -> Any:
        ids = [fault.id for fault in self._exchange.faults]
        return {"deleted": self._exchange.lift_faults(ids, self._now_us())}

    async def _lift_fault(self, request: web.Request) -> Any:
        text = request.match_info["id"]
        ids = [int(text)] if text.isascii() and text.isdigit() and len(text) < 19 else []
        lifted = self._exchange.lift_faults(ids, self._now_us())
        if not lifted:
            raise ControlRefusal(404, f"no such fault: {text}")
        return {"deleted": lifted}

    async def _requests(self, request: web.Request) -> Any:
        rows = self._exchange.requests.after(_after(request), ROWS_MOST)
        return {"requests": [request_row(number, record) for number, record in rows]}

    async def _fills(self, request: web.Request) -> Any:
        rows = self._exchange.fills.after(_after(request), ROWS_MOST)
        return {"fills": [fill_row(number, record) for number, record in rows]}

    async def _calls(self, _request: web.Request) -> Any:
        return {"called": dict(self._exchange.called), "unknown": dict(self._exchange.unknown)}

    def _now_us(self) -> int:
        return self._exchange.wall_us(_true_us())

    def _account(self, request: web.Request) -> Account:
        return forms.account_named(request.match_info["id"], self._exchange.accounts)

    def _pair(self, request: web.Request) -> Pair:
        pair = self._exchange.catalogue.find_pair(request.match_info["pair"])
        if pair is None:
            raise ControlRefusal(404, f"no such pair: {request.match_info['pair']}")
        return pair


def _guarded(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Let only loopback peers in, and turn refusals into answers."""

    async def answer(request: web.Request) -> web.Response:
        if request.remote is None or not ip_address(request.remote).is_loopback:
            return _json(403, {"error": "the control API is for loopback peers only"})
        try:
            return _json(200, await handler(request))
        except ControlRefusal as refusal:
            return _json(refusal.status, {"error": refusal.text})

    return answer


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=forms.to_json(value), content_type="application/json")


def _true_us() -> int:
    return time.time_ns() // 1000


async def _body(request: web.Request, *fields: str) -> dict[str, Any]:
    return forms.read_body(await request.read(), frozenset(fields))


def _after(request: web.Request) -> int:
    after = request.query.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise ControlRefusal(400, "after: expected a number")
    return int(after)
