"""What operators ask about orders, over ControlService: an order placed or only checked on the master, open
orders listed, orders of the master cancelled. A thin shell over the link to the account's process.
"""

from __future__ import annotations

import itertools
from typing import Any, NoReturn, cast

import grpc
from google.protobuf.message import Message
from grpclib.const import Status

from krakencopy.account_proc.contract.order_ids import tag_of, tags
from krakencopy.account_proc.contract.refusals import INTERNAL_FAULT
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.control.answered_once import AnsweredOnce
from krakencopy.supervisor.control.known_accounts import find_account
from krakencopy.supervisor.control.page_tokens import PageTokens
from krakencopy.supervisor.control.pages import END, page_size, page_start
from krakencopy.supervisor.control.refusals import CODES, Context, check_request_id, refuse, refuse_field
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2, control_pb2_grpc, types_pb2
from krakencopy.v1 import control_pb2 as pb

#: How long the process of an account may take to place, list or cancel orders, in seconds: the deadline of an
#: order, and the search for a lost answer.
ORDER_TIMEOUT_S = 20.0
#: Of the latest copies, so many are looked through for an order that the master does not have.
COPIES_LOOKED_AT = 500


class OrderCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, page_tokens: PageTokens, answers: RememberedAnswers) -> None:
        self._order_supervisor = supervisor
        self._order_pages = page_tokens
        #: Cancels.
        self._once = AnsweredOnce(answers)

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, context: Context) -> pb.PlaceOrderResponse:
        """An order on the master account, once for each request id; or only the exchange's check of it."""
        master = self._order_supervisor.registry.master
        link = master.process.link
        if link is None or not master.serving:
            why = f" ({master.life.reason})" if master.life.reason else ""
            message = f"the master is {master.life.state}{why}; orders are taken while it is healthy"
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "MASTER_NOT_READY", message)
        asked = account_pb2.AccountServicePlaceOrderRequest(
            request_id=request.request_id, pair=request.pair, side=request.side, volume=request.volume,
            limit_price=request.limit_price, validate=request.validate,
        )  # fmt: skip
        try:
            placed = await link.place_order(asked, ORDER_TIMEOUT_S)
        except CallFailed as error:
            if error.reason and error.reason != INTERNAL_FAULT:
                await _pass_on(error, context)
            if request.validate:
                await refuse(context, grpc.StatusCode.UNAVAILABLE, "EXCHANGE", f"{error}; nothing was placed")
            message = f"{error}; ask again with the same request_id {request.request_id!r} to find out"
            await refuse(context, grpc.StatusCode.UNKNOWN, "ORDER_OUTCOME_UNKNOWN", message)
        return pb.PlaceOrderResponse(
            order_id=placed.order_id, cl_ord_id=placed.cl_ord_id, description=placed.description
        )

    async def ListOrders(self, request: pb.ListOrdersRequest, context: Context) -> pb.ListOrdersResponse:
        """Open orders of an account, the oldest first."""
        # Before the exchange is asked, as a bad token is refused whatever it would say.
        after = await page_start(self._order_pages, request, 0, context)
        account = await self._asked_account(request.account_id, context)
        asked = account_pb2.AccountServiceListOrdersRequest(pair=request.pair, side=request.side)
        answer = cast("account_pb2.AccountServiceListOrdersResponse", await _read(account, asked, context))
        orders, last = _page(answer.orders, after, page_size(request.page_size))
        return pb.ListOrdersResponse(
            orders=orders, unreadable_ids=answer.unreadable_ids,
            next_page_token=self._order_pages.token(request, last) if last else "",
        )  # fmt: skip

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.GetOrderResponse:
        """One order of an account."""
        account = await self._asked_account(request.account_id, context)
        if not request.order_id:
            await _refuse_without_id(context)
        asked = account_pb2.AccountServiceListOrdersRequest(order_id=request.order_id)
        try:
            answer = await _link(account).ask("ListOrders", asked, ORDER_TIMEOUT_S)
        except CallFailed as error:
            is_elsewhere = error.reason == "ORDER_NOT_FOUND" and not request.account_id
            if is_elsewhere and (owner := self._user_of(request.order_id)):
                error.message += f"; it was placed for the user {owner} (--account {owner})"
            await _refuse_read(error, account, context)
        return pb.GetOrderResponse(order=answer.orders[0])

    async def CancelOrder(self, request: pb.CancelOrderRequest, context: Context) -> pb.CancelOrderResponse:
        """Cancels one order of the master."""
        await check_request_id(request.request_id, context)
        if not request.order_id:
            await _refuse_without_id(context)
        if owner := self._tagged_for(request.order_id):
            await _refuse_of_user(request.order_id, owner, context)
        key = ("CancelOrder", request.request_id, request.order_id)

        async def cancel() -> pb.CancelOrderResponse:
            asked = account_pb2.AccountServiceCancelOrderRequest(order_id=request.order_id)
            done = await self._master_link().ask("CancelOrder", asked, ORDER_TIMEOUT_S)
            return pb.CancelOrderResponse(outcome=done.outcome, order=done.order)

        try:
            return await self._once.answer(key, pb.CancelOrderResponse, cancel)
        except CallFailed as error:
            if error.reason == "ORDER_NOT_FOUND" and (owner := self._user_of(request.order_id)):
                await _refuse_of_user(request.order_id, owner, context)
            await _refuse_cancel(error, context)

    async def CancelOrders(
        self, request: pb.CancelOrdersRequest, context: Context
    ) -> pb.CancelOrdersResponse:
        """Cancels all open orders of the master, or those of a pair or side."""
        await check_request_id(request.request_id, context)
        key = ("CancelOrders", request.request_id, request.pair, str(request.side))

        async def cancel() -> pb.CancelOrdersResponse:
            asked = account_pb2.AccountServiceCancelOrdersRequest(pair=request.pair, side=request.side)
            done = await self._master_link().ask("CancelOrders", asked, ORDER_TIMEOUT_S)
            return pb.CancelOrdersResponse(
                cancelled=done.cancelled, already_over=done.already_over, left=done.left, message=done.message
            )

        try:
            return await self._once.answer(key, pb.CancelOrdersResponse, cancel)
        except CallFailed as error:
            await _refuse_cancel(error, context)

    def _master_link(self) -> AccountLink:
        """Raises CallFailed where there is nobody to ask."""
        return _link(self._order_supervisor.registry.master)

    async def _asked_account(self, account_id: str, context: Context) -> SupervisedAccount:
        if not account_id:
            return self._order_supervisor.registry.master
        return await find_account(self._order_supervisor.accounts, account_id, context)

    def _tagged_for(self, cl_ord_id: str) -> str:
        """The user that an order was made for by its client order id; empty for none."""
        users = [user.id for user in self._order_supervisor.config.users]
        made_for = tags(self._order_supervisor.journal.journal_id, users).get(tag_of(cl_ord_id))
        return "" if made_for is None else made_for[1]

    def _user_of(self, order_id: str) -> str:
        """The user that an order was made for, by its client order id or one of the latest copies; empty for
        none.
        """
        if tagged_for := self._tagged_for(order_id):
            return tagged_for
        journal = self._order_supervisor.journal
        for _, copy in journal.copies_before(END, COPIES_LOOKED_AT):
            if order_id in (copy.order_id, copy.cl_ord_id):
                return copy.account_id
        return ""


