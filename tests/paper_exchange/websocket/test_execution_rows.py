"""Rows of the executions channel: an order tells all of itself once, and then what has changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from krakencopy.paper_exchange.accounts.orders import ExecType, Order, OrderEvent
from krakencopy.paper_exchange.websocket.execution_rows import (
    event_row,
    is_sent,
    open_order_row,
    past_trade_row,
    snapshot_rows,
)
from tests.support.paper_venue import Venue, venue

STARTS_LATER = str(1_700_000_000 + 60)


def rows(market: Venue, order: Order) -> dict[str, dict[str, Any]]:
    """The last row of each kind."""
    told = [event for event in market.events if event.order is order]
    return {str(event.kind): event_row(event, market.exchange.market) for event in told}


def test_only_the_first_row_tells_the_whole_order_and_the_others_what_happened() -> None:
    market = venue()
    told = rows(market, market.add("buy 0.5 market", userref="7"))
    assert list(told) == ["pending_new", "new", "trade", "filled"]
    assert told["pending_new"] | {
        "symbol": "BTC/USD", "side": "buy", "order_type": "market", "order_qty": Decimal("0.5"),
        "time_in_force": "GTC", "order_userref": 7, "order_status": "pending_new",
    } == told["pending_new"]  # fmt: skip
    assert told["new"].keys() == {"order_id", "order_userref", "exec_type", "order_status", "timestamp"}
    trade = told["trade"]
    assert (trade["last_qty"], trade["last_price"], trade["liquidity_ind"]) == (
        Decimal("0.5"), Decimal("50000.1"), "t",
    )  # fmt: skip
    assert (trade["order_status"], told["filled"]["order_status"]) == ("partially_filled", "filled")
    assert trade["fees"] == [
        {"asset": "USD", "qty": trade["fee_usd_equiv"].quantize(trade["fees"][0]["qty"])}
    ]


def test_a_clients_own_id_takes_the_place_of_its_reference() -> None:
    row = open_order_row(venue().add("buy 1 limit 40000", cl_ord_id="mine"))
    assert (row["cl_ord_id"], "order_userref" in row) == ("mine", False)


@pytest.mark.parametrize(
    ("text", "more", "fields"),
    [
        ("buy 1 limit 40000", {}, {"limit_price": Decimal(40_000), "limit_price_type": "static"}),
        ("buy 1 limit 40000", {"oflags": "post,fcib"}, {"post_only": True, "fee_ccy_pref": "fcib"}),
        ("buy 1 limit 40000", {"timeinforce": "GTD", "expiretm": "+60"}, {"time_in_force": "GTD"}),
        (
            "buy 15 iceberg 40000",
            {"displayvol": "1"},
            {"display_qty": Decimal(1), "display_qty_remain": Decimal(1)},
        ),
        (
            "sell 1 stop-loss 40000",
            {},
            {"stop_price": Decimal(40_000), "trigger": "last", "order_type": "stop-loss"},
        ),
        (
            "buy 1 limit 40000",
            {"close[ordertype]": "stop-loss-limit", "close[price]": "39000", "close[price2]": "-1%"},
            {
                "contingent": {
                    "order_type": "stop-loss-limit", "trigger_price": Decimal(39_000),
                    "trigger_price_type": "static", "limit_price": Decimal(-1), "limit_price_type": "pct",
                }
            },
        ),
        (
            "buy 1 limit 40000",
            {"close[ordertype]": "limit", "close[price]": "#5"},
            {"contingent": {"order_type": "limit", "limit_price": Decimal(5), "limit_price_type": "quote"}},
        ),
    ],
)  # fmt: skip
def test_a_whole_order_tells_its_terms(text: str, more: dict[str, str], fields: dict[str, Any]) -> None:
    row = open_order_row(venue().add(text, **more))
    assert {name: row[name] for name in fields} == fields


def test_a_trigger_says_what_it_waits_for_and_when_it_has_fired() -> None:
    market = venue()
    order = market.add("sell 1 trailing-stop +10%")
    waiting = open_order_row(order)["triggers"]
    assert (waiting["price"], waiting["price_type"], waiting["status"]) == (Decimal(10), "pct", "untriggered")
    assert {"actual_price", "peak_price"} <= waiting.keys()
    market.trade("40000.0")
    fired = [event for event in market.events if event.order is order][-1]
    assert fired.kind is ExecType.FILLED
    assert open_order_row(order)["triggers"]["status"] == "triggered"
    assert "timestamp" in open_order_row(order)["triggers"]


def test_a_trailing_limit_is_a_distance_from_what_triggers_it() -> None:
    row = open_order_row(venue().add("sell 1 trailing-stop-limit +5% -10"))
    assert (row["limit_price"], row["limit_price_type"]) == (Decimal(-10), "quote")


def test_an_order_that_is_scheduled_is_pending() -> None:
    row = open_order_row(venue().add("buy 1 limit 40000", starttm=STARTS_LATER))
    assert (row["exec_type"], row["order_status"]) == ("pending_new", "pending_new")
    assert row["effective_time"] == "2023-11-14T22:14:20.000000Z"


def test_an_iceberg_that_shows_itself_anew_tells_how_much() -> None:
    market = venue()
    order = market.add("buy 15 iceberg 49000", displayvol="1")
    market.trade("49000.0", "1")
    row = rows(market, order)["iceberg_refill"]
    assert (row["display_qty"], row["display_qty_remain"]) == (Decimal(1), Decimal(1))


def test_an_amend_tells_the_new_terms_with_its_reason() -> None:
    market = venue()
    order = market.add("buy 1 limit 40000")
    market.amend(order, order_qty="2", limit_price="41000")
    row = rows(market, order)["amended"]
    assert (row["amended"], row["order_qty"], row["limit_price"]) == (True, Decimal(2), Decimal(41_000))
    assert row["cum_qty"] == 0


@pytest.mark.parametrize("tells_totals", [True, False])
def test_a_cancel_says_why_and_what_was_filled_if_it_tells_that(*, tells_totals: bool) -> None:
    market = venue()
    order = market.add("buy 1 limit 49000")
    market.trade("49000.0", "0.25")
    order.reason = "User requested"
    event = OrderEvent(
        ExecType.CANCELED, order, market.now_us, order.vol_exec, order.cost, tells_totals=tells_totals
    )
    row = event_row(event, market.exchange.market)
    assert row["reason"] == row["cancel_reason"] == "User requested"
    assert ("cum_qty" in row) is tells_totals
    if tells_totals:
        assert (row["cum_qty"], row["avg_price"]) == (Decimal("0.25"), Decimal(49_000))


def test_a_subscription_begins_with_open_orders_and_the_last_fills_as_it_asked() -> None:
    market = venue()
    order = market.add("buy 1 limit 49000")
    market.trade("49000.0", "0.25")
    (trade,) = order.trades
    (open_row, past_row) = snapshot_rows(market.account, market.exchange.market, orders=True, trades=True)
    assert (open_row["order_status"], open_row["order_id"]) == ("partially_filled", order.txid)
    assert past_row == past_trade_row(trade, market.exchange.market)
    assert (past_row["exec_id"], past_row["order_status"], past_row["liquidity_ind"]) == (
        trade.exec_id, "filled", "m",
    )  # fmt: skip
    assert snapshot_rows(market.account, market.exchange.market, orders=False, trades=False) == []


def test_without_order_status_only_what_opens_and_closes_and_trades_is_told() -> None:
    order = venue().add("buy 1 limit 40000")
    events = [OrderEvent(kind, order, 0, order.vol_exec, order.cost) for kind in ExecType]
    quiet = {str(event.kind) for event in events if not is_sent(event, order_status=False)}
    assert quiet == {"pending_new", "amended", "restated", "status", "iceberg_refill"}
    assert all(is_sent(event, order_status=True) for event in events)
