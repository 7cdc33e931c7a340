"""The trading methods of the WebSocket: their fields, what they are called in the common order entry, and
their answers. Pure.

An order that comes in here is the same as one that comes over REST (`trading`); only the words differ.
Kraken: none needs a nonce, all need a token, and what the token may do is what its key may do.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from krakencopy.paper_exchange.accounts import auth
from krakencopy.paper_exchange.accounts.account import Account, ApiKey
from krakencopy.paper_exchange.accounts.orders import Order
from krakencopy.paper_exchange.order_entry.new_order import WS_DEADLINE
from krakencopy.paper_exchange.values.errors import KrakenError, invalid_arguments
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.time_format import rfc3339_seconds
from krakencopy.paper_exchange.venue import order_api as trading
from krakencopy.paper_exchange.venue.audit_log import RequestRecord
from krakencopy.paper_exchange.venue.exchange import Exchange
from krakencopy.paper_exchange.websocket import order_fields as ws_order_fields
from krakencopy.paper_exchange.websocket.messages import (
    Fields,
    MessageRefusal,
    ack,
    check_names,
    pair_of,
    refused,
    stamped,
)
from krakencopy.paper_exchange.websocket.order_fields import ORDER

_log = logging.getLogger(__name__)

_COMMON: Final = frozenset({"token", "symbol", "deadline", "validate"})
# Kraken: the fields of each method, beside the token.
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "add_order": ORDER | _COMMON,
    "batch_add": _COMMON | {"orders"},
    "amend_order": frozenset(
        {
            "token",
            "order_id",
            "cl_ord_id",
            "order_qty",
            "display_qty",
            "limit_price",
            "limit_price_type",
            "post_only",
            "trigger_price",
            "trigger_price_type",
            "deadline",
            "symbol",
        }
    ),
    "edit_order": _COMMON
    | {
        "order_id",
        "order_qty",
        "limit_price",
        "display_qty",
        "fee_preference",
        "no_mpp",
        "order_userref",
        "post_only",
        "reduce_only",
        "triggers",
    },
    "cancel_order": frozenset({"token", "order_id", "cl_ord_id", "order_userref"}),
    "batch_cancel": frozenset({"token", "orders", "cl_ord_id"}),
    "cancel_all": frozenset({"token"}),
    "cancel_all_orders_after": frozenset({"token", "timeout"}),
}
# Kraken's REST methods that need the same permissions.
_PERMITTED_AS: Final = {
    "add_order": "AddOrder",
    "batch_add": "AddOrderBatch",
    "amend_order": "AmendOrder",
    "edit_order": "EditOrder",
    "cancel_order": "CancelOrder",
    "batch_cancel": "CancelOrderBatch",
    "cancel_all": "CancelAll",
    "cancel_all_orders_after": "CancelAllOrdersAfter",
}
METHODS: Final = frozenset(_PERMITTED_AS)
# Kraken: this many orders in one cancel_order is not documented; batch_cancel's bound is taken.
_CANCELS_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class WsCall:
    """A trading request whose token was good. `received_ns` is the monotonic clock when it came in."""

    exchange: Exchange
    key: ApiKey
    method: str
    request: Fields
    params: Fields
    now_us: int
    received_ns: int

    @property
    def caller(self) -> trading.Caller:
        """Who asks, for the common order entry."""
        return trading.Caller(self.exchange, self.key.account, self.now_us, self.now_us)

    def ack(self, result: Any) -> str:
        """The answer to a request that was carried out."""
        return ack(self.request, result, self.now_us)


def answer(call: WsCall) -> list[str]:
    """Carry a request out, record it, and answer it. Raises MessageRefusal."""
    outcome = "ok"
    try:
        check_names(call.params, _FIELDS[call.method], call.method)
        auth.permit(call.key, _PERMITTED_AS[call.method])
        if isinstance(call.params.get("symbol"), str):
            pair_of(call.exchange.catalogue, call.params["symbol"])
        return _METHODS[call.method](call)
    except KrakenError as error:
        outcome = error.text
        raise MessageRefusal(outcome) from None
    except MessageRefusal as refusal:
        outcome = refusal.text
        raise
    except Exception:  # noqa: BLE001 - a fault of ours is answered and recorded like Kraken's own
        _log.exception("a trading request failed: %s", call.method)
        outcome = "EGeneral:Internal error"
        raise MessageRefusal(outcome) from None
    finally:
        _record(call, outcome)


def _record(call: WsCall, outcome: str) -> None:
    """Into the log of private requests; WebSocket methods differ from REST ones by their names."""
    call.exchange.requests.append(
        RequestRecord(
            received_ns=call.received_ns,
            account=call.key.account.id,
            key_id=call.key.key_id,
            method=call.method,
            nonce=None,
            params=ws_order_fields.recorded(
                {name: value for name, value in call.params.items() if name != "token"}
            ),
            outcome=outcome,
        )
    )


def _add_order(call: WsCall) -> list[str]:
    asked = Params(ws_order_fields.new_order(call.params, call.method))
    return [call.ack(_placed(call.params, trading.add_order(call.caller, asked, rule=WS_DEADLINE).order))]


def _placed(asked: Fields, order: Order | None) -> dict[str, Any]:
    """Kraken: the ids that the client gave come back, which REST does not do. An order that was only
    checked has no id.
    """
    result: dict[str, Any] = {"order_id": "" if order is None else order.txid}
    return result | {name: asked[name] for name in ("cl_ord_id", "order_userref") if name in asked}


def _batch_add(call: WsCall) -> list[str]:
    asked = Params(ws_order_fields.batch(call.params, call.method))
    lines = trading.add_batch(call.caller, asked, rule=WS_DEADLINE)
    # An array of the orders' ids is documented; how it shows an order that failed alone is not.
    result = [
        _placed(order, line.order) if line.error is None else {"error": line.error}
        for order, line in zip(call.params["orders"], lines, strict=True)
    ]
    return [call.ack(result)]


def _amend_order(call: WsCall) -> list[str]:
    asked = Params(ws_order_fields.amendment(call.params))
    result = {"amend_id": trading.amend(call.caller, asked, rule=WS_DEADLINE).amend_id}
    # Kraken: "if populated in the request".
    return [
        call.ack(
            result | {name: call.params[name] for name in ("order_id", "cl_ord_id") if name in call.params}
        )
    ]


def _edit_order(call: WsCall) -> list[str]:
    order = call.key.account.orders.get(str(call.params.get("order_id")))
    triggered = order is not None and order.request.trigger is not None
    asked = Params(ws_order_fields.edit(call.params, triggered=triggered))
    edited = trading.edit(call.caller, asked, rule=WS_DEADLINE)
    txid = "" if edited.order is None else edited.order.txid
    return [call.ack({"order_id": txid, "original_order_id": edited.original.txid})]


def _cancel_order(call: WsCall) -> list[str]:
    """Kraken: an answer for each order, all with the request's id, in the order of the ids."""
    account, params = call.key.account, call.params
    finds: list[Callable[[], list[Order]]] = [
        *(partial(trading.named, account, txid) for txid in ws_order_fields.texts(params, "order_id")),
        *(partial(_with_client_id, account, text) for text in ws_order_fields.texts(params, "cl_ord_id")),
        *(
            partial(trading.named, account, str(userref))
            for userref in ws_order_fields.integers(params, "order_userref")
        ),
    ]
    if not 1 <= len(finds) <= _CANCELS_MOST:
        raise invalid_arguments("order_id")
    answers: list[str] = []
    for find in finds:
        try:
            for order in find():
                trading.cancel(call.caller, [order])
                answers.append(call.ack(_ids(order)))
        except KrakenError as error:
            answers.append(refused(call.request, MessageRefusal(error.text), call.now_us))
    return answers