def _page(orders: Any, after: int, size: int) -> tuple[list[types_pb2.Order], int]:
    """A page of orders that were opened after a time (microseconds since 1970), and the time of its last one;
    0 where nothing follows. Those of one instant stay together: the next page begins behind their time.
    """
    rest = [order for order in orders if _opened_us(order) > after]
    if len(rest) <= size:
        return rest, 0
    last = _opened_us(rest[size - 1])
    page = list(itertools.takewhile(lambda order: _opened_us(order) <= last, rest))
    return page, last if len(page) < len(rest) else 0


def _opened_us(order: types_pb2.Order) -> int:
    return order.opened_at.seconds * 1_000_000 + order.opened_at.nanos // 1_000


def _link(account: SupervisedAccount) -> AccountLink:
    """The conversation with an account's process. Raises CallFailed where there is none."""
    link = account.process.link
    if link is None or not link.linked:
        why = f" ({account.life.reason})" if account.life.reason else ""
        message = (
            f"{account.config.id} is {account.life.state}{why}: nobody can ask the exchange for it. Its open "
            f"orders stay there; krakencopy start {account.config.id}, or look at Kraken"
        )
        raise CallFailed(Status.FAILED_PRECONDITION, message, "NOT_CONNECTED")
    return link


async def _read(account: SupervisedAccount, asked: Message, context: Context) -> Any:
    try:
        return await _link(account).ask("ListOrders", asked, ORDER_TIMEOUT_S)
    except CallFailed as error:
        await _refuse_read(error, account, context)


async def _refuse_read(error: CallFailed, account: SupervisedAccount, context: Context) -> NoReturn:
    if error.reason:
        await _pass_on(error, context)
    message = f"{account.config.id} did not answer ({error}); try again"
    await refuse(context, grpc.StatusCode.UNAVAILABLE, "EXCHANGE", message)


async def _refuse_cancel(error: CallFailed, context: Context) -> NoReturn:
    if error.reason and error.reason != INTERNAL_FAULT:
        await _pass_on(error, context)
    message = f"{error}; the cancel may have reached the exchange: ask again, which does no harm"
    await refuse(context, grpc.StatusCode.UNKNOWN, "CANCEL_OUTCOME_UNKNOWN", message)


async def _pass_on(error: CallFailed, context: Context) -> NoReturn:
    await refuse(
        context, CODES[error.status], error.reason, error.message, metadata=error.metadata,
        violations=error.violations,
    )  # fmt: skip


async def _refuse_of_user(order_id: str, account_id: str, context: Context) -> NoReturn:
    message = (
        f"order {order_id} was placed for the user {account_id}, and only the master's are cancelled here; "
        f"copying ends its orders itself, and {account_id}'s owner can cancel at Kraken"
    )
    await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "ORDER_OF_A_USER", message)


async def _refuse_without_id(context: Context) -> NoReturn:
    words = "is empty; give the exchange's id, the client order id or the request_id of an order"
    await refuse_field(context, "order_id", words, "ORDER_ID_MISSING")
