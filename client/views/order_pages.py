"""Orders as rows, pages and sentences for people. Pure: messages in, lines out; nothing is asked, nothing
printed.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.views.formats import is_some, local_time, nanoseconds, plain, side
from krakencopy.client.views.table import Column, pairs
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Below so many columns an order takes two lines of its own instead of a row of the table.
TABLE_COLUMNS_MIN = 140
#: The exchange's word for an order that was filled says less than it could.
_STATUS = {"closed": "filled", "canceled": "cancelled"}

_WHO = {
    nouns.ORDER_ORIGIN_REQUEST: "request",
    nouns.ORDER_ORIGIN_STRATEGY: "strategy",
    nouns.ORDER_ORIGIN_COPY: "copying",
    nouns.ORDER_ORIGIN_BY_HAND: "hand",
    nouns.ORDER_ORIGIN_ELSEWHERE: "elsewhere",
}
_WHO_LONG = {
    nouns.ORDER_ORIGIN_REQUEST: "an operator, by krakencopy",
    nouns.ORDER_ORIGIN_STRATEGY: "the account's own strategy",
    nouns.ORDER_ORIGIN_COPY: "copying",
    nouns.ORDER_ORIGIN_BY_HAND: "hand: the account's owner, at the exchange or with another program",
    nouns.ORDER_ORIGIN_ELSEWHERE: "another installation of krakencopy, or this one with an earlier ledger",
}


def order_columns() -> tuple[Column, ...]:
    """What order_row's cells are."""
    return (
        Column("ORDER", width=19),
        Column("AGE", right=True),
        Column("SIDE", width=4),
        Column("VOLUME", right=True),
        Column("PAIR"),
        Column("TYPE"),
        Column("PRICE", right=True),
        Column("FILLED", right=True),
        Column("BY", width=9),
        Column("REQUEST"),
        Column("CLIENT ORDER ID"),
    )


def order_row(order: nouns.Order, now_s: float) -> list[str]:
    """One order's cells of order_columns; of one that cannot be read, its id. ``now_s``: Unix seconds."""
    if not is_readable(order):
        return [plain(order.order_id), *[""] * 6, "", "", "", "(cannot be read)"]
    return [
        plain(order.order_id),
        age(order.opened_at, now_s),
        side(order.side),
        _volume(order),
        plain(order.pair),
        plain(order.type),
        _prices(order),
        _share(order),
        _WHO.get(order.origin, ""),
        plain(order.request_id),
        plain(order.cl_ord_id),
    ]


def order_lines(order: nouns.Order, now_s: float) -> list[str]:
    """The same in two lines, for a narrow terminal."""
    if not is_readable(order):
        return [f"{plain(order.order_id)}  (cannot be read; look at the exchange)"]
    by = " ".join(filter(None, (_WHO.get(order.origin, ""), plain(order.request_id))))
    named = f", client order id {plain(order.cl_ord_id)}" if order.cl_ord_id else ""
    old = age(order.opened_at, now_s)
    return [
        f"{plain(order.order_id)}  {old:>7}  {_sentence(order)}, {_share(order)} filled",
        f"  by {by}{named}",
    ]


def order_page(order: nouns.Order) -> list[str]:
    """Everything that is known of one order."""
    status = _STATUS.get(order.status, plain(order.status))
    if order.status == "canceled" and is_some(order.filled_volume):
        status = "cancelled, a part of it was filled"
    return pairs(
        (
            ("order", plain(order.order_id)),
            ("account", plain(order.account_id)),
            ("status", f"{status} ({plain(order.reason)})" if order.reason else status),
            ("what", _sentence(order)),
            ("filled", _filled(order)),
            ("then", plain(order.close)),
            ("opened", local_time(order.opened_at)),
            ("over", local_time(order.closed_at)),
            ("expires", local_time(order.expires_at) if not nanoseconds(order.closed_at) else ""),
            ("placed by", _WHO_LONG.get(order.origin, "")),
            ("request", plain(order.request_id)),
            ("cl_ord_id", plain(order.cl_ord_id)),
        )
    )


def cancelled_lines(answer: pb.CancelOrderResponse) -> list[str]:
    """What became of the cancel of one order."""
    order = answer.order
    name = plain(order.order_id or order.cl_ord_id)
    what = f"{name}: {_sentence(order)}" if is_readable(order) else name
    match answer.outcome:
        case nouns.CANCEL_OUTCOME_CANCELLED:
            return [f"cancelled {what}; {_copied(order)}"]
        case nouns.CANCEL_OUTCOME_ALREADY_OVER:
            if not is_readable(order):
                return [f"{what} was over already; krakencopy orders {name} shows how"]
            status = _STATUS.get(order.status, plain(order.status))
            return [f"{what} was over already ({status}); {_copied(order)}"]
        case _:
            later = f"krakencopy orders {name} shows whether it is over"
            return [f"{what}: the exchange has accepted the cancel; {later}"]


def all_cancelled_lines(answer: pb.CancelOrdersResponse) -> list[str]:
    """What became of the cancels of several."""
    lines = [f"cancelled {_orders(answer.cancelled)} of the master"]
    if answer.already_over:
        lines.append(f"{_orders(answer.already_over)} were over already")
    return lines


def left_line(answer: pb.CancelOrdersResponse) -> str:
    """Why some are still open; empty when none is."""
    return f"{_orders(answer.left)} left: {plain(answer.message)}" if answer.left else ""


def is_readable(order: nouns.Order) -> bool:
    """Whether more than its id is known."""
    return bool(order.pair)


def age(opened_at: Timestamp, now_s: float) -> str:
    """How long ago that was: ``12 s``, ``5 min``, ``3 h 12 m``, ``4 d 2 h``."""
    seconds = max(0, int(now_s - nanoseconds(opened_at) / 1e9))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} m"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _sentence(order: nouns.Order) -> str:
    """``buy 0.001 BTC/USD limit 48000.0``."""
    parts = (side(order.side), _volume(order), plain(order.pair), plain(order.type), _prices(order))
    return " ".join(part for part in parts if part)


def _volume(order: nouns.Order) -> str:
    """Kraken: a purchase for an amount of money has its volume in quote."""
    return f"{order.volume} {order.pair.partition('/')[2]}" if order.in_quote else order.volume


def _prices(order: nouns.Order) -> str:
    return plain(" -> ".join(price for price in (order.price, order.price2) if price))


def _share(order: nouns.Order) -> str:
    """``25%``; rounded so that only all is 100% and only nothing is 0%."""
    try:
        filled, volume = Decimal(order.filled_volume), Decimal(order.volume)
        share = filled / volume
    except (InvalidOperation, ArithmeticError):
        return ""
    percent = int(share * 100)
    return f"{max(percent, 1) if filled else percent}%"


def _filled(order: nouns.Order) -> str:
    if not is_some(order.filled_volume):
        return "nothing"
    at = f" at {order.avg_price}" if order.avg_price else ""
    return f"{order.filled_volume} of {order.volume}{at}"


def _copied(order: nouns.Order) -> str:
    if not is_some(order.filled_volume):
        return "nothing of it was filled"
    filled = "all of it" if _share(order) == "100%" else _filled(order)
    return f"{filled} was filled, and is copied as every fill is"
