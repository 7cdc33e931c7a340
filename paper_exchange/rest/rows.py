"""Rows of REST answers: orders, trades, balances, as Kraken prints them (amounts as strings, times as unix
seconds).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from krakencopy.paper_exchange.accounts.ledger import LedgerEntry
from krakencopy.paper_exchange.accounts.orders import (
    Order,
    OrderRequest,
    OrderStatus,
    Revision,
    Trade,
    average,
)
from krakencopy.paper_exchange.order_entry.order_prices import NO_PRICE, price_texts
from krakencopy.paper_exchange.values.decimals import ZERO, fixed, rounded_down
from krakencopy.paper_exchange.values.pairs import CURRENCY, Asset, Pair
from krakencopy.paper_exchange.values.sides import OrderType
from krakencopy.paper_exchange.values.time_format import unix_seconds

# OrderAmends has its times in milliseconds.
US_PER_MS: Final = 1_000


def describe(request: OrderRequest) -> str:
    """Kraken's one-line description: `buy 1.25000000 XBTUSD @ limit 37500.0`, `... @ stop loss 30000.0 ->
    limit 29900.0`.
    """
    volume = request.volume if request.cash is None else request.cash.quantize(request.pair.lot_step)
    prices = _described_prices(request.ordertype, *price_texts(request))
    lent = "" if request.leverage is None else f" with {request.leverage}:1 leverage"
    return f"{request.side} {volume:f} {request.pair.altname} @ {prices}{lent}"


def describe_close(request: OrderRequest) -> str:
    """Kraken's description of a conditional close: `close position @ stop loss 22000.0 -> limit 21000.0`;
    empty without one.
    """
    close = request.close
    if close is None:
        return ""
    return (
        "close position @ "
        f"{_described_prices(close.ordertype, close.price or NO_PRICE, close.price2 or NO_PRICE)}"
    )


def _described_prices(kind: OrderType, price: str, price2: str) -> str:
    name = str(kind)
    if kind.is_triggered:
        name = name.removesuffix("-limit").replace("-", " ")
    text = name if price == NO_PRICE else f"{name} {price}"
    return f"{text} -> limit {price2}" if price2 != NO_PRICE else text


def oflags(request: OrderRequest) -> str:
    """The flags as rows show them: the fee currency is always there."""
    fee_flag = "fcib" if request.fee_in_base else "fciq"
    if request.cash is not None:
        fee_flag = f"{fee_flag},viqc"
    return f"post,{fee_flag}" if request.post_only else fee_flag


def _misc(order: Order) -> str:
    """Kraken: what happened to an order beside its trades."""
    notes = []
    if order.triggered_us:
        notes.append("touched" if order.request.ordertype.takes_profit else "stopped")
    if order.status in {OrderStatus.CANCELED, OrderStatus.EXPIRED} and order.vol_exec:
        notes.append("partial")
    if order.amended:
        notes.append("amended")
    return ",".join(notes)


def _pair_class(pair: Pair) -> str:
    """Kraken: what rows of orders and trades call the class of their pair."""
    return "forex" if pair.base.aclass == CURRENCY else "equity_pair"


def order_row(order: Order, *, trades: bool, consolidate: bool = True) -> dict[str, Any]:
    """A row of OpenOrders, ClosedOrders or QueryOrders. `price` is the average fill price, not the limit."""
    request, pair = order.request, order.pair
    price, price2 = price_texts(request)
    row: dict[str, Any] = {
        "refid": request.refid,
        "userref": request.userref,
        "status": str(order.status),
        "opentm": unix_seconds(order.opened_us),
        "starttm": 0 if request.start_us is None else unix_seconds(request.start_us),
        "expiretm": 0 if request.expire_us is None else unix_seconds(request.expire_us),
        "descr": {
            "aclass": _pair_class(pair),
            "pair": pair.altname,
            "type": str(request.side),
            "ordertype": str(request.ordertype),
            "price": price,
            "price2": price2,
            "leverage": "none" if request.leverage is None else f"{request.leverage}:1",
            "order": describe(request),
            "close": describe_close(request),
        },
        **_amounts(order),
        "misc": _misc(order),
        "oflags": oflags(request),
        "time_in_force": str(request.time_in_force),
    }
    if request.trigger is not None:
        row["trigger"] = "last"
    if request.cl_ord_id is not None:
        row["cl_ord_id"] = request.cl_ord_id
    if not order.status.is_open:
        row["closetm"] = unix_seconds(order.closed_us)
        row["reason"] = order.reason
    if trades and order.trades:
        row["trades"] = [fill.exec_id for fill in fills_of(order.trades, consolidate=consolidate)]
    return row


def _amounts(order: Order) -> dict[str, str]:
    """Kraken: with viqc volumes are in quote and the cost is in base."""
    request, pair = order.request, order.pair
    volume, executed, cost = f"{request.volume:f}", order.vol_exec, order.cost
    cost_decimals = pair.cost_decimals
    if request.cash is not None:
        volume, executed, cost = fixed(request.cash, pair.lot_decimals), order.cost, order.vol_exec
        cost_decimals = pair.lot_decimals
    limit = request.price if request.trigger is not None and order.triggered_us else None
    return {
        "vol": volume,
        "vol_exec": fixed(executed, pair.lot_decimals),
        "cost": fixed(cost, cost_decimals),
        "fee": fixed(order.fee, pair.cost_decimals),
        "price": fixed(order.average_price, pair.display_price_decimals),
        "stopprice": fixed(order.stop_price or ZERO, pair.display_price_decimals),
        "limitprice": fixed(limit or ZERO, pair.display_price_decimals),
    }


@dataclass(frozen=True, slots=True)
class HistoricFill:
    """One row of the trade history: a trade, or all matches that one taker order made, as one.

    Kraken states fees of orders and trades in the quote currency, whatever they were taken in.
    """

    trade: Trade
    volume: Decimal
    cost: Decimal
    fee: Decimal
    ledger: tuple[LedgerEntry, ...]

    @property
    def margin(self) -> Decimal:
        """The collateral of a position that it opened; 0 of a spot trade. Not rounded."""
        leverage = self.trade.order.request.leverage
        return ZERO if leverage is None else self.cost / leverage

    @property
    def exec_id(self) -> str:
        """The trade's id; that of the first match where several are one."""
        return self.trade.exec_id

    @property
    def at_us(self) -> int:
        """When it happened."""
        return self.trade.at_us


def fills_of(trades: Iterable[Trade], *, consolidate: bool) -> list[HistoricFill]:
    """Trades as history shows them, in their order. Kraken merges a taker order's matches unless asked not
    to.
    """
    fills: list[HistoricFill] = []
    place: dict[str, int] = {}
    for trade in trades:
        index = place.get(trade.order.txid) if consolidate and not trade.maker else None
        if index is not None:
            so_far = fills[index]
            fills[index] = HistoricFill(
                so_far.trade,
                so_far.volume + trade.volume,
                so_far.cost + trade.cost,
                so_far.fee + trade.fee_in_quote,
                so_far.ledger + trade.ledger,
            )
            continue
        if not trade.maker:
            place[trade.order.txid] = len(fills)
        fills.append(HistoricFill(trade, trade.volume, trade.cost, trade.fee_in_quote, trade.ledger))
    return fills


def fill_row(fill: HistoricFill, *, ledgers: bool = False) -> dict[str, Any]:
    """A row of TradesHistory or QueryTrades."""
    trade, request = fill.trade, fill.trade.order.request
    pair = request.pair
    single = fill.volume == trade.volume
    price = trade.price if single else average(fill.cost, fill.volume)
    row = {
        "ordertxid": trade.order.txid,
        "postxid": f"TKH{trade.exec_id[3:]}",
        "pair": pair.id,
        "aclass": _pair_class(pair),
        "time": unix_seconds(trade.at_us),
        "type": str(request.side),
        "ordertype": str(request.ordertype),
        "tradeordertype": str(request.ordertype),
        "price": fixed(price, pair.display_price_decimals),
        "cost": fixed(fill.cost, pair.cost_decimals),
        "fee": fixed(fill.fee, pair.cost_decimals),
        "vol": fixed(fill.volume, pair.lot_decimals),
        "margin": fixed(fill.margin, pair.cost_decimals),
        "leverage": str(request.leverage or 0),
        "misc": "",
        "trade_id": trade.trade_id,
        "maker": trade.maker,
    }
    if request.leverage is not None:
        row["posstatus"] = "open"
    return row | {"ledgers": [entry.id for entry in fill.ledger]} if ledgers else row


def revision_row(revision: Revision, pair: Pair) -> dict[str, Any]:
    """A row of OrderAmends."""
    row: dict[str, Any] = {
        "amend_id": revision.amend_id,
        "amend_type": revision.kind,
        "order_qty": fixed(revision.volume, pair.lot_decimals),
        "remaining_qty": fixed(revision.remaining, pair.lot_decimals),
        "post_only": revision.post_only,
        "timestamp": revision.at_us // US_PER_MS,
    }
    optional = {
        "display_qty": (revision.display, pair.lot_decimals),
        "limit_price": (revision.price, pair.pair_decimals),
        "trigger_price": (revision.stop_price, pair.pair_decimals),
    }
    row |= {
        name: fixed(amount, decimals) for name, (amount, decimals) in optional.items() if amount is not None
    }
    return row if revision.reason is None else row | {"reason": revision.reason}


def ledger_row(entry: LedgerEntry, asset: str) -> dict[str, Any]:
    """A row of Ledgers or QueryLedgers; `asset` is the name that it is asked for by."""
    decimals = entry.asset.decimals
    return {
        "refid": entry.refid,
        "time": unix_seconds(entry.at_us),
        "type": str(entry.kind),
        "subtype": entry.subtype,
        "aclass": entry.asset.aclass,
        "asset": asset,
        "amount": fixed(entry.amount, decimals),
        "fee": fixed(entry.fee, decimals),
        "balance": balance_text(entry.asset, entry.balance),
    }


def balance_text(asset: Asset, amount: Decimal) -> str:
    """A balance with all decimals of its asset, rounded down: what is shown can be spent."""
    return f"{rounded_down(amount, asset.step):f}"
