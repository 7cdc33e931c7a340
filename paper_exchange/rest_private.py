"""The private REST methods, from a request that was admitted to Kraken's `result`.

Pure: raw bytes and times come in, a result goes out (or a KrakenError), and each request is recorded. A request may wait
between `admit` (`admission`) and `act`, where a fault has it so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from paper_exchange import auth, fees, history
from paper_exchange.accounts import Account, ApiKey
from paper_exchange.admission import Admission, SignedRequest, admit, record
from paper_exchange.engine import Cut
from paper_exchange.errors import KrakenError
from paper_exchange.exchange import Exchange
from paper_exchange.faults import FaultKind, Occasion
from paper_exchange.modes import MarketMode, check_cancel, check_entry
from paper_exchange.money import ZERO, fixed
from paper_exchange.order_entry import BelowMinimum, parse_order
from paper_exchange.orders import Order, OrderRequest, OrderStatus
from paper_exchange.params import Params
from paper_exchange.past import READS, account_as_of
from paper_exchange.rest_public import asset_key, requested_pairs
from paper_exchange.rows import balance_text, describe, fill_row, fills_of, order_row
from paper_exchange.symbols import Pair, find_asset
from paper_exchange.timefmt import US_PER_S
from paper_exchange.tokens import TOKEN_LIFE_S

_log = logging.getLogger(__name__)

Result = Any

# Kraken: at most this many ids in one question.
QUERY_ORDERS_MOST: Final = 50
QUERY_TRADES_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that the engine acts on. `account` is as its reader sees it; `struck` gathers the faults that hit it."""

    exchange: Exchange
    key: ApiKey
    account: Account
    params: Params
    admitted_us: int
    now_us: int
    struck: list[FaultKind] = field(default_factory=list)


def call(exchange: Exchange, request: SignedRequest, now_us: int, fault: FaultKind | None = None) -> Result:
    """Answer a private method and record it, with the fault that strikes it. Raises KrakenError."""
    return act(exchange, admit(exchange, request, now_us), now_us, fault)


def act(exchange: Exchange, admission: Admission, now_us: int, fault: FaultKind | None = None) -> Result:
    """Do what an admitted request asks for, and record it. Raises KrakenError."""
    struck = [] if fault is None else [fault]
    outcome = "ok"
    try:
        if admission.refusal is not None:
            raise admission.refusal  # noqa: TRY301 - one place records every outcome
        assert admission.key is not None, "without a key there is a refusal"
        account = _seen_account(exchange, admission, now_us, struck)
        method = _METHODS[admission.request.method]
        return method(
            _Call(exchange, admission.key, account, admission.params, admission.admitted_us, now_us, struck)
        )
    except KrakenError as error:
        outcome = error.text
        raise
    except Exception:  # noqa: BLE001 - a fault of ours is answered and recorded like Kraken's own
        _log.exception("a private call failed: %s", admission.request.method)
        outcome = "EGeneral:Internal error"
        raise KrakenError(outcome) from None
    finally:
        record(exchange, admission, outcome, struck)


def _seen_account(exchange: Exchange, admission: Admission, now_us: int, struck: list[FaultKind]) -> Account:
    """The account as it is, or as it was a while ago where a fault lets this read trail the engine."""
    assert admission.key is not None, "the caller looked first"
    account, method = admission.key.account, admission.request.method
    if method not in READS or not exchange.faults.armed(Occasion.READ):
        return account
    fault = exchange.faults.strike(Occasion.READ, account.id, method)
    if fault is None:
        return account
    struck.append(fault.spec.kind)
    return account_as_of(account, now_us - fault.lag_us(account.id), now_us)


def _balance(call: _Call) -> Result:
    return {
        asset_key(asset, call.params): balance_text(asset, amount)
        for asset, amount in call.account.balances.items()
    }


def _balance_ex(call: _Call) -> Result:
    return {
        asset_key(asset, call.params): {
            "balance": balance_text(asset, amount),
            "hold_trade": balance_text(asset, call.account.held(asset)),
        }
        for asset, amount in call.account.balances.items()
    }


