"""Rows of the WebSocket's executions channel: full ones at first, sparse ones later, as Kraken sends them.

Numbers are Decimals and leave as JSON numbers (`wire_json`). Asset names are the v2 ones.
"""

from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.accounts.account import Account
from krakencopy.paper_exchange.accounts.orders import (
    CloseTerms,
    ExecType,
    Order,
    OrderEvent,
    OrderStatus,
    Trade,
    average,
)
from krakencopy.paper_exchange.market.market import Market
from krakencopy.paper_exchange.values.decimals import ZERO, rounded, unit
from krakencopy.paper_exchange.values.relative_price import Offset, parse_offset
from krakencopy.paper_exchange.values.time_format import rfc3339

# Kraken: a snapshot carries the last 50 fills.
SNAPSHOT_TRADES: Final = 50

_ZERO_PRICE: Final = Decimal("0.0")
_USD_STEP: Final = unit(4)
_STATUS: Final = {
    ExecType.PENDING_NEW: "pending_new",
    ExecType.NEW: "new",
    # Kraken: a trade says partially_filled even when it filled the order; the `filled` marker follows.
    ExecType.TRADE: "partially_filled",
    ExecType.FILLED: "filled",
    ExecType.CANCELED: "canceled",
    ExecType.EXPIRED: "expired",
}
# Kraken: without order_status only these are sent, and trades, which are no change of status.
_OPEN_AND_CLOSE: Final = frozenset(
    {ExecType.NEW, ExecType.TRADE, ExecType.FILLED, ExecType.CANCELED, ExecType.EXPIRED}
)


def event_row(event: OrderEvent, market: Market) -> dict[str, Any]:
    """The row of an update. Only pending_new has the whole order; new and filled carry ids and time
    alone.
    """
    order = event.order
    if event.kind is ExecType.PENDING_NEW:
        return full_event_row(event)
    row = _ids(order)
    row["exec_type"] = str(event.kind)
    row["order_status"] = _status(event)
    row["timestamp"] = rfc3339(event.at_us)
    if event.trade is not None:
        row |= _trade_fields(event.trade, market)
        row |= _totals(event)
    elif event.kind in {ExecType.CANCELED, ExecType.EXPIRED}:
        if event.tells_totals:
            row |= _totals(event)
            row["fee_usd_equiv"] = _fee_usd(order, market)
        # Kraken: cancel_reason is deprecated, and still there.
        row["reason"] = row["cancel_reason"] = order.reason
    elif event.kind in {ExecType.AMENDED, ExecType.RESTATED}:
        row |= _amended_fields(event)
    elif event.kind is ExecType.STATUS:
        row |= _trigger_fields(order)
    elif event.kind is ExecType.ICEBERG_REFILL:
        row |= _iceberg_fields(order)
    return row


def full_event_row(event: OrderEvent) -> dict[str, Any]:
    """Every field of the order: pending_new, or `new` for a subscriber that is not sent pending_new."""
    row = _whole_order(event.order)
    row |= {
        "exec_type": str(event.kind),
        "order_status": _status(event),
        "cum_cost": event.cum_cost,
        "timestamp": rfc3339(event.at_us),
    }
    return row


def open_order_row(order: Order) -> dict[str, Any]:
    """An open order in a snapshot."""
    row = _whole_order(order)
    status = "partially_filled" if order.vol_exec else "new"
    if order.status is OrderStatus.PENDING:
        status = "pending_new"
    row |= {
        "exec_type": "pending_new" if order.status is OrderStatus.PENDING else "new",
        "order_status": status,
        "amended": order.amended,
        "cum_qty": order.vol_exec,
        "cum_cost": order.cost,
        "avg_price": _average_price(order, order.cost, order.vol_exec),
        "timestamp": rfc3339(order.trades[-1].at_us if order.trades else order.opened_us),
    }
    return row


def past_trade_row(trade: Trade, market: Market) -> dict[str, Any]:
    """A fill in a snapshot; captured ones have no totals, and say `filled`."""
    row = _ids(trade.order)
    row |= {"exec_type": "trade", "order_status": "filled", "timestamp": rfc3339(trade.at_us)}
    row |= _trade_fields(trade, market)
    return row


def snapshot_rows(account: Account, market: Market, *, orders: bool, trades: bool) -> list[dict[str, Any]]:
    """What a subscription begins with: open orders, and the last 50 fills, oldest first."""
    rows: list[dict[str, Any]] = []
    if orders:
        rows += [open_order_row(order) for order in account.open_orders.values()]
    if trades:
        rows += [past_trade_row(trade, market) for trade in account.trades[-SNAPSHOT_TRADES:]]
    return rows


def is_sent(event: OrderEvent, *, order_status: bool) -> bool:
    """Whether a subscriber is sent an event. Kraken: without order_status only what opens and closes,
    and of trades.
    """
    return order_status or event.kind in _OPEN_AND_CLOSE


def _status(event: OrderEvent) -> str:
    return _STATUS.get(event.kind) or ("partially_filled" if event.cum_qty else "new")


def _ids(order: Order) -> dict[str, Any]:
    """Kraken: the client's own id is in every row, order_userref (0 where it gave none) only without one."""
    request = order.request
    if request.cl_ord_id is not None:
        return {"order_id": order.txid, "cl_ord_id": request.cl_ord_id}
    return {"order_id": order.txid, "order_userref": request.userref or 0}


