"""Calls about orders: placed or only checked on the master, listed, looked up, cancelled. The exchange is
asked by each: ``timeout_s`` is 25 s unless given, but for ``place_order``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

from krakencopy.client.sdk.call import Ask, Listing, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.client.sdk.pages import page_size
from krakencopy.client.sdk.timeouts import ORDERS_TIMEOUT_S
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:  # the command line does without the enums
    from krakencopy.client.sdk.generated.enums import Side

#: A side as a person writes it, or as a fill has it.
SideWord: TypeAlias = 'Literal["buy", "sell"] | Side'

_SIDES = {"buy": nouns.SIDE_BUY, "sell": nouns.SIDE_SELL, None: nouns.SIDE_UNSPECIFIED}


def place_order(
    side: SideWord,
    pair: str,
    volume: Decimal,
    *,
    limit_price: Decimal | None = None,
    validate: bool = False,
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.PlaceOrderResponse, pb.PlaceOrderResponse]:
    """Place an order on the master account; a market order without ``limit_price``.

    ``volume`` is in base, ``limit_price`` in quote. The same ``request_id`` always gives the same order:
    after Unavailable, TimedOut or ServerFault ask again with the error's ``request_id``. With ``validate``
    the exchange only checks it: nothing is placed.
    """
    request = pb.PlaceOrderRequest(
        request_id=request_id or str(uuid.uuid4()),
        pair=pair,
        side=_side(side),
        volume=f"{volume:f}",
        limit_price="" if limit_price is None else f"{limit_price:f}",
        validate=validate,
    )
    return Ask(request, pb.PlaceOrderResponse, whole, timeout_s, once_for_ever=True)


def list_orders(
    *,
    account_id: str = "",
    pair: str = "",
    side: SideWord | None = None,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Listing[pb.ListOrdersResponse, nouns.Order]:
    """Open orders of the master, or of another account at Kraken, of any origin, the oldest first. At most
    ``limit``. Those that cannot be read come last and have their id alone.
    """

    def read(answer: pb.ListOrdersResponse) -> tuple[Iterable[nouns.Order], str]:
        found = list(answer.orders)
        if not answer.next_page_token:
            found += [nouns.Order(account_id=account_id, order_id=id_) for id_ in answer.unreadable_ids]
        return found, answer.next_page_token

    return Listing(
        lambda token: pb.ListOrdersRequest(
            page_size=page_size(limit), page_token=token, account_id=account_id, pair=pair, side=_side(side)
        ),
        pb.ListOrdersResponse,
        read,
        limit,
        _limit_s(timeout_s),
    )


def get_order(
    order_id: str, *, account_id: str = "", timeout_s: float | None = None
) -> Ask[pb.GetOrderResponse, nouns.Order]:
    """One order of the master, or of another account at Kraken, open or over: by the exchange's id, its
    client order id or its request id. Raises NotFound.
    """
    request = pb.GetOrderRequest(account_id=account_id, order_id=order_id)
    return Ask(request, pb.GetOrderResponse, lambda answer: answer.order, _limit_s(timeout_s))


def cancel_order(
    order_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[pb.CancelOrderResponse, pb.CancelOrderResponse]:
    """Cancel one order of the master, of any origin, by the exchange's id, its client order id or its request
    id. What of it was filled before is copied as every fill is.

    Raises NotFound, Refused (a user's order, a key that may not, the exchange's refusal). Asking again does
    no harm.
    """
    request = pb.CancelOrderRequest(request_id=request_id or str(uuid.uuid4()), order_id=order_id)
    return Ask(request, pb.CancelOrderResponse, whole, _limit_s(timeout_s), once_for_ever=True)


def cancel_orders(
    *,
    pair: str = "",
    side: SideWord | None = None,
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[pb.CancelOrdersResponse, pb.CancelOrdersResponse]:
    """Cancel all open orders of the master, of any origin, or those of one pair or side. Some may be
    ``left``, with the reason in ``message``.
    """
    request = pb.CancelOrdersRequest(request_id=request_id or str(uuid.uuid4()), pair=pair, side=_side(side))
    return Ask(request, pb.CancelOrdersResponse, whole, _limit_s(timeout_s))


def _side(side: SideWord | None) -> nouns.Side.ValueType:
    if isinstance(side, int):  # a Side
        return nouns.Side.ValueType(side)
    if side not in _SIDES:
        raise BadInput(f"side is {side!r}; write 'buy' or 'sell'")
    return _SIDES[side]


def _limit_s(timeout_s: float | None) -> float:
    return ORDERS_TIMEOUT_S if timeout_s is None else timeout_s
