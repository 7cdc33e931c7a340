"""From AmendOrder's and EditOrder's arguments to the terms that an order is to have. Pure; the order is not
touched.

AmendOrder names what it changes in the words of the WebSocket (`order_qty`, `limit_price`), EditOrder in
AddOrder's.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest, OrderStatus, Trigger
from krakencopy.paper_exchange.order_entry.new_order import (
    Prices,
    check_display,
    check_minima,
    grid_of,
    parse_pair,
    read_oflags,
    read_userref,
    read_volume,
)
from krakencopy.paper_exchange.order_entry.order_prices import Grid, price_texts, read_price, read_terms
from krakencopy.paper_exchange.order_entry.trading_conditions import Conditions
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.relative_price import Offset, parse_offset
from krakencopy.paper_exchange.values.sides import OrderType, Side

_AMENDABLE: Final = ("order_qty", "display_qty", "limit_price", "trigger_price")


def amended_request(order: Order, params: Params, prices: Prices, conditions: Conditions) -> OrderRequest:
    """What an order becomes by AmendOrder. Raises KrakenError."""
    request, pair = order.request, order.pair
    if not any(params.text(name) for name in _AMENDABLE):
        raise invalid_arguments()
    _refuse_conditional_close(request)
    if request.cash is not None or ("pair" in params.values and parse_pair(params, conditions) is not pair):
        raise invalid_arguments("pair")
    grid = grid_of(pair, prices, conditions)
    changed = request
    if params.text("order_qty"):
        changed = replace(changed, volume=read_volume(params, grid, "order_qty"))
    if params.text("trigger_price"):
        changed = replace(changed, trigger=_trigger(order, params.text("trigger_price"), grid))
    if params.text("limit_price"):
        changed = _with_limit(order, changed, params.text("limit_price"), grid)
    if params.text("display_qty"):
        if request.ordertype is not OrderType.ICEBERG:
            raise invalid_arguments("display_qty")
        changed = replace(changed, display=read_volume(params, grid, "display_qty"))
    if changed.display is not None:
        check_display(changed.display, changed.volume, "display_qty")
    if params.flag("post_only"):
        if request.ordertype.executes_as is not OrderType.LIMIT or not request.time_in_force.rests:
            raise invalid_arguments("post_only")
        changed = replace(changed, post_only=True)
    if changed.volume > order.vol_exec:
        check_minima(changed, prices, conditions.minima(pair))
    return changed


def _refuse_conditional_close(request: OrderRequest) -> None:
    """Kraken: an order with a conditional close can be neither amended nor edited."""
    if request.close is not None:
        raise KrakenError("EOrder:Invalid order")


def _trigger(order: Order, text: str, grid: Grid) -> Trigger:
    trigger = order.request.trigger
    if trigger is None or not order.waits:
        raise invalid_arguments("trigger_price")
    if trigger.trail is not None:
        trail = _offset(text, "trigger_price")
        if trail.sign != "+" or not trail.amount:
            raise invalid_arguments("trigger_price")
        return Trigger(trail=trail)
    return Trigger(read_price(text, "trigger_price", grid, grid.last, upwards=order.side is Side.BUY))


def _with_limit(order: Order, request: OrderRequest, text: str, grid: Grid) -> OrderRequest:
    if request.ordertype.executes_as is not OrderType.LIMIT:
        # As logged of a plain stop-loss.
        raise KrakenError("EOrder:Invalid limit price")
    if order.waits and request.limit_offset is not None:
        return replace(request, limit_offset=_offset(text, "limit_price"))
    reference = grid.last
    if order.waits and request.trigger is not None and request.trigger.price is not None:
        reference = request.trigger.price
    upwards = order.side is Side.BUY if order.waits else order.side is Side.SELL
    return replace(request, price=read_price(text, "limit_price", grid, reference, upwards=upwards))


def _offset(text: str, name: str) -> Offset:
    offset = parse_offset(text)
    if offset is None:
        raise invalid_arguments(name)
    return offset


def edited_request(order: Order, params: Params, prices: Prices, conditions: Conditions) -> OrderRequest:
    """The order that is to stand for another by EditOrder: what is not named stays; it has no client order
    id.

    Kraken: what was executed counts towards the new volume, and a trigger that has fired cannot be edited.
    """
    request, pair = order.request, order.pair
    if parse_pair(params, conditions) is not pair or order.triggered_us:
        raise KrakenError("EOrder:Invalid order")
    _refuse_conditional_close(request)
    if "cl_ord_id" in params.values:
        raise invalid_arguments("cl_ord_id")
    grid = grid_of(pair, prices, conditions)
    volume = read_volume(params, grid) if params.text("volume") else request.volume
    if volume <= order.vol_exec:
        raise invalid_arguments("volume")
    changed = replace(
        request,
        volume=volume - order.vol_exec,
        cl_ord_id=None,
        display=_display(request, params, grid, volume - order.vol_exec),
        start_us=request.start_us if order.status is OrderStatus.PENDING else None,
    )
    if params.text("price") or params.text("price2"):
        old, old2 = price_texts(request)
        texts = params.text("price") or old, params.text("price2") or old2
        terms = read_terms(request.ordertype, order.side, grid, *texts)
        changed = replace(changed, price=terms.price, trigger=terms.trigger, limit_offset=terms.limit_offset)
    if "oflags" in params.values:
        changed = _with_flags(changed, read_oflags(params))
    if "userref" in params.values:
        changed = replace(changed, userref=read_userref(params))
    check_minima(changed, prices, conditions.minima(pair))
    return changed


def _display(request: OrderRequest, params: Params, grid: Grid, volume: Decimal) -> Decimal | None:
    """An iceberg stays one; what it shows need not be named again."""
    if request.display is None:
        return None
    display = request.display
    if params.text("displayvol"):
        display = read_volume(params, grid, "displayvol")
    return check_display(min(display, volume), volume, "displayvol")


def _with_flags(request: OrderRequest, oflags: frozenset[str]) -> OrderRequest:
    limited = request.ordertype in {OrderType.LIMIT, OrderType.ICEBERG}
    if "viqc" in oflags or ("post" in oflags and not (limited and request.time_in_force.rests)):
        raise invalid_arguments("oflags")
    return replace(request, post_only="post" in oflags, fee_in_base="fcib" in oflags)
