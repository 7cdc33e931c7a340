"""What people read of orders: one line in a wide terminal, two in a narrow one, all of it on a page."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.client.views import order_pages as views
from krakencopy.client.views.table import table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.client_samples import START_S, at

ID = "OABCDE-ABCDE-ABCDEF"
CL_ORD_ID = "6b3a0e0e-54f4-5d0c-9a53-0f1b8a6f2d11"


def order(**changes: Any) -> nouns.Order:
    return nouns.Order(
        **{
            "account_id": "master", "order_id": ID, "cl_ord_id": CL_ORD_ID, "pair": "BTC/USD",
            "side": nouns.SIDE_BUY, "type": "limit", "status": "open", "price": "48000.0",
            "volume": "0.00123456", "filled_volume": "0", "opened_at": at(),
            "origin": nouns.ORDER_ORIGIN_REQUEST, "request_id": "mine", **changes,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_660, "1 h 1 m"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_an_age_is_written_as_people_do(seconds: int, words: str) -> None:
    assert views.age(at(), START_S + seconds) == words


def test_a_table_has_what_an_order_is_known_by() -> None:
    hand = order(
        order_id="O2", cl_ord_id="", request_id="", origin=nouns.ORDER_ORIGIN_BY_HAND, side=nouns.SIDE_SELL,
        type="stop-loss-limit", price="40000.0", price2="39000.0", filled_volume="0.00061728",
    )  # fmt: skip
    rows = [views.order_row(each, START_S + 90) for each in (order(), hand, nouns.Order(order_id="O9"))]
    assert rows == [
        [ID, "1 min", "buy", "0.00123456", "BTC/USD", "limit", "48000.0", "0%", "request", "mine", CL_ORD_ID],
        [
            "O2", "1 min", "sell", "0.00123456", "BTC/USD", "stop-loss-limit", "40000.0 -> 39000.0", "50%",
            "hand", "", "",
        ],
        ["O9", *[""] * 9, "(cannot be read)"],
    ]  # fmt: skip
    header, first, *_ = table(views.order_columns(), rows[:1])
    assert len(header.split("CLIENT ORDER ID")[0]) == len(first) - len(CL_ORD_ID)
    assert len(first) <= views.TABLE_COLUMNS_MIN


def test_two_lines_of_80_columns_tell_the_same() -> None:
    lines = views.order_lines(order(filled_volume="0.0003"), START_S + 300_000)
    assert lines == [
        f"{ID}  3 d 11 h  buy 0.00123456 BTC/USD limit 48000.0, 24% filled",
        f"  by request mine, client order id {CL_ORD_ID}",
    ]
    assert max(map(len, lines)) <= 80
    assert views.order_lines(nouns.Order(order_id="O9"), START_S) == [
        "O9  (cannot be read; look at the exchange)"
    ]


@pytest.mark.parametrize(
    ("filled", "volume", "share"),
    [
        ("0", "1", "0%"),
        ("0.0001", "1", "1%"),
        ("0.999", "1", "99%"),
        ("1", "1", "100%"),
        ("", "", ""),
        ("0", "0", ""),
    ],
)
def test_only_all_is_100_percent_and_only_nothing_is_0(filled: str, volume: str, share: str) -> None:
    assert views.order_row(order(filled_volume=filled, volume=volume), START_S)[7] == share


def test_a_page_tells_how_an_order_ended_and_who_placed_it() -> None:
    page = views.order_page(
        order(
            status="canceled", filled_volume="0.0003", avg_price="47999.5", closed_at=at(5_000),
            reason="User requested", close="close position @ limit 60000",
        )
    )  # fmt: skip
    assert page == [
        f"order      {ID}",
        "account    master",
        "status     cancelled, a part of it was filled (User requested)",
        "what       buy 0.00123456 BTC/USD limit 48000.0",
        "filled     0.0003 of 0.00123456 at 47999.5",
        "then       close position @ limit 60000",
        "opened     2026-01-02 04:04:05.000+01:00",
        "over       2026-01-02 04:04:10.000+01:00",
        "placed by  an operator, by krakencopy",
        "request    mine",
        f"cl_ord_id  {CL_ORD_ID}",
    ]
    waiting = views.order_page(order(expires_at=at(60_000), in_quote=True, volume="50"))
    assert any("buy 50 USD BTC/USD" in line for line in waiting)
    assert any(line.startswith("expires") for line in waiting)


def cancelled(outcome: int, **changes: Any) -> str:
    shown = order(**changes) if changes else nouns.Order(order_id=ID)
    answer = pb.CancelOrderResponse(outcome=nouns.CancelOutcome.ValueType(outcome), order=shown)
    (line,) = views.cancelled_lines(answer)
    return line


WHAT = f"{ID}: buy 0.00123456 BTC/USD limit 48000.0"


@pytest.mark.parametrize(
    ("outcome", "changes", "words"),
    [
        (1, {"status": "canceled"}, f"cancelled {WHAT}; nothing of it was filled"),
        (
            1,
            {"status": "canceled", "filled_volume": "0.0003"},
            f"cancelled {WHAT}; 0.0003 of 0.00123456 was filled, and is copied as every fill is",
        ),
        (
            2,
            {},
            f"{ID}: the exchange has accepted the cancel; krakencopy orders {ID} shows whether it is over",
        ),
        (3, {}, f"{ID} was over already; krakencopy orders {ID} shows how"),
        (
            3,
            {"status": "closed", "filled_volume": "0.00123456"},
            f"{WHAT} was over already (filled); all of it was filled, and is copied as every fill is",
        ),
        (3, {"status": "expired"}, f"{WHAT} was over already (expired); nothing of it was filled"),
    ],
)
def test_a_cancel_says_what_became_of_the_order(outcome: int, changes: dict[str, Any], words: str) -> None:
    assert cancelled(outcome, **changes) == words


def test_the_cancel_of_many_is_counted_and_what_is_left_has_a_reason() -> None:
    answer = pb.CancelOrdersResponse(
        cancelled=1, already_over=2, left=3, message="EOrder:Rate limit exceeded"
    )
    assert views.all_cancelled_lines(answer) == [
        "cancelled 1 order of the master",
        "2 orders were over already",
    ]
    assert views.left_line(answer) == "3 orders left: EOrder:Rate limit exceeded"
    assert views.left_line(pb.CancelOrdersResponse(cancelled=2)) == ""