def _whole_order(order: Order) -> dict[str, Any]:
    request = order.request
    row = _ids(order)
    row |= {
        "symbol": order.pair.symbol,
        "side": str(request.side),
        "order_type": str(request.ordertype),
    }
    if request.cash is not None:
        row["cash_order_qty"] = request.cash
    row |= {
        "order_qty": request.volume,
        "time_in_force": request.time_in_force.upper(),
        "stop_price": _ZERO_PRICE,
        "fee_usd_equiv": _ZERO_PRICE,
        "fee_ccy_pref": "fcib" if request.fee_in_base else "fciq",
    }
    row |= _limit_fields(order)
    row |= _trigger_fields(order)
    row |= _iceberg_fields(order)
    if request.leverage is not None:
        row["margin"] = True
    if request.post_only:
        row["post_only"] = True
    if request.start_us is not None:
        row["effective_time"] = rfc3339(request.start_us)
    if request.expire_us is not None:
        row["expire_time"] = rfc3339(request.expire_us)
    if request.refid is not None:
        row["ord_ref_id"] = request.refid
    if request.close is not None:
        row["contingent"] = _contingent(request.close)
    return row


def _limit_fields(order: Order) -> dict[str, Any]:
    """The limit: a price, or a trailing order's distance from the price that triggers it."""
    request = order.request
    if request.price is not None:
        return {"limit_price_type": "static", "limit_price": request.price}
    if request.limit_offset is not None:
        kind, amount = _relative(request.limit_offset)
        return {"limit_price_type": kind, "limit_price": amount}
    return {}


def _trigger_fields(order: Order) -> dict[str, Any]:
    """What the order waits for, or waited. Kraken: stop_price and trigger are deprecated, and still there."""
    trigger = order.request.trigger
    if trigger is None:
        return {}
    kind, amount = ("static", trigger.price) if trigger.trail is None else _relative(trigger.trail)
    fields: dict[str, Any] = {
        "reference": "last",
        "price": amount,
        "price_type": kind,
        "status": "untriggered" if order.waits else "triggered",
    }
    if order.stop_price is not None:
        fields["actual_price"] = order.stop_price
    if order.peak is not None:
        fields["peak_price"] = order.peak
    if order.triggered_us:
        fields["timestamp"] = rfc3339(order.triggered_us)
    return {"triggers": fields, "stop_price": order.stop_price or _ZERO_PRICE, "trigger": "last"}


def _relative(offset: Offset) -> tuple[str, Decimal]:
    """Kraken: a relative price is a percentage or an amount of quote, negative where it is below."""
    return ("pct" if offset.percent else "quote"), (-offset.amount if offset.sign == "-" else offset.amount)


def _iceberg_fields(order: Order) -> dict[str, Any]:
    display = order.request.display
    if display is None:
        return {}
    return {"display_qty": display, "display_qty_remain": min(order.shown, order.remaining)}


def _contingent(close: CloseTerms) -> dict[str, Any]:
    """The template of the orders that fills will place: `price` is the trigger's where there is one, else
    the limit.
    """
    row: dict[str, Any] = {"order_type": str(close.ordertype)}
    first, second = ("trigger_price", "limit_price") if close.ordertype.is_triggered else ("limit_price", "")
    for name, text in ((first, close.price), (second, close.price2)):
        if name and text:
            offset = parse_offset(text)
            kind, amount = ("static", Decimal(text)) if offset is None else _relative(offset)
            row |= {name: amount, f"{name}_type": kind}
    return row


def _amended_fields(event: OrderEvent) -> dict[str, Any]:
    """The order's new terms."""
    order = event.order
    row: dict[str, Any] = {
        "cum_qty": event.cum_qty,
        "reason": event.reason,
        "amended": True,
        "order_qty": order.request.volume,
    }
    return row | _limit_fields(order) | _trigger_fields(order) | _iceberg_fields(order)


def _trade_fields(trade: Trade, market: Market) -> dict[str, Any]:
    request = trade.order.request
    position = {} if request.leverage is None else {"margin_borrow": True, "position_status": "opened"}
    return position | {
        "exec_id": trade.exec_id,
        "trade_id": trade.trade_id,
        "symbol": request.pair.symbol,
        "side": str(request.side),
        "order_type": str(request.ordertype),
        "last_qty": trade.volume,
        "last_price": trade.price,
        "liquidity_ind": "m" if trade.maker else "t",
        "cost": trade.cost,
        "fee_usd_equiv": rounded(trade.fee * market.usd_price(trade.fee_asset), _USD_STEP),
        "fees": [{"asset": trade.fee_asset.name, "qty": trade.fee}],
    }


def _fee_usd(order: Order, market: Market) -> Decimal:
    return rounded(order.fee * market.usd_price(order.pair.quote), _USD_STEP)


def _totals(event: OrderEvent) -> dict[str, Any]:
    return {
        "cum_qty": event.cum_qty,
        "cum_cost": event.cum_cost,
        "avg_price": _average_price(event.order, event.cum_cost, event.cum_qty),
    }


def _average_price(order: Order, cost: Decimal, volume: Decimal) -> Decimal:
    step = unit(order.pair.display_price_decimals)
    return rounded(average(cost, volume), step) if volume else ZERO
