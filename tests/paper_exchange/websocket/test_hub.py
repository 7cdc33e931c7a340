"""WebSocket v2 over a real socket, against an exchange in its own process."""

import json
from decimal import Decimal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.paper_feed import buy, feed
from tests.support.paper_server import Server, until


def test_a_ping_is_answered_by_a_pong_without_success(server: Server) -> None:
    with feed(server) as connected:
        connected.send("ping", req_id=101)
        pong = connected.next()
        assert (pong.pop("method"), pong.pop("req_id")) == ("pong", 101)
        assert pong.keys() == {"time_in", "time_out"}


def test_a_market_order_is_told_as_pending_new_new_trades_and_filled(server: Server) -> None:
    server.pin("XBTUSD", bid="49999.9", ask="50000.0", depth="0.4")
    client = server.account(ZUSD="100000")
    with feed(server) as connected:
        assert connected.executions(client) == {
            "channel": "executions",
            "type": "snapshot",
            "data": [],
            "sequence": 1,
        }
        txid = buy(client, "0.5", userref=3)
        pending, new, first, second, filled = connected.rows(5)
    assert pending.keys() == {
        "order_id",
        "order_userref",
        "symbol",
        "side",
        "order_type",
        "order_qty",
        "time_in_force",
        "stop_price",
        "fee_usd_equiv",
        "fee_ccy_pref",
        "exec_type",
        "order_status",
        "cum_cost",
        "timestamp",
    }
    assert (pending["exec_type"], pending["symbol"], pending["order_qty"]) == (
        "pending_new",
        "BTC/USD",
        Decimal("0.5"),
    )
    assert (
        new.keys() == filled.keys() == {"order_id", "order_userref", "exec_type", "order_status", "timestamp"}
    )
    assert {row["order_id"] for row in (pending, new, first, second, filled)} == {txid}
    assert [row["order_status"] for row in (first, second, filled)] == [
        "partially_filled",
        "partially_filled",
        "filled",
    ]
    assert (first["last_qty"], first["last_price"], first["liquidity_ind"]) == (
        Decimal("0.4"),
        Decimal("50000.0"),
        "t",
    )
    assert (second["last_qty"], second["last_price"]) == (Decimal("0.1"), Decimal("50005.0"))
    assert first["exec_id"] != second["exec_id"]
    assert (second["cum_qty"], second["cum_cost"], second["avg_price"]) == (
        Decimal("0.5"),
        Decimal("25000.5"),
        50001,
    )
    assert first["fees"] == [{"asset": "USD", "qty": Decimal(160)}]


