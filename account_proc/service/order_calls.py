"""What operators ask about an account's orders at Kraken, over AccountService: one order placed or only
checked, orders listed and cancelled. A thin shell over trading/requested_orders.py and trading/own_orders.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from grpclib.const import Status

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    AccountError,
    ExchangeRefused,
    LedgerFault,
    NoRoom,
    OutcomeUnknown,
)
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.contract.refusals import EXCHANGE_ERROR
from krakencopy.account_proc.contract.request_bounds import Violation
from krakencopy.account_proc.contract.spec import AccountSpec, Role
from krakencopy.account_proc.domain.copy_record import PB_SIDE, SIDE_OF_PB
from krakencopy.account_proc.domain.requested_order import RequestedOrder
from krakencopy.account_proc.kraken.order_gate import NotTraded
from krakencopy.account_proc.kraken.rest.shown_order import ShownOrder
from krakencopy.account_proc.runtime.grpc_server import refusal
from krakencopy.account_proc.trading.own_orders import (
    Cancelled,
    CancelUnknown,
    OrderNotFound,
    OwnOrder,
    OwnOrders,
)
from krakencopy.account_proc.trading.requested_orders import (
    BadOrder,
    OrderAsked,
    OrderRefused,
    RequestedOrders,
    decimal_of,
)
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

#: A process that has not reached the exchange is waited for so long, in seconds: it may be about to.
CONNECTED_WITHIN_S = 2.0


class Process(Protocol):
    """What is needed of the process around it."""

    spec: AccountSpec
    requested_orders: RequestedOrders
    own_orders: OwnOrders

    def readiness(self) -> tuple[str, str]:
        """Why the account cannot trade, as a code and for people; two empty strings when it can."""
        ...

    async def trading(self) -> None:
        """Waits until the exchange was reached and the loops run."""
        ...


class OrderCalls:
    """A part of AccountServicer."""

    def __init__(self, process: Process) -> None:
        self._orders_of = process

    async def PlaceOrder(
        self, request: pb.AccountServicePlaceOrderRequest
    ) -> pb.AccountServicePlaceOrderResponse:
        """An order on this account, once for each request id; or only the exchange's check of it."""
        await self._orders_of.trading()
        with _refusals("" if request.validate else request.request_id):
            asked = _asked(request)
            await self._orders_of.own_orders.check_may_place(request.request_id)
            if request.validate:
                ack = await self._orders_of.own_orders.check_order(asked)
                return pb.AccountServicePlaceOrderResponse(description=ack.description)
            order: RequestedOrder = await self._orders_of.requested_orders.place(asked)
        return pb.AccountServicePlaceOrderResponse(
            order_id=order.order_id, cl_ord_id=order.cl_ord_id, description=order.description
        )

    async def ListOrders(
        self, request: pb.AccountServiceListOrdersRequest
    ) -> pb.AccountServiceListOrdersResponse:
        """The account's open orders, or one order."""
        await self._connected()
        own_orders, account_id = self._orders_of.own_orders, self._orders_of.spec.id
        with _refusals():
            if request.order_id:
                found, unreadable = [await own_orders.find_order(request.order_id)], list[str]()
            else:
                found, unreadable = await own_orders.open_orders(request.pair, SIDE_OF_PB.get(request.side))
        orders = [order_message(account_id, order) for order in found]
        return pb.AccountServiceListOrdersResponse(orders=orders, unreadable_ids=unreadable)

    async def CancelOrder(
        self, request: pb.AccountServiceCancelOrderRequest
    ) -> pb.AccountServiceCancelOrderResponse:
        """Cancels one order of a master."""
        self._check_master()
        await self._connected()
        with _refusals():
            cancelled = await self._orders_of.own_orders.cancel_order(request.order_id)
        order = _cancelled_order(self._orders_of.spec.id, cancelled)
        return pb.AccountServiceCancelOrderResponse(outcome=cancelled.outcome, order=order)

    async def CancelOrders(
        self, request: pb.AccountServiceCancelOrdersRequest
    ) -> pb.AccountServiceCancelOrdersResponse:
        """Cancels all open orders of a master, or those of a pair or side."""
        self._check_master()
        await self._connected()
        with _refusals():
            done = await self._orders_of.own_orders.cancel_orders(request.pair, SIDE_OF_PB.get(request.side))
        return pb.AccountServiceCancelOrdersResponse(
            cancelled=done.cancelled, already_over=done.already_over, left=done.left, message=done.message
        )

    def _check_master(self) -> None:
        if self._orders_of.spec.role is not Role.MASTER:
            message = f"{self._orders_of.spec.id} is a user: its orders are copying's and its owner's"
            raise refusal(Status.FAILED_PRECONDITION, "NOT_MASTER", message)

    async def _connected(self) -> None:
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await self._orders_of.trading()
        except TimeoutError:
            reason, message = self._orders_of.readiness()
            why = f"the process has not reached the exchange yet ({reason}: {message}); ask again later"
            raise refusal(Status.FAILED_PRECONDITION, "NOT_CONNECTED", why) from None