def _with_client_id(account: Account, cl_ord_id: str) -> list[Order]:
    return [trading.with_client_id(account, cl_ord_id)]


def _ids(order: Order) -> dict[str, Any]:
    cl_ord_id = order.request.cl_ord_id
    return {"order_id": order.txid} | ({} if cl_ord_id is None else {"cl_ord_id": cl_ord_id})


def _batch_cancel(call: WsCall) -> list[str]:
    asked = Params(ws_order_fields.cancels(call.params, call.method))
    cancelled = trading.cancel_batch(call.caller, asked)
    # As recorded of the live exchange; a `result` with `count` is documented.
    answer = {"method": call.method, "orders_cancelled": cancelled, "success": True}
    return [stamped(answer, call.request, call.now_us)]


def _cancel_all(call: WsCall) -> list[str]:
    return [call.ack({"count": trading.cancel_all(call.caller)})]


def _cancel_after(call: WsCall) -> list[str]:
    after = trading.cancel_after(call.caller, Params(ws_order_fields.timeout(call.params)))
    trigger = "0" if after.trigger_us is None else rfc3339_seconds(after.trigger_us)
    return [call.ack({"currentTime": rfc3339_seconds(after.current_us), "triggerTime": trigger})]


_METHODS: Final[Mapping[str, Callable[[WsCall], list[str]]]] = {
    "add_order": _add_order,
    "batch_add": _batch_add,
    "amend_order": _amend_order,
    "edit_order": _edit_order,
    "cancel_order": _cancel_order,
    "batch_cancel": _batch_cancel,
    "cancel_all": _cancel_all,
    "cancel_all_orders_after": _cancel_after,
}