def _trade_balance(call: _Call) -> Result:
    asset = find_asset(call.params.text("asset") or "ZUSD")
    if asset is None:
        raise KrakenError("EQuery:Unknown asset")
    market = call.exchange.market
    worth = sum((market.value(held, amount, asset) for held, amount in call.account.balances.items()), ZERO)
    equity, nothing = fixed(worth, 4), fixed(ZERO, 4)
    # Without margin there is nothing but the worth of what is owned, and no margin level.
    row = dict.fromkeys(("eb", "tb", "m", "uv", "n", "c", "v", "e", "mf"), nothing)
    return row | dict.fromkeys(("eb", "tb", "e", "mf"), equity)


def _add_order(call: _Call) -> Result:
    _check_mode(call, lambda mode: check_entry(mode, call.params))
    request = _parse_order(call)
    result: dict[str, Any] = {"descr": {"order": describe(request)}}
    if call.params.flag("validate"):
        call.exchange.engine.check(call.account, request, call.now_us)
    else:
        cut = _cut(call, request)
        result["txid"] = [call.exchange.place(call.account, request, call.now_us, cut).txid]
    return result


def _check_mode(call: _Call, check: Callable[[MarketMode], None]) -> None:
    """Refuse what the trading mode does not let in. Raises KrakenError."""
    try:
        check(call.exchange.conditions.mode)
    except KrakenError:
        _blame(call, FaultKind.MARKET_MODE)
        raise


def _blame(call: _Call, kind: FaultKind, pair: Pair | None = None) -> None:
    call.struck.append(kind)
    call.exchange.faults.blame(kind, pair)


def _parse_order(call: _Call) -> OrderRequest:
    """Read the order. A deadline is measured from when the request came in, and looked at again by the engine."""
    exchange = call.exchange
    try:
        return parse_order(
            call.params, call.admitted_us, exchange.engine.best_price, exchange.conditions.minima
        )
    except BelowMinimum as error:
        if error.pair in exchange.conditions.engine_minima:
            _blame(call, FaultKind.ORDERMIN, error.pair)
        raise


def _cut(call: _Call, request: OrderRequest) -> Cut | None:
    """Whether a fault ends the order early; it strikes only orders that pass all checks."""
    faults = call.exchange.faults
    if not faults.armed(Occasion.ORDER):
        return None
    call.exchange.engine.check(call.account, request, call.now_us)
    fault = faults.strike(Occasion.ORDER, call.account.id)
    if fault is None:
        return None
    call.struck.append(fault.spec.kind)
    return Cut(fault.spec.fraction, fault.spec.cum_qty)


def _cancel_order(call: _Call) -> Result:
    _check_mode(call, check_cancel)
    return {"count": call.exchange.cancel(call.account, _orders_to_cancel(call), call.now_us)}


def _orders_to_cancel(call: _Call) -> list[Order]:
    """Kraken: `cl_ord_id`, or `txid` with an order id or a userref, which cancels all orders that carry it."""
    account = call.account
    cl_ord_id = call.params.optional("cl_ord_id")
    if cl_ord_id is not None and "txid" not in call.params.values:
        order = account.open_order_of(cl_ord_id)
        if order is None:
            raise KrakenError("EOrder:Unknown order")
        return [order]
    txid = call.params.required("txid")
    if txid.removeprefix("-").isdigit():
        userref = call.params.integer("txid")
        orders = [order for order in account.open_orders.values() if order.request.userref == userref]
        if not orders:
            raise KrakenError("EOrder:Unknown order")
        return orders
    if txid not in account.orders:
        raise KrakenError("EOrder:Invalid order")
    if txid not in account.open_orders:
        raise KrakenError("EOrder:Unknown order")
    return [account.open_orders[txid]]


def _cancel_all(call: _Call) -> Result:
    account = call.account
    _check_mode(call, check_cancel)
    return {"count": call.exchange.cancel(account, account.open_orders.values(), call.now_us)}


def _row(call: _Call, order: Order) -> dict[str, Any]:
    consolidate = call.params.flag("consolidate_taker", default=True)
    return order_row(order, trades=call.params.flag("trades"), consolidate=consolidate)


def _open_orders(call: _Call) -> Result:
    matches = history.matching(call.params)
    newest_first = reversed(call.account.open_orders.values())
    return {"open": {order.txid: _row(call, order) for order in newest_first if matches(order)}}


