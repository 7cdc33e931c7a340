"""The SDK's calls about orders: placed or only checked on the master, listed, looked up, cancelled."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal, TypeVar

import grpc

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.pages import page_size, pages
from krakencopy.client.sdk.timeouts import ORDERS_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

Q = TypeVar("Q")
R = TypeVar("R")
SideWord = Literal["buy", "sell"]

_SIDES = {"buy": nouns.SIDE_BUY, "sell": nouns.SIDE_SELL, None: nouns.SIDE_UNSPECIFIED}


class OrderCalls:
    """A part of KrakenCopy. The exchange is asked by each call: ``timeout_s`` is 25 s unless given, but for
    ``place_order``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def place_order(
        self,
        side: SideWord,
        pair: str,
        volume: Decimal,
        *,
        limit_price: Decimal | None = None,
        validate: bool = False,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.PlaceOrderResponse:
        """Place an order on the master account; a market order without ``limit_price``.

        ``volume`` is in base, ``limit_price`` in quote. The same ``request_id`` always gives the same order:
        after Unavailable, TimedOut or ServerFault ask again with the error's ``request_id``. With
        ``validate`` the exchange only checks it: nothing is placed.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.PlaceOrderRequest(
            request_id=request_id,
            pair=pair,
            side=_SIDES[side],
            volume=f"{volume:f}",
            limit_price="" if limit_price is None else f"{limit_price:f}",
            validate=validate,
        )
        return self._connection.ask(self._connection.stub.PlaceOrder, request, timeout_s, request_id)

    def list_orders(
        self,
        *,
        account_id: str = "",
        pair: str = "",
        side: SideWord | None = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[nouns.Order]:
        """Open orders of the master, or of another account at Kraken, of any origin, the oldest first.
        At most ``limit``. Those that cannot be read come last and have their id alone.
        """

        def page(token: str) -> tuple[Iterable[nouns.Order], str]:
            request = pb.ListOrdersRequest(
                page_size=page_size(limit),
                page_token=token,
                account_id=account_id,
                pair=pair,
                side=_SIDES[side],
            )
            response = self._ask_orders(self._connection.stub.ListOrders, request, timeout_s)
            found = list(response.orders)
            if not response.next_page_token:
                found += [nouns.Order(account_id=account_id, order_id=id_) for id_ in response.unreadable_ids]
            return found, response.next_page_token

        return pages(page, limit)

    def get_order(
        self, order_id: str, *, account_id: str = "", timeout_s: float | None = None
    ) -> nouns.Order:
        """One order of the master, or of another account at Kraken, open or over: by the exchange's id, its
        client order id or its request id. Raises NotFound.
        """
        request = pb.GetOrderRequest(account_id=account_id, order_id=order_id)
        return self._ask_orders(self._connection.stub.GetOrder, request, timeout_s).order

    def cancel_order(
        self, order_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> pb.CancelOrderResponse:
        """Cancel one order of the master, of any origin, by the exchange's id, its client order id or its
        request id. What of it was filled before is copied as every fill is.

        Raises NotFound, Refused (a user's order, a key that may not, the exchange's refusal). Asking again
        does no harm.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.CancelOrderRequest(request_id=request_id, order_id=order_id)
        return self._ask_orders(self._connection.stub.CancelOrder, request, timeout_s, request_id)

    def cancel_orders(
        self,
        *,
        pair: str = "",
        side: SideWord | None = None,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.CancelOrdersResponse:
        """Cancel all open orders of the master, of any origin, or those of one pair or side. Some may
        be ``left``, with the reason in ``message``.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.CancelOrdersRequest(request_id=request_id, pair=pair, side=_SIDES[side])
        return self._ask_orders(self._connection.stub.CancelOrders, request, timeout_s, request_id)

    def _ask_orders(
        self,
        rpc: grpc.UnaryUnaryMultiCallable[Q, R],
        request: Q,
        timeout_s: float | None,
        request_id: str = "",
    ) -> R:
        limit_s = ORDERS_TIMEOUT_S if timeout_s is None else timeout_s
        return self._connection.ask(rpc, request, limit_s, request_id)
