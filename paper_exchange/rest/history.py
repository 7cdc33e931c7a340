"""The private REST methods that read orders, trades and the ledger."""

from typing import Any, Final

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.accounts.orders import Order
from krakencopy.paper_exchange.rest import paging as history
from krakencopy.paper_exchange.rest.public import asset_key
from krakencopy.paper_exchange.rest.rows import fill_row, fills_of, ledger_row, order_row, revision_row
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.venue.private_call import Call, Result

# Kraken: at most this many ids in one question.
QUERY_ORDERS_MOST: Final = 50
QUERY_TRADES_MOST: Final = 20
QUERY_LEDGERS_MOST: Final = 20


def _row(call: Call, order: Order) -> dict[str, Any]:
    consolidate = call.params.flag("consolidate_taker", default=True)
    return order_row(order, trades=call.params.flag("trades"), consolidate=consolidate)


def _counted(call: Call, name: str, rows: dict[str, Any], count: int) -> Result:
    """A page, with how many rows match in all unless that was not wanted."""
    result: dict[str, Any] = {name: rows}
    return result if call.params.flag("without_count") else result | {"count": count}


def open_orders(call: Call) -> Result:
    """All open orders, newest first; scheduled ones are among them."""
    matches = history.matching(call.params)
    newest_first = reversed(call.account.open_orders.values())
    return {"open": {order.txid: _row(call, order) for order in newest_first if matches(order)}}


def closed_orders(call: Call) -> Result:
    """A page of the orders that have ended."""
    page = history.closed_orders(call.account, call.params)
    return _counted(call, "closed", {order.txid: _row(call, order) for order in page.rows}, page.count)


def query_orders(call: Call) -> Result:
    """Orders by their ids; those that don't exist are left out. A client order id only filters."""
    matches = history.matching(call.params)
    orders = [order for order in _asked_orders(call) if matches(order)]
    for order in orders:
        # Kraken: open orders need one permission, closed ones the other.
        auth.permit(call.key, "OpenOrders" if order.status.is_open else "ClosedOrders")
    return {order.txid: _row(call, order) for order in orders}


def _asked_orders(call: Call) -> list[Order]:
    known = call.account.orders
    if call.exchange.rules.query_by_client_id and "txid" not in call.params.values:
        call.params.required("cl_ord_id")
        return list(known.values())
    asked = call.params.ids("txid", QUERY_ORDERS_MOST)
    return [known[txid] for txid in asked if txid in known]


def order_amends(call: Call) -> Result:
    """The terms that an order had and has, oldest first; one row where it was never amended."""
    order = call.account.orders.get(call.params.required("order_id"))
    if order is None:
        raise KrakenError("EOrder:Invalid order")
    auth.permit(call.key, "OpenOrders" if order.status.is_open else "ClosedOrders")
    rows = [revision_row(revision, order.pair) for revision in history.revisions(order)]
    return {"count": len(rows), "amends": rows}


def trades_history(call: Call) -> Result:
    """A page of fills."""
    page, ledgers = history.past_fills(call.account, call.params), call.params.flag("ledgers")
    rows = {fill.exec_id: fill_row(fill, ledgers=ledgers) for fill in page.rows}
    return _counted(call, "trades", rows, page.count)


def query_trades(call: Call) -> Result:
    """Fills by their ids; those that don't exist are left out."""
    asked = call.params.ids("txid", QUERY_TRADES_MOST)
    if any(txid in call.account.orders for txid in asked):
        # Kraken: an order's id is no trade's id.
        raise KrakenError("EOrder:Invalid order")
    fills = {fill.exec_id: fill for fill in fills_of(call.account.trades, consolidate=False)}
    ledgers = call.params.flag("ledgers")
    return {txid: fill_row(fills[txid], ledgers=ledgers) for txid in asked if txid in fills}


def open_positions(call: Call) -> Result:
    """Positions are margin; an account that trades spot has none."""
    consolidation = call.params.text("consolidation")
    if consolidation not in {"", "market"}:
        raise invalid_arguments("consolidation")
    # Kraken: a map by id; consolidated, there are no ids, and it is a list.
    return [] if consolidation else {}


def ledgers(call: Call) -> Result:
    """A page of the ledger."""
    page = history.ledger_entries(call.account, call.params, call.exchange.catalogue)
    rows = {entry.id: ledger_row(entry, asset_key(entry.asset, call.params)) for entry in page.rows}
    return _counted(call, "ledger", rows, page.count)


def query_ledgers(call: Call) -> Result:
    """Ledger entries by their ids; those that don't exist are left out."""
    asked = set(call.params.ids("id", QUERY_LEDGERS_MOST))
    return {
        entry.id: ledger_row(entry, asset_key(entry.asset, call.params))
        for entry in call.account.ledger
        if entry.id in asked
    }
