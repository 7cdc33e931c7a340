"""Rows of the WebSocket's executions channel: full ones at first, sparse ones later, as Kraken sends them.

Numbers are Decimals and leave as JSON numbers (`wire_json`). Asset names are the v2 ones.
"""

from decimal import Decimal
from typing import Any, Final

from paper_exchange.accounts import Account
from paper_exchange.market import Market
from paper_exchange.money import ZERO, rounded, unit
from paper_exchange.orders import ExecType, Order, OrderEvent, Trade, average
from paper_exchange.timefmt import rfc3339

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
}


def event_row(event: OrderEvent, market: Market) -> dict[str, Any]:
    """The row of an update. Only pending_new tells the whole order; new and filled carry ids and time alone."""
    order = event.order
    if event.kind is ExecType.PENDING_NEW:
        return full_event_row(event)
    row = _ids(order)
    row["exec_type"] = str(event.kind)
    row["order_status"] = _STATUS[event.kind]
    row["timestamp"] = rfc3339(event.at_us)
    if event.trade is not None:
        row |= _trade_fields(event.trade, market)
        row |= _totals(event)
    elif event.kind is ExecType.CANCELED:
        if event.tells_totals:
            row |= _totals(event)
        row["reason"] = row["cancel_reason"] = order.reason
    return row


def full_event_row(event: OrderEvent) -> dict[str, Any]:
    """Every field of the order: pending_new, or `new` for a subscriber that is not told of pending_new."""
    row = _whole_order(event.order)
    row |= {
        "exec_type": str(event.kind),
        "order_status": _STATUS[event.kind],
        "cum_cost": event.cum_cost,
        "timestamp": rfc3339(event.at_us),
    }
    return row


def open_order_row(order: Order) -> dict[str, Any]:
    """An open order in a snapshot."""
    row = _whole_order(order)
    row |= {
        "exec_type": "new",
        "order_status": "partially_filled" if order.vol_exec else "new",
        "cum_qty": order.vol_exec,
        "cum_cost": order.cost,
        "avg_price": _average_price(order, order.cost, order.vol_exec),
        "timestamp": rfc3339(order.trades[-1].at_us if order.trades else order.opened_us),
    }
    return row


def past_trade_row(trade: Trade, market: Market) -> dict[str, Any]:
    """A fill in a snapshot; captured ones have no totals and no timestamp, and say `filled`."""
    row = _ids(trade.order)
    row["order_userref"] = trade.order.request.userref or 0
    row |= {"exec_type": "trade", "order_status": "filled"}
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


def tells(event: OrderEvent, *, order_status: bool) -> bool:
    """Whether a subscriber hears of an event. Kraken: without order_status only new, filled, canceled and trades."""
    return order_status or event.kind is not ExecType.PENDING_NEW


def _ids(order: Order) -> dict[str, Any]:
    row: dict[str, Any] = {"order_id": order.txid}
    if order.request.userref is not None:
        row["order_userref"] = order.request.userref
    return row


def _whole_order(order: Order) -> dict[str, Any]:
    request = order.request
    row: dict[str, Any] = {"order_id": order.txid, "order_userref": request.userref or 0}
    if request.cl_ord_id is not None:
        row["cl_ord_id"] = request.cl_ord_id
    row |= {
        "symbol": order.pair.symbol,
        "side": str(request.side),
        "order_type": str(request.ordertype),
        "order_qty": request.volume,
        "time_in_force": request.time_in_force.upper(),
        "stop_price": _ZERO_PRICE,
        "fee_usd_equiv": _ZERO_PRICE,
        "fee_ccy_pref": "fcib" if request.fee_in_base else "fciq",
    }
    if request.price is not None:
        row |= {"limit_price_type": "static", "limit_price": request.price}
    if request.post_only:
        row["post_only"] = True
    return row


def _trade_fields(trade: Trade, market: Market) -> dict[str, Any]:
    request = trade.order.request
    return {
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


def _totals(event: OrderEvent) -> dict[str, Any]:
    return {
        "cum_qty": event.cum_qty,
        "cum_cost": event.cum_cost,
        "avg_price": _average_price(event.order, event.cum_cost, event.cum_qty),
    }


def _average_price(order: Order, cost: Decimal, volume: Decimal) -> Decimal:
    step = unit(order.pair.display_price_decimals)
    return rounded(average(cost, volume), step) if volume else ZERO
