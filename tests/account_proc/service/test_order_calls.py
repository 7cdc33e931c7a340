"""What AccountService answers about orders: as messages, or refused with a reason. The account's orders are
stood in for.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from krakencopy.account_proc.contract.errors import ExchangeRefused, LedgerFault, OutcomeUnknown
from krakencopy.account_proc.contract.spec import Role
from krakencopy.account_proc.domain.order import OrderAck
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.order_gate import TradingReducing
from krakencopy.account_proc.kraken.rest.shown_order import ShownOrder, shown_order
from krakencopy.account_proc.service import order_calls as module
from krakencopy.account_proc.service.order_calls import OrderCalls, Process, order_message
from krakencopy.account_proc.trading.own_orders import (
    Cancelled,
    CancelledAll,
    CancelUnknown,
    KeyMayNotCancel,
    KeyMayNotTrade,
    OrderNotFound,
    OwnOrder,
    UnknownPair,
)
from krakencopy.account_proc.trading.requested_orders import BadOrder
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2
from tests.support.scripted_kraken import TABLE, order_row

ORDER: dict[str, Any] = {"request_id": "r1", "pair": "BTC/USD", "side": types_pb2.SIDE_BUY, "volume": "0.01"}


def shown(status: str = "open", filled: str = "0", **more: Any) -> ShownOrder:
    return shown_order("O1", order_row(status, "0.002", filled, cl_ord_id="c1") | more, TABLE)


OWN = OwnOrder(shown(), types_pb2.ORDER_ORIGIN_REQUEST, "r1")


class Orders:
    """Stands in for OwnOrders and RequestedOrders."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.fault: Exception | None = None
        self.cancelled = Cancelled(types_pb2.CANCEL_OUTCOME_CANCELLED, "O1", "", OWN)

    def _noted(self, *asked: Any) -> None:
        self.asked.append(asked)
        if self.fault is not None:
            raise self.fault

    async def check_may_place(self, request_id: str) -> None:
        assert request_id
        if isinstance(self.fault, KeyMayNotTrade):
            raise self.fault

    async def check_order(self, asked: Any) -> OrderAck:
        self._noted("check", asked.request_id)
        return OrderAck("", "buy")

    async def place(self, asked: Any) -> Any:
        self._noted("place", asked.request_id)
        return SimpleNamespace(order_id="O1", cl_ord_id="c1", description="buy")

    async def open_orders(self, pair: str, side: Side | None) -> Any:
        self._noted("list", pair, side)
        return [OWN], ["O9"]

    async def find_order(self, order_id: str) -> OwnOrder:
        self._noted("find", order_id)
        return OWN

    async def cancel_order(self, order_id: str) -> Cancelled:
        self._noted("cancel", order_id)
        return self.cancelled

    async def cancel_orders(self, pair: str, side: Side | None) -> CancelledAll:
        self._noted("cancel all", pair, side)
        return CancelledAll(3, 2, 1, "why")


class Account:
    """As much of a process as is asked."""

    def __init__(self, role: Role = Role.MASTER, *, is_connected: bool = True) -> None:
        self.spec = SimpleNamespace(id="master", role=role)
        self.own_orders = self.requested_orders = self.orders = Orders()
        self._is_connected = is_connected

    def readiness(self) -> tuple[str, str]:
        return "KEY_REFUSED", "correct the key"

    async def trading(self) -> None:
        if not self._is_connected:
            await asyncio.Event().wait()

    @property
    def calls(self) -> OrderCalls:
        return OrderCalls(cast("Process", self))


def refused(answer: Any) -> tuple[Status, str, str]:
    with pytest.raises(GRPCError) as raised:
        asyncio.run(answer)
    assert raised.value.details is not None
    return raised.value.status, raised.value.details[0].reason, raised.value.message or ""


def test_an_order_is_placed_or_only_checked() -> None:
    account = Account()
    placed = asyncio.run(account.calls.PlaceOrder(pb.AccountServicePlaceOrderRequest(**ORDER)))
    assert (placed.order_id, placed.cl_ord_id) == ("O1", "c1")
    checked = asyncio.run(
        account.calls.PlaceOrder(pb.AccountServicePlaceOrderRequest(**ORDER, validate=True))
    )
    assert (checked.order_id, checked.cl_ord_id, checked.description) == ("", "", "buy")
    assert account.orders.asked == [("place", "r1"), ("check", "r1")]


def test_a_check_without_an_answer_leaves_nothing_to_find_out() -> None:
    account = Account()
    account.orders.fault = OutcomeUnknown("AddOrder", "timeout")
    request = pb.AccountServicePlaceOrderRequest(**ORDER, validate=True)
    assert refused(account.calls.PlaceOrder(request))[:2] == (Status.UNAVAILABLE, "EXCHANGE")
    request.validate = False
    status, reason, words = refused(account.calls.PlaceOrder(request))
    assert (status, reason) == (Status.UNKNOWN, "ORDER_OUTCOME_UNKNOWN")
    assert "with the same request_id 'r1'" in words


def test_an_order_that_the_key_may_not_place_is_not_tried() -> None:
    account = Account()
    account.orders.fault = KeyMayNotTrade()
    for validate in (False, True):
        request = pb.AccountServicePlaceOrderRequest(**ORDER, validate=validate)
        assert refused(account.calls.PlaceOrder(request))[:2] == (
            Status.FAILED_PRECONDITION, "KEY_MAY_NOT_TRADE",
        )  # fmt: skip
    assert account.orders.asked == []