@contextmanager
def _refusals(request_id: str = "") -> Iterator[None]:
    """Errors as refusals of the call. ``request_id``: of an order that is placed."""
    try:
        yield
    except BadOrder as error:
        wrong = Violation(error.field, error.problem)
        raise refusal(Status.INVALID_ARGUMENT, error.reason, str(error), violations=[wrong]) from error
    except OrderNotFound as error:
        raise refusal(Status.NOT_FOUND, error.reason, str(error)) from error
    except CancelUnknown as error:
        raise refusal(Status.UNKNOWN, error.reason, str(error)) from error
    except NotTraded as error:
        raise refusal(Status.FAILED_PRECONDITION, error.reason, f"{error.cause}; nothing was sent") from error
    except OutcomeUnknown as error:
        if not request_id:
            message = f"the exchange did not answer ({error}); nothing was changed, try again"
            raise refusal(Status.UNAVAILABLE, "EXCHANGE", message) from error
        message = f"{error.cause}; ask again with the same request_id {request_id!r} to find out"
        raise refusal(Status.UNKNOWN, "ORDER_OUTCOME_UNKNOWN", message) from error
    except NoRoom as error:
        raise refusal(Status.UNAVAILABLE, error.reason, str(error)) from error
    except LedgerFault as error:
        raise refusal(Status.INTERNAL, error.reason, str(error)) from error
    except (OrderRefused, ExchangeRefused) as error:
        theirs = {EXCHANGE_ERROR: ", ".join(error.errors)}
        raise refusal(Status.FAILED_PRECONDITION, error.reason, str(error), theirs) from error
    except AccountError as error:
        raise refusal(Status.FAILED_PRECONDITION, error.reason, str(error)) from error


def _asked(request: pb.AccountServicePlaceOrderRequest) -> OrderAsked:
    """The order that a request asks for. Raises BadOrder that names the field."""
    if request.side not in SIDE_OF_PB:
        raise BadOrder("side", "is missing; say buy or sell")
    return OrderAsked(
        request_id=request.request_id,
        pair=request.pair,
        side=SIDE_OF_PB[request.side],
        volume=decimal_of(request.volume, "volume"),
        limit_price=decimal_of(request.limit_price, "limit_price") if request.limit_price else None,
    )


def order_message(account_id: str, order: OwnOrder) -> types_pb2.Order:
    """An order as it is shown."""
    shown = order.shown
    message = types_pb2.Order(
        account_id=account_id, order_id=shown.txid, cl_ord_id=shown.cl_ord_id, pair=shown.pair,
        side=PB_SIDE[shown.side], type=shown.type, status=shown.status, price=shown.price,
        price2=shown.price2, volume=plain(shown.volume), filled_volume=plain(shown.filled),
        avg_price=plain(shown.avg_price) if shown.filled else "", opened_at=timestamp(float(shown.opentm)),
        reason=shown.reason, description=shown.description, close=shown.close, origin=order.origin,
        request_id=order.request_id, in_quote=shown.in_quote,
    )  # fmt: skip
    _set_end(message, shown)
    return message


def _set_end(message: types_pb2.Order, shown: ShownOrder) -> None:
    if shown.closetm is not None:
        message.closed_at.CopyFrom(timestamp(float(shown.closetm)))
    if shown.expiretm is not None:
        message.expires_at.CopyFrom(timestamp(float(shown.expiretm)))


def _cancelled_order(account_id: str, cancelled: Cancelled) -> types_pb2.Order:
    if cancelled.order is not None:
        return order_message(account_id, cancelled.order)
    return types_pb2.Order(account_id=account_id, order_id=cancelled.order_id, cl_ord_id=cancelled.cl_ord_id)
