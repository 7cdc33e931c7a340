"""The entry point of orders to the engine, the same for REST and WebSocket: everything that places, changes
or ends them.

How to call it: make a `Caller` (who, when), give the arguments as `Params` in the spelling of REST with every
value as text, and take what the functions return; each wire makes its own answer of that. Refusals are raised
as KrakenError. Events have been sent (`Exchange.on_events`) when a function returns. The caller has
checked the key's permission (`auth.permit`).

The order of the checks: the exchange's mode and the pair's, the trading counter, arguments, precision, minima
(here); deadline, client order id, cap on open orders, funds, post-only (the engine). Kraken charges the
counter on receipt, whatever follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts import rate_limits as limits
from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.accounts.rate_limits import Action
from krakencopy.paper_exchange.engine.outcomes import Cut
from krakencopy.paper_exchange.faults.table import FaultKind, Occasion
from krakencopy.paper_exchange.order_entry import new_order as order_entry
from krakencopy.paper_exchange.order_entry.amend import amended_request, edited_request
from krakencopy.paper_exchange.order_entry.new_order import (
    REST_DEADLINE,
    WS_DEADLINE,
    BelowMinimum,
    DeadlineRule,
)
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.pairs import Pair
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import US_PER_S
from krakencopy.paper_exchange.values.trading_mode import MarketMode, check_amend, check_cancel, check_entry
from krakencopy.paper_exchange.venue.rate_charges import Caller, Charge, charge_cancels, charge_new

__all__ = [
    "REST_DEADLINE",
    "WS_DEADLINE",
    "Amended",
    "BatchLine",
    "Caller",
    "CancelAfter",
    "DeadlineRule",
    "Edited",
    "Entered",
    "add_batch",
    "add_order",
    "amend",
    "cancel",
    "cancel_after",
    "cancel_all",
    "cancel_batch",
    "edit",
    "named",
    "rate_count",
    "rate_count_most",
    "with_client_id",
]
# Kraken: a batch has 2 to 15 new orders; at most 50 are cancelled by one call.
BATCH_LEAST: Final = 2
BATCH_MOST: Final = 15
CANCEL_BATCH_MOST: Final = 50
# Kraken: a dead-man timer runs for less than a day.
CANCEL_AFTER_BELOW_S: Final = 86_400

_LINE_FIELDS_OF_BATCH: Final = ("pair", "deadline", "validate")


@dataclass(frozen=True, slots=True)
class Entered:
    """A new order; `order` is None where it was only to be validated."""

    request: OrderRequest
    order: Order | None


@dataclass(frozen=True, slots=True)
class BatchLine:
    """What came of one order of a batch: it was placed, validated (neither order nor error) or refused."""

    request: OrderRequest
    order: Order | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Amended:
    """An order under its new terms."""

    amend_id: str
    order: Order


@dataclass(frozen=True, slots=True)
class Edited:
    """The order that stands for `original` now; `order` is None where that was only to be validated."""

    request: OrderRequest
    original: Order
    order: Order | None


@dataclass(frozen=True, slots=True)
class CancelAfter:
    """The dead-man timer as it was set; `trigger_us` is None where it was disarmed."""

    current_us: int
    trigger_us: int | None


def add_order(caller: Caller, params: Params, rule: DeadlineRule = REST_DEADLINE) -> Entered:
    """AddOrder: place an order, or check it with `validate`."""
    _check_entry_mode(caller, params)
    charge_new(caller, params.values.get("pair"), limits.FIXED_COST)
    request = _parse(caller, params, rule)
    if params.flag("validate"):
        caller.exchange.engine.check(caller.account, request, caller.now_us)
        return Entered(request, None)
    cut = _cut(caller, request)
    return Entered(request, caller.exchange.place(caller.account, request, caller.now_us, cut))


def add_batch(caller: Caller, params: Params, rule: DeadlineRule = REST_DEADLINE) -> list[BatchLine]:
    """AddOrderBatch: 2 to 15 orders of one pair.

    Kraken: one line that is badly written refuses the whole batch; money that is missing refuses its line
    alone.
    """
    lines = params.rows("orders")
    if not BATCH_LEAST <= len(lines) <= BATCH_MOST or not all(isinstance(line, dict) for line in lines):
        raise invalid_arguments("orders")
    shared = {name: params.values[name] for name in _LINE_FIELDS_OF_BATCH if name in params.values}
    forms = [Params.of_json(line | shared) for line in lines]
    for form in forms:
        _check_entry_mode(caller, form)
    charge_new(caller, params.values.get("pair"), limits.batch_cost(len(forms)))
    requests = [_parse(caller, form, rule) for form in forms]
    return [_batch_line(caller, request, params.flag("validate")) for request in requests]


def _batch_line(caller: Caller, request: OrderRequest, validate: bool) -> BatchLine:
    exchange, account = caller.exchange, caller.account
    try:
        if validate:
            exchange.engine.check(account, request, caller.now_us)
            return BatchLine(request, None, None)
        order = exchange.place(account, request, caller.now_us, _cut(caller, request))
    except KrakenError as refusal:
        return BatchLine(request, None, refusal.text)
    return BatchLine(request, order, None)


def amend(caller: Caller, params: Params, rule: DeadlineRule = REST_DEADLINE) -> Amended:
    """AmendOrder: change an open order in place."""
    _check_mode(caller, check_amend)
    order = _one_order(caller.account, params)
    check_amend(caller.exchange.conditions.pair_status(order.pair))
    charge = Charge(caller, order, Action.AMEND)
    conditions, engine = caller.exchange.conditions, caller.exchange.engine
    _check_deadline(caller, params, rule)
    request = _minima_blamed(caller, lambda: amended_request(order, params, engine.prices, conditions))
    _check_entry(caller, order.pair, request.ordertype, post=request.post_only)
    # Kraken: an amend below what is filled ends the order, and costs what a cancel does.
    ends = request.volume <= order.vol_exec
    further = limits.age_cost(Action.CANCEL if ends else Action.AMEND, charge.age_us)
    amend_id = caller.exchange.amend(order, request, caller.now_us)
    charge.charge_further(further)
    return Amended(amend_id, order)


def edit(caller: Caller, params: Params, rule: DeadlineRule = REST_DEADLINE) -> Edited:
    """EditOrder: cancel an open order and place another one, under a new id, with what was changed."""
    _check_mode(caller, check_amend)
    original = _edited_order(caller.account, params)
    check_amend(caller.exchange.conditions.pair_status(original.pair))
    charge = Charge(caller, original, Action.EDIT)
    conditions, engine = caller.exchange.conditions, caller.exchange.engine
    deadline_us = _check_deadline(caller, params, rule)
    request = _minima_blamed(caller, lambda: edited_request(original, params, engine.prices, conditions))
    request = replace(request, deadline_us=deadline_us)
    _check_entry(caller, original.pair, request.ordertype, post=request.post_only)
    if params.flag("validate"):
        engine.check(caller.account, request, caller.now_us, replaced=original)
        return Edited(request, original, None)
    order = caller.exchange.replace(original, request, caller.now_us)
    charge.charge_further(limits.age_cost(Action.EDIT, charge.age_us))
    return Edited(request, original, order)


def named(account: Account, text: str) -> list[Order]:
    """The open order with this id, or all that carry this userref. Raises KrakenError where there is none."""
    if text.removeprefix("-").isdigit():
        userref = Params({"txid": text}).integer("txid")
        orders = [order for order in account.open_orders.values() if order.request.userref == userref]
        if not orders:
            raise KrakenError("EOrder:Unknown order")
        return orders
    if text not in account.orders:
        raise KrakenError("EOrder:Invalid order")
    if text not in account.open_orders:
        raise KrakenError("EOrder:Unknown order")
    return [account.open_orders[text]]


def with_client_id(account: Account, cl_ord_id: str) -> Order:
    """The open order with this client order id. Raises KrakenError where there is none."""
    order = account.open_order_of(cl_ord_id)
    if order is None:
        raise KrakenError("EOrder:Unknown order")
    return order


def cancel(caller: Caller, orders: Sequence[Order]) -> int:
    """CancelOrder: cancel open orders, each at the cost of its age; how many."""
    _check_mode(caller, check_cancel)
    charge_cancels(caller, orders, refusable=True)
    return caller.exchange.cancel(caller.account, orders, caller.now_us)


def cancel_batch(caller: Caller, params: Params) -> int:
    """CancelOrderBatch: up to 50 ids, userrefs and client order ids; those of no open order are passed
    over.
    """
    _check_mode(caller, check_cancel)
    texts = params.rows("orders") if "orders" in params.values else []
    rows = params.rows("cl_ord_ids") if "cl_ord_ids" in params.values else []
    if not 1 <= len(texts) + len(rows) <= CANCEL_BATCH_MOST:
        raise invalid_arguments("orders")
    found: dict[str, Order] = {}
    for text in texts:
        if not isinstance(text, str):
            raise invalid_arguments("orders")
        found |= {order.txid: order for order in _named_if_open(caller.account, text)}
    for row in rows:
        cl_ord_id = row.get("cl_ord_id") if isinstance(row, dict) else row
        if not isinstance(cl_ord_id, str):
            raise invalid_arguments("cl_ord_ids")
        known = caller.account.open_order_of(cl_ord_id)
        if known is not None:
            found[known.txid] = known
    if not found:
        raise KrakenError("EOrder:Unknown order")
    return _cancel_at_any_cost(caller, list(found.values()))


def cancel_all(caller: Caller) -> int:
    """CancelAll: cancel every open order of the account; how many."""
    _check_mode(caller, check_cancel)
    return _cancel_at_any_cost(caller, list(caller.account.open_orders.values()))


def cancel_after(caller: Caller, params: Params) -> CancelAfter:
    """CancelAllOrdersAfter: arm, renew or disarm (0) the account's dead-man timer."""
    timeout_s = params.integer("timeout")
    if timeout_s is None or not 0 <= timeout_s < CANCEL_AFTER_BELOW_S:
        raise invalid_arguments("timeout")
    trigger_us = caller.now_us + timeout_s * US_PER_S if timeout_s else None
    caller.exchange.cancel_all_at(caller.account, trigger_us)
    return CancelAfter(caller.now_us, trigger_us)