def test_an_order_that_trading_states_let_not_leave_is_refused_with_who_said_so() -> None:
    account = Account()
    account.orders.fault = TradingReducing("AddOrder", "trading of all accounts is REDUCING")
    status, reason, words = refused(account.calls.PlaceOrder(pb.AccountServicePlaceOrderRequest(**ORDER)))
    assert (status, reason) == (Status.FAILED_PRECONDITION, "TRADING_REDUCING")
    assert words == "trading of all accounts is REDUCING; nothing was sent"


def test_orders_are_listed_as_they_are_asked_for() -> None:
    account = Account(Role.USER)
    asked = pb.AccountServiceListOrdersRequest(pair="XBTUSD", side=types_pb2.SIDE_SELL)
    answer = asyncio.run(account.calls.ListOrders(asked))
    assert [order.order_id for order in answer.orders] == ["O1"]
    assert list(answer.unreadable_ids) == ["O9"]
    asyncio.run(account.calls.ListOrders(pb.AccountServiceListOrdersRequest()))
    answer = asyncio.run(account.calls.ListOrders(pb.AccountServiceListOrdersRequest(order_id="mine")))
    assert [order.order_id for order in answer.orders] == ["O1"]
    assert account.orders.asked == [("list", "XBTUSD", Side.SELL), ("list", "", None), ("find", "mine")]


def test_a_cancel_tells_what_became_of_the_order() -> None:
    account = Account()
    request = pb.AccountServiceCancelOrderRequest(order_id="mine")
    answer = asyncio.run(account.calls.CancelOrder(request))
    assert (answer.outcome, answer.order.request_id) == (types_pb2.CANCEL_OUTCOME_CANCELLED, "r1")
    account.orders.cancelled = Cancelled(types_pb2.CANCEL_OUTCOME_ACCEPTED, "", "c1", None)
    answer = asyncio.run(account.calls.CancelOrder(request))
    assert answer.order == types_pb2.Order(account_id="master", cl_ord_id="c1")
    done = asyncio.run(account.calls.CancelOrders(pb.AccountServiceCancelOrdersRequest(pair="BTC/USD")))
    assert (done.cancelled, done.already_over, done.left, done.message) == (3, 2, 1, "why")
    assert account.orders.asked[-1] == ("cancel all", "BTC/USD", None)


def test_orders_of_a_user_are_not_cancelled() -> None:
    account = Account(Role.USER)
    for answer in (
        account.calls.CancelOrder(pb.AccountServiceCancelOrderRequest(order_id="O1")),
        account.calls.CancelOrders(pb.AccountServiceCancelOrdersRequest()),
    ):
        assert refused(answer)[:2] == (Status.FAILED_PRECONDITION, "NOT_MASTER")
    assert account.orders.asked == []


def test_a_process_that_has_not_reached_the_exchange_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTED_WITHIN_S", 0.01)
    account = Account(is_connected=False)
    status, reason, words = refused(account.calls.ListOrders(pb.AccountServiceListOrdersRequest()))
    assert (status, reason) == (Status.FAILED_PRECONDITION, "NOT_CONNECTED")
    assert "(KEY_REFUSED: correct the key)" in words


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (OrderNotFound("no"), Status.NOT_FOUND, "ORDER_NOT_FOUND"),
        (UnknownPair("pair", "no"), Status.INVALID_ARGUMENT, "UNKNOWN_PAIR"),
        (BadOrder("volume", "no"), Status.INVALID_ARGUMENT, "BAD_ORDER"),
        (CancelUnknown("lost"), Status.UNKNOWN, "CANCEL_OUTCOME_UNKNOWN"),
        (NotSent("CancelOrder", "refused"), Status.UNAVAILABLE, "EXCHANGE"),
        (KeyMayNotCancel(), Status.FAILED_PRECONDITION, "KEY_MAY_NOT_CANCEL"),
        (LedgerFault("full"), Status.INTERNAL, "LEDGER_FAULT"),
        (ExchangeRefused("CancelOrder", ("EOrder:x",)), Status.FAILED_PRECONDITION, "EXCHANGE_REFUSED"),
    ],
)
def test_a_cancel_that_fails_says_how(fault: Exception, status: Status, reason: str) -> None:
    account = Account()
    account.orders.fault = fault
    request = pb.AccountServiceCancelOrderRequest(order_id="O1")
    assert refused(account.calls.CancelOrder(request))[:2] == (status, reason)


def test_a_message_has_what_is_shown_of_an_order() -> None:
    order = shown(
        "canceled", "0.001", closetm=1_800_000_009.0, expiretm=1_800_000_100, reason="User requested"
    )
    message = order_message("master", OwnOrder(order, types_pb2.ORDER_ORIGIN_BY_HAND))
    assert (message.account_id, message.order_id, message.cl_ord_id) == ("master", "O1", "c1")
    assert (message.volume, message.filled_volume, message.avg_price) == ("0.002", "0.001", "50000")
    assert Decimal(message.closed_at.seconds) == Decimal(1_800_000_009)
    assert message.expires_at.seconds == 1_800_000_100
    assert (message.side, message.pair, message.status) == (types_pb2.SIDE_BUY, "BTC/USD", "canceled")
    assert not order_message("master", OWN).HasField("closed_at")
