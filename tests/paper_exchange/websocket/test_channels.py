"""The channels book, ohlc, instrument and balances over a real socket."""

from decimal import Decimal
from zlib import crc32

import pytest

from tests.support.paper_feed import buy, feed
from tests.support.paper_server import Server

D = Decimal


def test_the_status_says_what_a_live_one_says(server: Server) -> None:
    with feed(server) as connected:
        connected.subscribe("ticker", symbol=["ADA/USD"], snapshot=False)
        fault = server.fault("market_mode", mode="cancel_only")
        # A tick of the market may come before it.
        told = next(message for message in iter(connected.next, None) if message["channel"] == "status")
        server.control("DELETE", f"/faults/{fault}")
    (row,) = told["data"]
    assert row.keys() == {
        "version",
        "system",
        "api_version",
        "connection_id",
        "upcoming_maintenance",
        "emergency",
    }
    assert row["system"] == "cancel_only"


# --- book


def test_a_book_is_followed_by_its_updates_and_checksums(server: Server) -> None:
    server.pin("DOTUSD", bid="5.0000", ask="5.0001", depth="10")
    with feed(server) as connected:
        assert connected.subscribe("book", symbol=["DOT/USD"]) == {
            "channel": "book", "depth": 10, "snapshot": True, "symbol": "DOT/USD",
        }  # fmt: skip
        (snapshot,) = connected.next()["data"]
        assert (len(snapshot["bids"]), snapshot["asks"][0]) == (10, {"price": D("5.0001"), "qty": 10})
        server.pin("DOTUSD", bid="5.0000", ask="5.0002", depth="10")
        message = connected.next()
        (update,) = message["data"]
    assert (message["type"], update["bids"]) == ("update", [])
    assert update["asks"][0] == {"price": D("5.0001"), "qty": 0}
    asks = {level["price"]: level["qty"] for level in (*snapshot["asks"], *update["asks"])}
    asks = {price: volume for price, volume in asks.items() if volume}
    levels = [*sorted(asks.items())[:10], *[(level["price"], level["qty"]) for level in snapshot["bids"]]]
    digits = "".join(f"{p:.4f}{q:.8f}".replace(".", "").lstrip("0") for p, q in levels)
    assert update["checksum"] == crc32(digits.encode())


def test_books_of_two_depths_are_two_subscriptions(server: Server) -> None:
    server.pin("DOTUSD", bid="5.0000", ask="5.0001", depth="10")
    with feed(server) as connected:
        for depth in (10, 25):
            assert connected.subscribe("book", symbol=["DOT/USD"], depth=depth)["depth"] == depth
            assert len(connected.next()["data"][0]["asks"]) == depth
        connected.send("subscribe", {"channel": "book", "symbol": ["DOT/USD"], "depth": 25})
        assert connected.next()["error"] == "Already subscribed"
        connected.send("unsubscribe", {"channel": "book", "symbol": ["DOT/USD"], "depth": 25})
        assert connected.next()["result"]["depth"] == 25
        connected.send("subscribe", {"channel": "book", "symbol": ["DOT/USD"], "depth": 11})
        assert connected.next()["error"] == "Unsupported field: 'depth' for the given msg type: subscribe"


# --- ohlc


def test_bars_are_told_with_every_trade(server: Server) -> None:
    server.pin("ADAUSD", bid="0.600000", ask="0.600001", depth="2000")
    with feed(server) as connected:
        ack = connected.subscribe("ohlc", symbol=["ADA/USD"], interval=5)
        assert (ack["interval"], ack["warnings"]) == (5, ["timestamp is deprecated, use interval_begin"])
        snapshot = connected.next()
        assert snapshot["timestamp"].endswith("000Z")
        server.pin("ADAUSD", bid="0.700000", ask="0.700001", depth="2000")
        update = connected.next()
    (bar,) = update["data"]
    assert (update["type"], bar["interval"], bar["close"], bar["high"]) == ("update", 5, D("0.7"), D("0.7"))
    assert bar["interval_begin"].endswith(".000000000Z")
    assert bar["timestamp"] > bar["interval_begin"]
    assert (
        bar["trades"] > snapshot["data"][-1]["trades"]
        or bar["interval_begin"] > snapshot["data"][-1]["interval_begin"]
    )


# --- instrument


def test_the_instrument_channel_warns_and_tells_of_a_closed_market(server: Server) -> None:
    with feed(server) as connected:
        assert connected.subscribe("instrument")["warnings"] == [
            "tick_size is deprecated, use price_increment"
        ]
        pairs = connected.next()["data"]["pairs"]
        assert {pair["status"] for pair in pairs} == {"online"}
        fault = server.fault("market_mode", mode="post_only")
        assert connected.next()["channel"] == "status"
        update = connected.next()
        assert (update["channel"], update["type"], update["data"]["assets"]) == ("instrument", "update", [])
        assert {pair["status"] for pair in update["data"]["pairs"]} == {"post_only"}
        server.control("DELETE", f"/faults/{fault}")