def rate_count(account: Account, pair: Pair, now_us: int) -> Decimal:
    """The account's trading counter of a pair, to the hundredth; 0 where it has no limits."""
    return account.counters.level(account.tier, pair, now_us)


def rate_count_most(account: Account) -> int:
    """Where the trading counter refuses."""
    return account.tier.max_rate_count


def _check_mode(caller: Caller, check: Callable[[MarketMode], None]) -> None:
    """Refuse what the exchange's mode does not let in. Raises KrakenError."""
    try:
        check(caller.exchange.conditions.mode)
    except KrakenError:
        _blame(caller, FaultKind.MARKET_MODE)
        raise


def _check_entry_mode(caller: Caller, params: Params) -> None:
    """Refuse a new order that mode or pair don't let in, before its arguments are looked at."""
    exchange, name = caller.exchange, params.values.get("pair")
    pair = exchange.catalogue.find_pair(name) if isinstance(name, str) else None
    ordertype = str(params.values.get("ordertype", ""))
    refusal = None
    if pair is not None:
        refusal = exchange.faults.market_refusal(pair, "AddOrder", caller.account.id, ordertype)
    if refusal is not None:
        caller.fired.append(FaultKind.MARKET_REFUSED)
        raise KrakenError(refusal)
    if exchange.conditions.normal:
        return
    post = "post" in [flag.strip() for flag in str(params.values.get("oflags", "")).split(",")]
    _check_entry(caller, pair, ordertype, post=post)