def _closed_orders(call: _Call) -> Result:
    page = history.closed_orders(call.account, call.params)
    result: dict[str, Any] = {"closed": {order.txid: _row(call, order) for order in page.rows}}
    if not call.params.flag("without_count"):
        result["count"] = page.count
    return result


def _query_orders(call: _Call) -> Result:
    matches = history.matching(call.params)
    orders = [
        order
        for txid in call.params.ids("txid", QUERY_ORDERS_MOST)
        if (order := call.account.orders.get(txid)) is not None and matches(order)
    ]
    for order in orders:
        # Kraken: open orders need one permission, closed ones the other.
        auth.permit(call.key, "OpenOrders" if order.status is OrderStatus.OPEN else "ClosedOrders")
    return {order.txid: _row(call, order) for order in orders}


def _trades_history(call: _Call) -> Result:
    page = history.past_fills(call.account, call.params)
    result: dict[str, Any] = {"trades": {fill.exec_id: fill_row(fill) for fill in page.rows}}
    if not call.params.flag("without_count"):
        result["count"] = page.count
    return result


def _query_trades(call: _Call) -> Result:
    asked = call.params.ids("txid", QUERY_TRADES_MOST)
    if any(txid in call.account.orders for txid in asked):
        # Kraken: an order's id is no trade's id.
        raise KrakenError("EOrder:Invalid order")
    fills = {fill.exec_id: fill for fill in fills_of(call.account.trades, consolidate=False)}
    return {txid: fill_row(fills[txid]) for txid in asked if txid in fills}


def _trade_volume(call: _Call) -> Result:
    volume = call.account.volume_usd(call.now_us)
    result: dict[str, Any] = {"currency": "ZUSD", "volume": fixed(volume, 4)}
    if call.params.text("pair"):
        pairs = list(requested_pairs(call.params))
        result["fees"] = {pair.id: _fee_row(fees.tier_index(volume), maker=False) for pair in pairs}
        result["fees_maker"] = {pair.id: _fee_row(fees.tier_index(volume), maker=True) for pair in pairs}
    return result


def _fee_row(index: int, *, maker: bool) -> dict[str, str | None]:
    percents = [tier.maker if maker else tier.taker for tier in fees.SCHEDULE]
    top = index + 1 == len(fees.SCHEDULE)
    return {
        "fee": fixed(percents[index], 4),
        "minfee": fixed(percents[-1], 4),
        "maxfee": fixed(percents[0], 4),
        "nextfee": None if top else fixed(percents[index + 1], 4),
        "nextvolume": None if top else fixed(fees.SCHEDULE[index + 1].volume, 4),
        "tiervolume": fixed(fees.SCHEDULE[index].volume, 4),
    }


def _web_sockets_token(call: _Call) -> Result:
    token = call.exchange.tokens.mint(call.key, call.exchange.true_us(call.now_us))
    return {"token": token.text, "expires": TOKEN_LIFE_S}


def _api_key_info(call: _Call) -> Result:
    key = call.key
    return {
        "apiKeyName": key.key_id,
        "apiKey": key.key,
        "nonce": str(key.nonce),
        "nonceWindow": key.nonce_window,
        "permissions": sorted(str(permission) for permission in key.permissions),
        "iban": f"PAPER {call.account.id}",
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": str(key.created_us // US_PER_S),
        "modifiedTime": str(key.modified_us // US_PER_S),
        "ipAllowlist": [],
        "lastUsed": str(key.last_used_us // US_PER_S),
    }


_METHODS: Final[dict[str, Callable[[_Call], Result]]] = {
    "Balance": _balance,
    "BalanceEx": _balance_ex,
    "TradeBalance": _trade_balance,
    "AddOrder": _add_order,
    "CancelOrder": _cancel_order,
    "CancelAll": _cancel_all,
    "OpenOrders": _open_orders,
    "ClosedOrders": _closed_orders,
    "QueryOrders": _query_orders,
    "QueryTrades": _query_trades,
    "TradesHistory": _trades_history,
    "TradeVolume": _trade_volume,
    "GetWebSocketsToken": _web_sockets_token,
    "GetApiKeyInfo": _api_key_info,
}
assert _METHODS.keys() == auth.methods(), "every private method has an entry in the permission map"
