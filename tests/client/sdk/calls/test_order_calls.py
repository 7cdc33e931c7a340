"""Orders over the SDK: plain words become requests, pages are hidden, what cannot be read is still named."""

from __future__ import annotations

from decimal import Decimal

import grpc
import pytest

from krakencopy.client import BadInput, NotFound, Side
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted, refuse


def test_an_order_is_only_checked_when_that_is_asked(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["PlaceOrder"] = lambda _request, _context: pb.PlaceOrderResponse(description="buy")
    assert sdk.place_order("buy", "BTC/USD", Decimal(1), validate=True).description == "buy"
    sdk.place_order("buy", "BTC/USD", Decimal(1))
    assert [request.validate for request in supervisor.requests(pb.PlaceOrderRequest)] == [True, False]


def test_open_orders_come_from_all_pages_and_those_that_cannot_be_read_last(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    def page(request: pb.ListOrdersRequest, _context: object) -> pb.ListOrdersResponse:
        name, token = ("O2", "") if request.page_token else ("O1", "more")
        return pb.ListOrdersResponse(
            orders=[nouns.Order(order_id=name)], next_page_token=token, unreadable_ids=["O9"]
        )

    supervisor.on["ListOrders"] = page
    found = list(sdk.list_orders(account_id="anna", pair="XBTUSD", side="sell"))
    assert [order.order_id for order in found] == ["O1", "O2", "O9"]
    asked = supervisor.requests(pb.ListOrdersRequest)[1]
    assert (asked.account_id, asked.pair, asked.side) == ("anna", "XBTUSD", nouns.SIDE_SELL)
    assert [order.order_id for order in sdk.list_orders(limit=1)] == ["O1"]
    assert supervisor.requests(pb.ListOrdersRequest)[-1].page_size == 1


def test_one_order_is_shown_or_not_found(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["GetOrder"] = lambda request, _context: pb.GetOrderResponse(
        order=nouns.Order(order_id=request.order_id, account_id=request.account_id)
    )
    assert sdk.get_order("mine", account_id="anna") == nouns.Order(order_id="mine", account_id="anna")
    supervisor.on["GetOrder"] = refuse(grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND", "no such order")
    with pytest.raises(NotFound):
        sdk.get_order("mine")


def test_orders_are_cancelled_one_or_all(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["CancelOrder"] = lambda _request, _context: pb.CancelOrderResponse(
        outcome=nouns.CANCEL_OUTCOME_ACCEPTED
    )
    supervisor.on["CancelOrders"] = lambda _request, _context: pb.CancelOrdersResponse(cancelled=3, left=1)
    assert sdk.cancel_order("O1", timeout_s=5).outcome == nouns.CANCEL_OUTCOME_ACCEPTED
    assert supervisor.requests(pb.CancelOrderRequest)[0].order_id == "O1"
    assert sdk.cancel_orders(pair="BTC/USD", side="buy").left == 1
    asked = supervisor.requests(pb.CancelOrdersRequest)[0]
    assert (asked.pair, asked.side) == ("BTC/USD", nouns.SIDE_BUY)


def test_an_order_travels_in_plain_decimals_however_python_writes_them(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    supervisor.on["PlaceOrder"] = lambda _request, _context: pb.PlaceOrderResponse(order_id="O1")
    placed = sdk.place_order("sell", "BTC/USD", Decimal("1E-7"), limit_price=Decimal("6E+4"))
    [request] = supervisor.requests(pb.PlaceOrderRequest)
    assert (request.side, request.volume, request.limit_price) == (nouns.SIDE_SELL, "0.0000001", "60000")
    assert placed.order_id == "O1"
    sdk.place_order("buy", "BTC/USD", Decimal(1))
    assert supervisor.requests(pb.PlaceOrderRequest)[1].limit_price == ""


def test_a_side_may_be_given_as_a_fill_has_it_and_another_word_is_none(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    sdk.cancel_orders(side=Side.SELL)
    assert supervisor.requests(pb.CancelOrdersRequest)[0].side == nouns.SIDE_SELL
    with pytest.raises(BadInput, match="write 'buy' or 'sell'"):
        sdk.place_order("hold", "BTC/USD", Decimal(1))  # type: ignore[arg-type]  # that is what is tested