def _check_entry(caller: Caller, pair: Pair | None, ordertype: str, *, post: bool) -> None:
    conditions = caller.exchange.conditions
    if conditions.mode is not MarketMode.ONLINE:
        _check_mode(caller, lambda mode: check_entry(mode, ordertype, post=post))
    if pair is not None:
        check_entry(conditions.pair_status(pair), ordertype, post=post)


def _blame(caller: Caller, kind: FaultKind, pair: Pair | None = None) -> None:
    caller.fired.append(kind)
    caller.exchange.faults.blame(kind, pair)


def _parse(caller: Caller, params: Params, rule: DeadlineRule) -> OrderRequest:
    """Read an order. A deadline is measured from when the request came in, and looked at again by the
    engine.
    """
    exchange = caller.exchange

    def read() -> OrderRequest:
        return order_entry.parse_order(
            params,
            caller.admitted_us,
            exchange.engine.prices,
            exchange.conditions,
            rule,
            exchange.rules.sell_fee_default,
        )

    return _minima_blamed(caller, read)


def _minima_blamed(caller: Caller, read: Callable[[], OrderRequest]) -> OrderRequest:
    """What is read, or the refusal of what is too small in the words of the house rules."""
    exchange = caller.exchange
    try:
        return read()
    except BelowMinimum as error:
        if error.pair in exchange.conditions.engine_minima:
            _blame(caller, FaultKind.ORDERMIN, error.pair)
        raise BelowMinimum(error.what, error.pair, exchange.rules.minimum_words) from None


def _check_deadline(caller: Caller, params: Params, rule: DeadlineRule) -> int | None:
    deadline_us = order_entry.read_deadline(params, caller.admitted_us, rule)
    if deadline_us is not None and deadline_us <= caller.now_us:
        raise KrakenError("EService:Deadline elapsed")
    return deadline_us


def _cut(caller: Caller, request: OrderRequest) -> Cut | None:
    """Whether a fault ends the order early; it fires only on orders that pass all checks."""
    faults = caller.exchange.faults
    if not faults.armed(Occasion.ORDER) or request.trigger is not None or request.start_us is not None:
        return None
    caller.exchange.engine.check(caller.account, request, caller.now_us)
    fault = faults.fire(Occasion.ORDER, caller.account.id)
    if fault is None:
        return None
    caller.fired.append(fault.spec.kind)
    return Cut(fault.spec.fraction, fault.spec.cum_qty)


def _one_order(account: Account, params: Params) -> Order:
    """Kraken: an order is amended by its id or its client order id."""
    cl_ord_id = params.optional("cl_ord_id")
    if cl_ord_id is not None and "txid" not in params.values:
        return with_client_id(account, cl_ord_id)
    txid = params.required("txid")
    if txid.removeprefix("-").isdigit():
        raise KrakenError("EOrder:Invalid order")
    return named(account, txid)[0]


def _edited_order(account: Account, params: Params) -> Order:
    """Kraken: an order is edited by its id, or by a userref that no other open order carries."""
    orders = named(account, params.required("txid"))
    if len(orders) > 1:
        raise invalid_arguments("txid")
    return orders[0]


def _named_if_open(account: Account, text: str) -> list[Order]:
    try:
        return named(account, text)
    except KrakenError:
        return []


def _cancel_at_any_cost(caller: Caller, orders: Sequence[Order]) -> int:
    """Cancel orders, even where that overshoots the threshold."""
    charge_cancels(caller, orders, refusable=False)
    return caller.exchange.cancel(caller.account, orders, caller.now_us)
