"""The trading methods of the WebSocket over a real socket: their answers, and what the executions channel
tells of them.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.paper_feed import Feed, feed
from tests.support.paper_server import Client, Server

D = Decimal
LIMIT: dict[str, Any] = {
    "symbol": "BTC/USD", "side": "buy", "order_type": "limit", "limit_price": 40000, "order_qty": 0.01,
}  # fmt: skip
MARKET: dict[str, Any] = {"symbol": "BTC/USD", "side": "buy", "order_type": "market", "order_qty": 0.01}


@pytest.fixture
def client(server: Server) -> Client:
    server.pin("XBTUSD", bid="49999.9", ask="50000.0", depth="5")
    return server.account(ZUSD="100000", XXBT="10")


@pytest.fixture
def told(server: Server, client: Client) -> Iterator[Feed]:
    """A socket that trades and hears of it."""
    with feed(server) as connected:
        connected.executions(client)
        yield connected


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_order_is_told_before_it_is_acknowledged(client: Client, told: Feed) -> None:
    token = client.call("GetWebSocketsToken")["token"]
    told.send("add_order", {"token": token, **MARKET, "order_userref": 5}, req_id=99)
    pending, _, trade, filled = told.rows(4)
    ack = told.next()
    assert ack.pop("result") == {"order_id": pending["order_id"], "order_userref": 5}
    assert (ack.pop("method"), ack.pop("req_id"), ack.pop("success")) == ("add_order", 99, True)
    assert ack.keys() == {"time_in", "time_out"}
    assert (trade["last_price"], filled["exec_type"]) == (50000, "filled")


def test_the_clients_own_id_comes_back_and_is_in_every_row(client: Client, told: Feed) -> None:
    mine = str(uuid.uuid4())
    result = told.done(client, "add_order", **LIMIT, cl_ord_id=mine)
    assert result["cl_ord_id"] == mine
    rows = told.rows(2)
    assert [(row["cl_ord_id"], "order_userref" in row) for row in rows] == [(mine, False)] * 2
    assert told.refused(client, "add_order", **LIMIT, cl_ord_id=mine) == (
        "EGeneral:Invalid arguments:cl_ord_id not unique"
    )


def test_an_order_that_is_only_validated_has_no_id(client: Client, told: Feed) -> None:
    assert told.done(client, "add_order", **LIMIT, validate=True) == {"order_id": ""}
    assert client.call("OpenOrders") == {"open": {}}


def test_a_market_order_may_be_sized_in_quote(client: Client, told: Feed) -> None:
    told.done(client, "add_order", symbol="BTC/USD", side="buy", order_type="market", cash_order_qty=500)
    pending, _, trade, _ = told.rows(4)
    assert pending["cash_order_qty"] == 500
    assert trade["last_qty"] == D("0.01")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"order_qty": 50}, "EOrder:Insufficient funds"),
        ({"order_qty": 0.00001}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"order_qty": 0.01, "price": 1}, "Unsupported field: 'price' for the given msg type: add order"),
        ({"order_qty": 0.01, "symbol": "XBT/USD"}, "Currency pair not supported XBT/USD"),
        ({"order_qty": "0.01"}, "Order_qty field must be a number_float"),
        ({"order_qty": 0.01, "cl_ord_id": "x" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"order_qty": 0.01, "deadline": "2020-01-01T00:00:00.000Z"}, "EService:Deadline elapsed"),
    ],
)
def test_a_bad_order_is_refused(client: Client, told: Feed, fields: dict[str, Any], error: str) -> None:
    assert told.refused(client, "add_order", **LIMIT | fields) == error


def test_a_deadline_may_be_half_a_second_ahead(client: Client, told: Feed) -> None:
    assert told.done(client, "add_order", **LIMIT, deadline=later(1))["order_id"]
    assert told.refused(client, "add_order", **LIMIT, deadline=later(90)).startswith(
        "EGeneral:Invalid arguments"
    )


def test_a_token_is_needed_and_its_key_must_be_allowed_to_trade(server: Server, told: Feed) -> None:
    told.send("add_order", {**LIMIT, "token": "old"}, req_id=1)
    assert told.next()["error"] == "ESession:Invalid session"
    reader = server.account(permissions=["create-ws-token", "query-open-trades"])
    assert told.refused(reader, "add_order", **LIMIT) == "EGeneral:Permission denied"


def test_an_amend_tells_the_new_terms(client: Client, told: Feed) -> None:
    mine = "amended-1"
    order_id = told.done(client, "add_order", **LIMIT, cl_ord_id=mine)["order_id"]
    result = told.done(client, "amend_order", cl_ord_id=mine, limit_price=41000.5, order_qty=0.02)
    assert (result["cl_ord_id"], result.keys()) == (mine, {"amend_id", "cl_ord_id"})
    row = told.rows(3)[2]
    assert row == {
        "order_id": order_id,
        "cl_ord_id": mine,
        "exec_type": "amended",
        "order_status": "new",
        "timestamp": row["timestamp"],
        "cum_qty": 0,
        "reason": "User requested",
        "amended": True,
        "order_qty": D("0.02"),
        "limit_price_type": "static",
        "limit_price": D("41000.5"),
    }


def test_an_edit_ends_the_order_and_begins_another(client: Client, told: Feed) -> None:
    old = told.done(client, "add_order", **LIMIT)["order_id"]
    result = told.done(client, "edit_order", order_id=old, symbol="BTC/USD", limit_price=39000)
    assert result["original_order_id"] == old
    rows = told.rows(5)[2:]
    assert {(row["order_id"], row["exec_type"]) for row in rows} == {
        (old, "canceled"),
        (result["order_id"], "pending_new"),
        (result["order_id"], "new"),
    }


def test_each_cancelled_order_has_an_answer_of_its_own(client: Client, told: Feed) -> None:
    first = told.done(client, "add_order", **LIMIT, order_userref=4)["order_id"]
    second = told.done(client, "add_order", **LIMIT, cl_ord_id="second")["order_id"]
    told.rows(4)
    token = client.call("GetWebSocketsToken")["token"]
    wanted = {
        "token": token,
        "order_id": ["OAAAAA-BBBBB-CCCCCC"],
        "cl_ord_id": ["second"],
        "order_userref": [4],
    }
    told.send("cancel_order", wanted, req_id=3)
    assert {row["order_id"] for row in told.rows(2)} == {first, second}
    unknown, by_id, by_userref = (told.next() for _ in range(3))
    assert {answer["req_id"] for answer in (unknown, by_id, by_userref)} == {3}
    assert (unknown["success"], unknown["error"]) == (False, "EOrder:Invalid order")
    assert by_id["result"] == {"order_id": second, "cl_ord_id": "second"}
    assert by_userref["result"] == {"order_id": first}
    assert told.refused(client, "cancel_order", order_id=[first]) == "EOrder:Unknown order"


def test_a_batch_answers_each_line_in_its_place(client: Client, told: Feed) -> None:
    line = {name: LIMIT[name] for name in ("side", "order_type", "limit_price", "order_qty")}
    lines = [line | {"order_userref": 1}, line | {"order_qty": 50}, line | {"cl_ord_id": "third"}]
    first, second, third = told.done(client, "batch_add", symbol="BTC/USD", orders=lines)
    assert first["order_userref"] == 1
    assert second == {"error": "EOrder:Insufficient funds"}
    assert third["cl_ord_id"] == "third"
    ids = [first["order_id"], third["order_id"]]
    answer = told.ask(client, "batch_cancel", orders=ids)
    assert answer.keys() == {"method", "orders_cancelled", "req_id", "success", "time_in", "time_out"}
    assert (answer["orders_cancelled"], answer["success"]) == (2, True)
    assert client.call("OpenOrders") == {"open": {}}


def test_a_batch_with_a_badly_written_line_is_refused_whole(client: Client, told: Feed) -> None:
    line = {name: LIMIT[name] for name in ("side", "order_type", "limit_price", "order_qty")}
    lines = [line, line | {"order_type": "nonsense"}]
    error = told.refused(client, "batch_add", symbol="BTC/USD", orders=lines)
    assert error == "EGeneral:Invalid arguments:ordertype"
    assert client.call("OpenOrders") == {"open": {}}


def test_cancel_all_counts(client: Client, told: Feed) -> None:
    for _ in range(3):
        told.done(client, "add_order", **LIMIT)
    assert told.done(client, "cancel_all") == {"count": 3}


def test_the_dead_mans_switch_cancels_what_is_open(client: Client, told: Feed) -> None:
    order_id = told.done(client, "add_order", **LIMIT)["order_id"]
    armed = told.done(client, "cancel_all_orders_after", timeout=1)
    assert armed["currentTime"] < armed["triggerTime"]
    canceled = told.rows(3)[2]
    assert (canceled["order_id"], canceled["reason"]) == (order_id, "CancelAllOrdersAfter Timeout")
    assert told.done(client, "cancel_all_orders_after", timeout=0)["triggerTime"] == "0"


def test_a_trigger_tells_what_it_waits_for_and_when_it_fired(
    server: Server, client: Client, told: Feed
) -> None:
    result = told.done(
        client, "add_order", symbol="BTC/USD", side="sell", order_type="stop-loss", order_qty=0.01,
        triggers={"price": 49000, "reference": "last"},
    )  # fmt: skip
    pending, _ = told.rows(2)
    assert (pending["order_id"], pending["order_type"]) == (result["order_id"], "stop-loss")
    assert pending["triggers"]["status"] == "untriggered"
    assert (pending["triggers"]["price"], pending["triggers"]["price_type"]) == (49000, "static")
    server.pin("XBTUSD", bid="48000.0", ask="48000.1", depth="5")
    status, trade = told.rows(2)
    assert (status["exec_type"], status["triggers"]["status"]) == ("status", "triggered")
    assert (trade["exec_type"], trade["last_price"]) == ("trade", 48000)


def test_an_expired_order_says_so(client: Client, told: Feed) -> None:
    # Whole seconds are told, which are up to one less, and Kraken wants five to be left when the order comes
    # in.
    soon = datetime.now(UTC) + timedelta(seconds=7)
    order = {**LIMIT, "time_in_force": "gtd", "expire_time": soon.strftime("%Y-%m-%dT%H:%M:%SZ")}
    order_id = told.done(client, "add_order", **order)["order_id"]
    pending, _, expired = told.rows(3)
    assert (pending["time_in_force"], pending["expire_time"]) == (
        "GTD",
        soon.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    )
    assert (expired["order_id"], expired["exec_type"], expired["order_status"]) == (
        order_id,
        "expired",
        "expired",
    )


def test_the_engines_counter_is_told_where_it_was_asked_for(server: Server, client: Client) -> None:
    with feed(server) as connected:
        connected.executions(client, ratecounter=True)
        connected.done(client, "add_order", **LIMIT)
        pending, new = connected.rows(2)
        assert 0 < pending["ratecounter"] <= 1
        assert 0 < new["ratecounter"] <= 1


def test_trading_requests_are_in_the_log_without_their_token(
    server: Server, client: Client, told: Feed
) -> None:
    before_ns = time.monotonic_ns()
    told.done(client, "add_order", **LIMIT)
    told.refused(client, "add_order", **LIMIT | {"order_qty": 50})
    rows = [row for row in server.rows(client) if row["method"] == "add_order"]
    assert [row["outcome"] for row in rows] == ["ok", "EOrder:Insufficient funds"]
    assert (rows[0]["nonce"], rows[0]["params"]["order_qty"], "token" in rows[0]["params"]) == (
        None,
        "0.01",
        False,
    )
    assert rows[0]["received_ns"] > before_ns


def test_an_answer_may_come_late_but_not_what_it_is_about() -> None:
    slow = Server("--latency-ms", "300")
    try:
        slow.pin("XBTUSD", bid="49999.9", ask="50000.0", depth="5")
        client = slow.account(ZUSD="1000")
        with feed(slow) as connected:
            connected.executions(client)
            token = client.call("GetWebSocketsToken")["token"]
            begun_s = time.monotonic()
            connected.send("add_order", {"token": token, **LIMIT})
            connected.rows(2)
            connected.send("ping")
            assert connected.next()["method"] == "pong"
            assert connected.next()["method"] == "add_order"
            assert time.monotonic() - begun_s >= 0.3
    finally:
        assert slow.stop() == 0


def test_cancelling_young_orders_fills_the_engines_counter(server: Server) -> None:
    server.pin("XBTUSD", bid="49999.9", ask="50000.0", depth="5")
    client = server.account(tier="starter", ZUSD="1000")
    with feed(server) as connected:
        ack = connected.executions(client, snap_orders=False, snap_trades=False)
        assert ack["result"]["maxratecount"] == 60
        token = client.call("GetWebSocketsToken")["token"]
        seen = []
        for _ in range(8):
            connected.send("add_order", {"token": token, **LIMIT})
            order_id = connected.rows(2)[0]["order_id"]
            assert connected.next()["success"]
            connected.send("cancel_order", {"token": token, "order_id": [order_id]})
            answer = connected.next()
            if "error" in answer:
                seen.append(answer["error"])
                break
            assert connected.next()["success"]
    assert seen == ["EOrder:Rate limit exceeded"]
