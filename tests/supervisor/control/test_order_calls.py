"""What ControlService answers about orders, on its real socket: whom it asks, pages, repeated requests, and
orders that are a user's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpclib.const import Status

from krakencopy.account_proc.contract.order_ids import copy_order_id
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import account_pb2
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.front import until
from tests.support.idle_supervisor import AnsweringLink, idle_supervisor, set_running
from tests.support.served_control import refused, served
from tests.support.supervisor_samples import copy, fill, small_config


def order_link() -> AnsweringLink:
    """A conversation with a process that answers about orders."""
    return AnsweringLink(
        ListOrders=account_pb2.AccountServiceListOrdersResponse(),
        CancelOrder=account_pb2.AccountServiceCancelOrderResponse(
            outcome=nouns.CANCEL_OUTCOME_CANCELLED, order=nouns.Order(order_id="O1")
        ),
        CancelOrders=account_pb2.AccountServiceCancelOrdersResponse(cancelled=3),
        PlaceOrder=account_pb2.AccountServicePlaceOrderResponse(description="buy"),
    )


class World:
    """A supervisor whose master and user have such links."""

    def __init__(self, stub: Any, master: AnsweringLink, user: AnsweringLink, supervisor: Any) -> None:
        self.stub, self.master, self.user, self.supervisor = stub, master, user, supervisor


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    supervisor = idle_supervisor(folder, journal, small_config("anna"))
    master, user = order_link(), order_link()
    set_running(supervisor.accounts["master"], master)
    set_running(supervisor.accounts["anna"], user)
    async with served(supervisor) as stub:
        yield World(stub, master, user, supervisor)


def orders(*opened: int) -> list[nouns.Order]:
    return [
        nouns.Order(order_id=f"O{number}", opened_at=Timestamp(seconds=1_000, nanos=1_000 * at))
        for number, at in enumerate(opened)
    ]


def test_hundreds_of_orders_come_in_pages_and_those_of_one_instant_together(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            found = orders(1, 2, 3, 3, 3, 4, 5)
            w.master.answers["ListOrders"] = account_pb2.AccountServiceListOrdersResponse(
                orders=found, unreadable_ids=["O9"]
            )
            pages: list[list[str]] = []
            token = ""
            while token or not pages:
                answer = await w.stub.ListOrders(pb.ListOrdersRequest(page_size=3, page_token=token))
                pages.append([order.order_id for order in answer.orders])
                assert list(answer.unreadable_ids) == ["O9"]
                token = answer.next_page_token
            assert pages == [["O0", "O1", "O2", "O3", "O4"], ["O5", "O6"]]
            # One of them is over before the next page is asked for: none of the others is left out.
            first = await w.stub.ListOrders(pb.ListOrdersRequest(page_size=2))
            del w.master.answers["ListOrders"].orders[1]
            second = await w.stub.ListOrders(
                pb.ListOrdersRequest(page_size=9, page_token=first.next_page_token)
            )
            assert [order.order_id for order in second.orders] == ["O2", "O3", "O4", "O5", "O6"]

    asyncio.run(play())


def test_a_token_belongs_to_its_question(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.master.answers["ListOrders"] = account_pb2.AccountServiceListOrdersResponse(orders=orders(1, 2))
            token = (await w.stub.ListOrders(pb.ListOrdersRequest(page_size=1))).next_page_token
            asked = len(w.master.asked)
            other = pb.ListOrdersRequest(page_token=token, pair="BTC/USD")
            assert (await refused(w.stub.ListOrders(other)))[1] == "BAD_PAGE_TOKEN"
            assert len(w.master.asked) == asked

    asyncio.run(play())


def test_each_accounts_orders_can_be_seen_and_only_the_masters_are_cancelled(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.user.answers["ListOrders"] = account_pb2.AccountServiceListOrdersResponse(orders=orders(1))
            listed = await w.stub.ListOrders(
                pb.ListOrdersRequest(account_id="anna", pair="XBTUSD", side=nouns.SIDE_BUY)
            )
            assert len(listed.orders) == 1
            asked = w.user.asked[0][1]
            assert (asked.pair, asked.side) == ("XBTUSD", nouns.SIDE_BUY)
            found = await w.stub.GetOrder(pb.GetOrderRequest(account_id="anna", order_id="mine"))
            assert found.order.order_id == "O0"
            assert w.user.asked[1][1].order_id == "mine"
            nobody = await refused(w.stub.ListOrders(pb.ListOrdersRequest(account_id="eve")))
            assert nobody[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
            await w.stub.CancelOrder(pb.CancelOrderRequest(request_id="a", order_id="O1"))
            await w.stub.CancelOrders(pb.CancelOrdersRequest(request_id="b"))
            assert [method for method, _ in w.master.asked] == ["CancelOrder", "CancelOrders"]

    asyncio.run(play())


def test_an_order_that_copying_placed_is_refused_by_the_users_name(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        journal.join("anna")
        journal.append([fill(1)], 1)
        journal.put_reports([("anna", [copy("anna", [1], order_id="OCOPY1-AAAAA-AAAAAA")], 1)])
        async with world(tmp_path, journal) as w:
            # By the client order id it is known whose it is.
            cl_ord_id = copy_order_id(journal.journal_id, "anna", "c1", 1)
            request = pb.CancelOrderRequest(request_id="a", order_id=cl_ord_id)
            code, reason, words = await refused(w.stub.CancelOrder(request))
            assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_OF_A_USER")
            assert "placed for the user anna" in words
            assert w.master.asked == []
            # By the exchange's it is looked for among the latest copies, once the master does not have it.
            w.master.answers["CancelOrder"] = CallFailed(Status.NOT_FOUND, "no order", "ORDER_NOT_FOUND")
            request = pb.CancelOrderRequest(request_id="b", order_id="OCOPY1-AAAAA-AAAAAA")
            assert (await refused(w.stub.CancelOrder(request)))[1] == "ORDER_OF_A_USER"
            w.master.answers["ListOrders"] = w.master.answers["CancelOrder"]
            for name in ("OCOPY1-AAAAA-AAAAAA", cl_ord_id):
                code, _, words = await refused(w.stub.GetOrder(pb.GetOrderRequest(order_id=name)))
                assert (code, "the user anna (--account anna)" in words) == (grpc.StatusCode.NOT_FOUND, True)
            request = pb.CancelOrderRequest(request_id="c", order_id="OTHER1-AAAAA-AAAAAA")
            assert (await refused(w.stub.CancelOrder(request)))[:2] == (
                grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND",
            )  # fmt: skip

    asyncio.run(play())


def test_a_repeated_request_repeats_the_answer_also_while_the_first_is_under_way(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            request = pb.CancelOrdersRequest(request_id="a", pair="BTC/USD")
            w.master.held = asyncio.Event()
            first = w.stub.CancelOrders(request)
            sent = asyncio.ensure_future(first)
            await until("the question to reach the account", lambda: w.master.asked)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sent
            # The client that asked is gone, and what it asked for goes on.
            again = asyncio.ensure_future(w.stub.CancelOrders(request))
            await asyncio.sleep(0)
            w.master.held.set()
            assert (await again).cancelled == 3
            assert (await w.stub.CancelOrders(request)).cancelled == 3
            assert len(w.master.asked) == 1
            # Another question under the same id is another one.
            await w.stub.CancelOrders(pb.CancelOrdersRequest(request_id="a"))
            assert len(w.master.asked) == 2

    asyncio.run(play())


def test_what_failed_is_asked_again(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            request = pb.CancelOrderRequest(request_id="a", order_id="O1")
            works = w.master.answers["CancelOrder"]
            w.master.answers["CancelOrder"] = CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
            code, reason, words = await refused(w.stub.CancelOrder(request))
            assert (code, reason) == (grpc.StatusCode.UNKNOWN, "CANCEL_OUTCOME_UNKNOWN")
            assert "ask again, which does no harm" in words
            w.master.answers["CancelOrder"] = CallFailed(
                Status.FAILED_PRECONDITION, "CancelOrder: EOrder:Rate limit exceeded", "RATE_LIMITED",
                {"exchange_error": "EOrder:Rate limit exceeded"},
            )  # fmt: skip
            assert (await refused(w.stub.CancelOrder(request)))[1] == "RATE_LIMITED"
            w.master.answers["CancelOrder"] = works
            answer = await w.stub.CancelOrder(request)
            assert (answer.outcome, answer.order.order_id) == (nouns.CANCEL_OUTCOME_CANCELLED, "O1")

    asyncio.run(play())


def test_without_a_process_nobody_can_ask_and_the_orders_stay(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.master.serving = False  # its feed is down, say: what it is asked by REST goes on
            await w.stub.CancelOrders(pb.CancelOrdersRequest(request_id="a"))
            w.supervisor.accounts["master"].process.link = None
            asked = (
                w.stub.ListOrders(pb.ListOrdersRequest()),
                w.stub.GetOrder(pb.GetOrderRequest(order_id="O1")),
                w.stub.CancelOrder(pb.CancelOrderRequest(request_id="b", order_id="O1")),
                w.stub.CancelOrders(pb.CancelOrdersRequest(request_id="c")),
            )
            for answer in asked:
                code, reason, words = await refused(answer)
                assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CONNECTED")
                assert "Its open orders stay there; krakencopy start master" in words

    asyncio.run(play())


def test_reads_that_fail_say_so(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            w.master.answers["ListOrders"] = CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
            assert (await refused(w.stub.ListOrders(pb.ListOrdersRequest())))[:2] == (
                grpc.StatusCode.UNAVAILABLE, "EXCHANGE",
            )  # fmt: skip
            w.master.answers["ListOrders"] = CallFailed(Status.NOT_FOUND, "no order", "ORDER_NOT_FOUND")
            assert (await refused(w.stub.GetOrder(pb.GetOrderRequest(order_id="x"))))[1] == "ORDER_NOT_FOUND"

    asyncio.run(play())


def test_what_has_no_id_is_refused(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            assert (await refused(w.stub.GetOrder(pb.GetOrderRequest())))[1] == "ORDER_ID_MISSING"
            asked = pb.CancelOrderRequest(request_id="a")
            assert (await refused(w.stub.CancelOrder(asked)))[1] == "ORDER_ID_MISSING"
            asked = pb.CancelOrderRequest(order_id="O1")
            assert (await refused(w.stub.CancelOrder(asked)))[1] == "REQUEST_ID_MISSING"
            assert (await refused(w.stub.CancelOrders(pb.CancelOrdersRequest())))[1] == "REQUEST_ID_MISSING"
            assert w.master.asked == []

    asyncio.run(play())


def test_an_order_is_placed_or_only_checked_on_a_healthy_master(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            request = pb.PlaceOrderRequest(
                request_id="a", pair="BTC/USD", side=nouns.SIDE_BUY, volume="1", validate=True
            )
            assert (await w.stub.PlaceOrder(request)).description == "buy"
            assert w.master.asked[0][1].validate
            w.master.answers["PlaceOrder"] = CallFailed(Status.DEADLINE_EXCEEDED, "no answer in time")
            assert (await refused(w.stub.PlaceOrder(request)))[1] == "EXCHANGE"
            request.validate = False
            assert (await refused(w.stub.PlaceOrder(request)))[1] == "ORDER_OUTCOME_UNKNOWN"
            w.master.serving = False
            assert (await refused(w.stub.PlaceOrder(request)))[1] == "MASTER_NOT_READY"

    asyncio.run(play())