def test_the_exec_id_is_the_id_of_the_trade_in_history(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    with feed(server) as connected:
        connected.executions(client)
        buy(client, "0.01")
        trade = connected.rows(4)[2]
    assert list(client.call("TradesHistory")["trades"]) == [trade["exec_id"]]


def test_the_sequence_of_a_subscription_has_no_gap(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    with feed(server) as first, feed(server) as second:
        first.executions(client)
        buy(client, "0.001")
        assert [first.next()["sequence"] for _ in range(4)] == [2, 3, 4, 5]
        assert second.executions(client)["sequence"] == 1
        buy(client, "0.001")
        assert [first.next()["sequence"] for _ in range(4)] == [6, 7, 8, 9]
        assert [second.next()["sequence"] for _ in range(4)] == [2, 3, 4, 5]


def test_a_snapshot_tells_open_orders_and_the_last_50_fills(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    for _ in range(52):
        buy(client, "0.0001")
    resting = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
    (txid,) = client.call("AddOrder", **resting, cl_ord_id="rest")["txid"]
    with feed(server) as connected:
        rows = connected.executions(client)["data"]
    assert [row["exec_type"] for row in rows] == ["new"] + ["trade"] * 50
    assert (rows[0]["order_id"], rows[0]["cl_ord_id"], rows[0]["limit_price"]) == (txid, "rest", 40000)
    assert {row["order_status"] for row in rows[1:]} == {"filled"}
    assert "cum_qty" not in rows[1]
    with feed(server) as connected:
        assert len(connected.executions(client, snap_trades=False)["data"]) == 1
    with feed(server) as connected:
        connected.executions(client, snap_trades=False, snap_orders=False)
        buy(client, "0.0001")
        assert connected.next()["sequence"] == 1


def test_a_cancel_tells_its_reason_and_the_totals(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    with feed(server) as connected:
        connected.executions(client)
        resting = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
        (txid,) = client.call("AddOrder", **resting)["txid"]
        client.call("CancelOrder", txid=txid)
        pending, _, canceled = connected.rows(3)
    assert (pending["limit_price"], pending["limit_price_type"], pending["order_userref"]) == (
        40000,
        "static",
        0,
    )
    assert (canceled["order_status"], canceled["reason"], canceled["cum_qty"]) == (
        "canceled",
        "User requested",
        0,
    )
    assert "symbol" not in canceled


def test_a_resting_order_fills_as_maker_when_the_market_is_set_through_it(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    with feed(server) as connected:
        connected.executions(client)
        resting = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
        client.call("AddOrder", **resting)
        server.pin("XBTUSD", price="39000")
        trade, filled = connected.rows(4)[2:]
    assert (trade["liquidity_ind"], trade["last_price"], filled["exec_type"]) == ("m", 40000, "filled")


def test_without_order_status_the_new_event_is_the_whole_order(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    with feed(server) as connected:
        connected.executions(client, order_status=False)
        buy(client, "0.01")
        new, trade, filled = connected.rows(3)
    assert [row["exec_type"] for row in (new, trade, filled)] == ["new", "trade", "filled"]
    assert new["symbol"] == "BTC/USD"


def test_nobody_hears_of_the_orders_of_others(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    mine, other = server.account(ZUSD="1000"), server.account(ZUSD="1000")
    with feed(server) as connected:
        connected.executions(mine)
        buy(other, "0.01")
        txid = buy(mine, "0.01")
        assert connected.rows(1)[0]["order_id"] == txid


def test_a_bad_token_is_refused(server: Server) -> None:
    with feed(server) as connected:
        for token, error in (
            ("nonsense", "ESession:Invalid session"),
            (7, "ESession:Invalid session"),
            (None, "Token(s) not found"),
        ):
            connected.send("subscribe", {"channel": "executions", "token": token})
            answer = connected.next()
            assert (answer["success"], answer["error"]) == (False, error)
        connected.send("edit_order", {"order_id": "OAAAAA-AAAAA-AAAAAA"})
        assert connected.next()["error"] == "Token(s) not found"


def test_a_ping_takes_no_params(server: Server) -> None:
    with feed(server) as connected:
        connected.send("ping", {}, req_id=3)
        answer = connected.next()
    assert (answer["method"], answer["success"], answer["req_id"]) == ("ping", False, 3)
    assert answer["error"] == "Unsupported field: 'params' for the given msg type: ping"


def test_a_token_dies_with_its_key_and_cuts_its_subscription_off(server: Server) -> None:
    client = server.account(ZUSD="1")
    with feed(server) as connected, feed(server) as later:
        connected.executions(client)
        token = client.call("GetWebSocketsToken")["token"]
        owner = server.control("GET", "/requests").json()["requests"][-1]["account"]
        server.control("DELETE", f"/accounts/{owner}/keys/{client.key}")
        assert connected.wait_closed() == 1008
        later.send("subscribe", {"channel": "executions", "token": token})
        assert later.next()["error"] == "ESession:Invalid session"


def test_a_token_needs_its_permission(server: Server) -> None:
    client = server.account(permissions=["query-funds"])
    assert client.error("GetWebSocketsToken") == "EGeneral:Permission denied"


def test_each_symbol_gets_an_ack_of_its_own(server: Server) -> None:
    server.pin("ETHUSD", bid="3000", ask="3000.01", depth="2")
    with feed(server) as connected:
        connected.send("subscribe", {"channel": "ticker", "symbol": ["ETH/USD", "XBT/USD"]}, req_id=1)
        ack, snapshot, refused = (connected.next() for _ in range(3))
    assert (ack["success"], ack["result"]["symbol"]) == (True, "ETH/USD")
    assert (snapshot["type"], snapshot["data"][0]["bid"], snapshot["data"][0]["ask"]) == (
        "snapshot",
        3000,
        Decimal("3000.01"),
    )
    assert (refused["success"], refused["error"]) == (False, "Currency pair not supported XBT/USD")
    assert (refused["symbol"], refused["req_id"]) == ("XBT/USD", 1)


def test_the_ticker_by_bbo_follows_the_quote_and_by_trades_the_tape(server: Server) -> None:
    server.pin("ETHUSD", bid="3000", ask="3000.01", depth="2")
    with feed(server) as by_bbo, feed(server) as by_trades:
        for connected, trigger in ((by_bbo, "bbo"), (by_trades, "trades")):
            wanted = {"channel": "ticker", "symbol": ["ETH/USD"], "event_trigger": trigger, "snapshot": False}
            connected.send("subscribe", wanted)
            assert connected.next()["result"]["event_trigger"] == trigger
        server.pin("ETHUSD", bid="3001", ask="3001.01", depth="2")
        assert by_bbo.next()["data"][0]["bid"] == 3001
        assert by_trades.next()["data"][0]["last"] == 3001


def test_the_trades_of_accounts_are_printed(server: Server) -> None:
    server.pin("ETHEUR", price="2700")
    client = server.account(ZEUR="10000")
    with feed(server) as connected:
        connected.send("subscribe", {"channel": "trade", "symbol": ["ETH/EUR"]})
        ack, snapshot = connected.next(), connected.next()
        assert (ack["success"], snapshot["type"]) == (True, "snapshot")
        client.call("AddOrder", pair="ETHEUR", type="buy", ordertype="market", volume="1.23456789")
        (row,) = connected.next()["data"]
    assert (row["side"], row["price"], row["qty"], row["ord_type"]) == (
        "buy",
        2700,
        Decimal("1.23456789"),
        "market",
    )
    assert row["trade_id"] == snapshot["data"][-1]["trade_id"] + 1


def test_the_instrument_snapshot_lists_assets_and_pairs(server: Server) -> None:
    with feed(server) as connected:
        connected.send("subscribe", {"channel": "instrument"})
        assert connected.next()["success"]
        data = connected.next()["data"]
    pair = next(pair for pair in data["pairs"] if pair["symbol"] == "BTC/USD")
    assert (pair["qty_min"], pair["price_increment"], pair["cost_min"]) == (
        Decimal("0.00005"),
        Decimal("0.1"),
        Decimal("0.5"),
    )
    assert "DOGE" in {asset["id"] for asset in data["assets"]}


def test_a_subscription_ends_when_asked(server: Server) -> None:
    client = server.account(ZUSD="1000")
    with feed(server) as connected:
        token = client.call("GetWebSocketsToken")["token"]
        params = {"channel": "executions", "token": token}
        for method, success in (
            ("subscribe", True),
            ("subscribe", False),
            ("unsubscribe", True),
            ("unsubscribe", False),
        ):
            connected.send(method, params)
            answer = connected.next()
            assert (answer["method"], answer["success"]) == (method, success)
            if method == "subscribe" and success:
                assert connected.next()["type"] == "snapshot"
        wanted = {"channel": "ticker", "symbol": ["LTC/USD"]}
        connected.send("unsubscribe", wanted)
        assert connected.next()["error"] == "Subscription Not Found"


@pytest.mark.parametrize(
    ("request_text", "error"),
    [
        ("{", "Malformed request"),
        ("[]", "Malformed request"),
        ('{"method":"subscribe","params":[]}', "Malformed request"),
        ('{"method":["x"]}', "Unsupported method: '['x']'"),
        ('{"method":"subscribe","params":{"channel":"news"}}', "Subscription name invalid"),
        ('{"method":"subscribe","params":{"channel":["x"]}}', "Subscription name invalid"),
        (
            '{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"],"depth":1}}',
            "Unsupported field: 'depth' for the given msg type: subscribe",
        ),
        (
            '{"method":"subscribe","params":{"channel":"trade","symbol":"BTC/USD"}}',
            "Unsupported field: 'symbol' for the given msg type: subscribe",
        ),
        (
            '{"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"],"event_trigger":"x"}}',
            "Unsupported field: 'event_trigger' for the given msg type: subscribe",
        ),
    ],
)
def test_a_bad_request_is_refused_and_the_connection_lives(
    server: Server, request_text: str, error: str
) -> None:
    with feed(server) as connected:
        connected.send_text(request_text)
        answer = connected.next()
        assert (answer["success"], answer["error"]) == (False, error)
        connected.send("ping")
        assert connected.next()["method"] == "pong"


def test_a_silent_subscription_is_kept_alive_by_heartbeats(server: Server) -> None:
    client = server.account(ZUSD="1")
    with feed(server) as connected:
        connected.executions(client)
        assert connected.next(heartbeats=True) == {"channel": "heartbeat"}


def test_a_client_that_stops_reading_is_cut_off_and_nobody_else(server: Server) -> None:
    wanted = {"channel": "instrument"}
    with feed(server) as other, connect(server.ws_url, max_queue=1) as deaf:
        requests = [
            json.dumps({"method": method, "params": wanted}) for method in ("subscribe", "unsubscribe")
        ]
        # The answers fill the buffers of both sockets first, then that of the exchange.
        until(lambda: not all(was_sent(deaf, request) for request in requests), "the deaf client was cut off")
        other.send("ping")
        assert other.next()["method"] == "pong"


def was_sent(socket: ClientConnection, text: str) -> bool:
    """Send a request; False where the connection is gone."""
    try:
        socket.send(text)
    except ConnectionClosed:
        return False
    return True
