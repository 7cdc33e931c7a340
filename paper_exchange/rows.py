"""Rows of REST answers: orders, trades, balances, as Kraken prints them (amounts as strings, times as unix seconds)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from paper_exchange.money import ZERO, fixed, rounded_down
from paper_exchange.orders import Order, OrderRequest, OrderStatus, Trade, average
from paper_exchange.symbols import Asset
from paper_exchange.timefmt import unix_seconds

NO_PRICE: Final = "0"


def describe(request: OrderRequest) -> str:
    """Kraken's one-line description: `buy 1.25000000 XBTUSD @ limit 37500.0`."""
    pair = request.pair
    head = f"{request.side} {request.volume:f} {pair.altname} @ {request.ordertype}"
    return head if request.price is None else f"{head} {request.price:f}"


def oflags(request: OrderRequest) -> str:
    """The flags as rows show them: the fee currency is always there."""
    fee_flag = "fcib" if request.fee_in_base else "fciq"
    return f"post,{fee_flag}" if request.post_only else fee_flag


def order_row(order: Order, *, trades: bool, consolidate: bool = True) -> dict[str, Any]:
    """A row of OpenOrders, ClosedOrders or QueryOrders. `price` is the average fill price, not the limit."""
    request, pair = order.request, order.pair
    row: dict[str, Any] = {
        "refid": None,
        "userref": request.userref,
        "status": str(order.status),
        "opentm": unix_seconds(order.opened_us),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "aclass": "forex",
            "pair": pair.altname,
            "type": str(request.side),
            "ordertype": str(request.ordertype),
            "price": NO_PRICE if request.price is None else f"{request.price:f}",
            "price2": NO_PRICE,
            "leverage": "none",
            "order": describe(request),
            "close": "",
        },
        "vol": f"{request.volume:f}",
        "vol_exec": fixed(order.vol_exec, pair.lot_decimals),
        "cost": fixed(order.cost, pair.cost_decimals),
        "fee": fixed(order.fee, pair.lot_decimals if request.fee_in_base else pair.cost_decimals),
        "price": fixed(order.average_price, pair.display_price_decimals),
        "stopprice": fixed(ZERO, pair.display_price_decimals),
        "limitprice": fixed(ZERO, pair.display_price_decimals),
        "misc": "partial" if order.status is OrderStatus.CANCELED and order.vol_exec else "",
        "oflags": oflags(request),
        "time_in_force": str(request.time_in_force),
    }
    if request.cl_ord_id is not None:
        row["cl_ord_id"] = request.cl_ord_id
    if order.status is not OrderStatus.OPEN:
        row["closetm"] = unix_seconds(order.closed_us)
        row["reason"] = order.reason
    if trades and order.trades:
        row["trades"] = [fill.exec_id for fill in fills_of(order.trades, consolidate=consolidate)]
    return row


@dataclass(frozen=True, slots=True)
class HistoricFill:
    """One row of the trade history: a trade, or all matches that one taker order made, as one."""

    trade: Trade
    volume: Decimal
    cost: Decimal
    fee: Decimal

    @property
    def exec_id(self) -> str:
        """The trade's id; that of the first match where several are one."""
        return self.trade.exec_id

    @property
    def at_us(self) -> int:
        """When it happened."""
        return self.trade.at_us


def fills_of(trades: Iterable[Trade], *, consolidate: bool) -> list[HistoricFill]:
    """Trades as history shows them, in their order. Kraken merges a taker order's matches unless told not to."""
    fills: list[HistoricFill] = []
    place: dict[str, int] = {}
    for trade in trades:
        index = place.get(trade.order.txid) if consolidate and not trade.maker else None
        if index is not None:
            so_far = fills[index]
            fills[index] = HistoricFill(
                so_far.trade, so_far.volume + trade.volume, so_far.cost + trade.cost, so_far.fee + trade.fee
            )
            continue
        if not trade.maker:
            place[trade.order.txid] = len(fills)
        fills.append(HistoricFill(trade, trade.volume, trade.cost, trade.fee))
    return fills


def fill_row(fill: HistoricFill) -> dict[str, Any]:
    """A row of TradesHistory or QueryTrades."""
    trade, request = fill.trade, fill.trade.order.request
    pair = request.pair
    single = fill.volume == trade.volume
    price = trade.price if single else average(fill.cost, fill.volume)
    return {
        "ordertxid": trade.order.txid,
        "postxid": f"TKH{trade.exec_id[3:]}",
        "pair": pair.id,
        "aclass": "forex",
        "time": unix_seconds(trade.at_us),
        "type": str(request.side),
        "ordertype": str(request.ordertype),
        "tradeordertype": str(request.ordertype),
        "price": fixed(price, pair.display_price_decimals),
        "cost": fixed(fill.cost, pair.cost_decimals),
        "fee": fixed(fill.fee, pair.lot_decimals if request.fee_in_base else pair.cost_decimals),
        "vol": fixed(fill.volume, pair.lot_decimals),
        "margin": fixed(ZERO, pair.cost_decimals),
        "leverage": "0",
        "misc": "",
        "trade_id": trade.trade_id,
        "maker": trade.maker,
    }


def balance_text(asset: Asset, amount: Decimal) -> str:
    """A balance with all decimals of its asset, rounded down: what is shown can be spent."""
    return f"{rounded_down(amount, asset.step):f}"