def test_the_instrument_channel_tells_of_a_pair_that_changed(server: Server) -> None:
    with feed(server) as connected:
        connected.subscribe("instrument", snapshot=False)
        changes = {"ordermin": "5", "tick_size": "0.0005", "status": "cancel_only"}
        assert server.control("POST", "/pairs/DOTUSD", changes).status_code == 200
        (pair,) = connected.next()["data"]["pairs"]
        back = {"ordermin": "3.9", "tick_size": "0.0001", "status": "online"}
        assert server.control("POST", "/pairs/DOTUSD", back).status_code == 200
    assert (pair["symbol"], pair["qty_min"], pair["status"]) == ("DOT/USD", 5, "cancel_only")
    assert pair["price_increment"] == pair["tick_size"] == D("0.0005")


# --- balances


def test_a_trade_is_two_changes_with_one_reference(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000", XXBT="1")
    with feed(server) as connected:
        snapshot = connected.balances(client)
        assert (snapshot["channel"], snapshot["type"], snapshot["sequence"]) == ("balances", "snapshot", 1)
        assert {row["asset"]: row for row in snapshot["data"]}["BTC"] == {
            "asset": "BTC", "asset_class": "currency", "balance": 1,
            "wallets": [{"type": "spot", "id": "main", "balance": 1}],
        }  # fmt: skip
        buy(client, "0.01")
        first, second = connected.next(), connected.next()
    assert [message["sequence"] for message in (first, second)] == [2, 3]
    rows = {row["asset"]: row for message in (first, second) for row in message["data"]}
    (exec_id,) = client.call("TradesHistory")["trades"]
    assert {row["ref_id"] for row in rows.values()} == {exec_id}
    assert set(client.call("Ledgers", type="trade")["ledger"]) == {row["ledger_id"] for row in rows.values()}
    assert (rows["BTC"]["amount"], rows["BTC"]["balance"], rows["BTC"]["fee"]) == (D("0.01"), D("1.01"), 0)
    assert (rows["USD"]["amount"], rows["USD"]["fee"], rows["USD"]["balance"]) == (-500, 4, 496)
    assert {row["type"] for row in rows.values()} == {row["category"] for row in rows.values()} == {"trade"}


def test_a_deposit_is_told(server: Server) -> None:
    client = server.account(ZUSD="1000")
    with feed(server) as connected:
        connected.balances(client)
        server.control("POST", f"/accounts/{client.account}/deposit", {"asset": "ZUSD", "amount": "12.5"})
        (row,) = connected.next()["data"]
    assert (row["type"], row["asset"], row["amount"], row["balance"]) == (
        "deposit",
        "USD",
        D("12.5"),
        D("1012.5"),
    )


def test_what_is_put_to_earn_is_a_wallet_of_its_asset(server: Server) -> None:
    client = server.account(XXBT="1")
    path = f"/accounts/{client.account}/deposit"
    assert server.control("POST", path, {"asset": "XBT.F", "amount": "0.5"}).status_code == 200
    with feed(server) as connected:
        (row,) = connected.balances(client)["data"]
        assert (row["asset"], row["balance"]) == ("BTC", D("1.5"))
        assert row["wallets"] == [
            {"type": "spot", "id": "main", "balance": 1},
            {"type": "earn", "id": "flex", "balance": D("0.5")},
        ]
        server.control("POST", path, {"asset": "XBT.F", "amount": "0.25"})
        (row,) = connected.next()["data"]
    assert (row["asset"], row["wallet_type"], row["wallet_id"]) == ("BTC", "earn", "flex")
    assert (row["amount"], row["balance"]) == (D("0.25"), D("0.75"))


def test_holds_do_not_show_in_balances(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    client.call("AddOrder", pair="XBTUSD", type="buy", ordertype="limit", price="40000", volume="0.01")
    with feed(server) as connected:
        (row,) = connected.balances(client)["data"]
    assert row["balance"] == 1000


def test_balances_end_when_asked_and_hold_their_token_until_then(server: Server) -> None:
    client = server.account(ZUSD="1")
    with feed(server) as connected:
        token = client.call("GetWebSocketsToken")["token"]
        for method, success in (
            ("subscribe", True),
            ("subscribe", False),
            ("unsubscribe", True),
            ("unsubscribe", False),
        ):
            connected.send(method, {"channel": "balances", "token": token})
            assert connected.next()["success"] == success
            if method == "subscribe" and success:
                assert connected.next()["type"] == "snapshot"
        connected.balances(client)
        server.control("DELETE", f"/accounts/{client.account}/keys/{client.key}")
        assert connected.wait_closed() == 1008


@pytest.mark.parametrize("users", ["all", "me"])
def test_a_master_may_ask_for_all_of_its_users_and_gets_no_snapshot(server: Server, users: str) -> None:
    client = server.account(ZUSD="1")
    token = client.call("GetWebSocketsToken")["token"]
    with feed(server) as connected:
        connected.send("subscribe", {"channel": "executions", "token": token, "users": users})
        ack = connected.next()
        assert ack["success"] == (users == "all")
        connected.send("ping")
        assert connected.next()["method"] == "pong", "no snapshot"
