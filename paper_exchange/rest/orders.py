"""The private REST methods that place, change and end orders: Kraken's results around `trading`."""

from typing import Any

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.order_entry.order_prices import price_texts
from krakencopy.paper_exchange.rest.rows import describe, describe_close
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.pairs import CURRENCY
from krakencopy.paper_exchange.values.time_format import rfc3339_seconds
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue.private_call import Call, Result


def add_order(call: Call) -> Result:
    """The description of the order, and its id unless it was only validated."""
    _check_class(call)
    entered = trading.add_order(call.caller, call.params)
    result: dict[str, Any] = {"descr": _descr(entered.request)}
    if entered.order is not None:
        result["txid"] = [entered.order.txid]
    return result


def add_order_batch(call: Call) -> Result:
    """A row for each order, in their order. Kraken: here the id is a plain text."""
    _check_class(call)
    return {"orders": [_batch_row(line) for line in trading.add_batch(call.caller, call.params)]}


def _check_class(call: Call) -> None:
    """Kraken: an order of a tokenised stock names its class. What is answered to one that does not is not
    documented.
    """
    pair = call.exchange.catalogue.find_pair(call.params.text("pair"))
    if pair is not None and (call.params.text("asset_class") or CURRENCY) != pair.base.aclass:
        raise KrakenError("EQuery:Unknown asset pair")


def _batch_row(line: trading.BatchLine) -> dict[str, Any]:
    row: dict[str, Any] = {"descr": {"order": describe(line.request)}}
    close = describe_close(line.request)
    if close:
        row["close"] = close
    if line.error is not None:
        return {"error": line.error, **row}
    return row if line.order is None else {"txid": line.order.txid, **row}


def amend_order(call: Call) -> Result:
    """The id of the amendment; the order keeps its own."""
    return {"amend_id": trading.amend(call.caller, call.params).amend_id}


def edit_order(call: Call) -> Result:
    """The new order beside the one that it stands for."""
    edited = trading.edit(call.caller, call.params)
    request = edited.request
    price, price2 = price_texts(request)
    result: dict[str, Any] = {
        "status": "ok",
        "originaltxid": edited.original.txid,
        "volume": f"{request.volume:f}",
        "price": price,
        "price2": price2,
        "orders_cancelled": 0 if edited.order is None else 1,
        "descr": _descr(request),
    }
    return result if edited.order is None else result | {"txid": edited.order.txid}


def cancel_order(call: Call) -> Result:
    """Kraken: by `cl_ord_id`, or by `txid` with an order id or a userref, which cancels all orders that
    carry it.
    """
    return {"count": trading.cancel(call.caller, _orders_to_cancel(call))}


def _orders_to_cancel(call: Call) -> list[Order]:
    cl_ord_id = call.params.optional("cl_ord_id")
    if cl_ord_id is not None and "txid" not in call.params.values:
        return [trading.with_client_id(call.account, cl_ord_id)]
    return trading.named(call.account, call.params.required("txid"))


def cancel_order_batch(call: Call) -> Result:
    """How many of the named orders were cancelled."""
    return {"count": trading.cancel_batch(call.caller, call.params)}


def cancel_all(call: Call) -> Result:
    """How many open orders there were."""
    return {"count": trading.cancel_all(call.caller)}


def cancel_all_orders_after(call: Call) -> Result:
    """When the timer was set and when it fires; `0` where it was disarmed."""
    timer = trading.cancel_after(call.caller, call.params)
    trigger = "0" if timer.trigger_us is None else rfc3339_seconds(timer.trigger_us)
    return {"currentTime": rfc3339_seconds(timer.current_us), "triggerTime": trigger}


def _descr(request: OrderRequest) -> dict[str, str]:
    descr, close = {"order": describe(request)}, describe_close(request)
    return descr | {"close": close} if close else descr
