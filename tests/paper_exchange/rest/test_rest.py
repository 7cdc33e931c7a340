"""Over real HTTP, against an exchange in its own process."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.paper_server import SECRET, Client, Server


def outcomes(server: Server, client: Client) -> list[tuple[str, str]]:
    """Method and outcome of every private request of an account, as the exchange recorded them."""
    rows = server.control("GET", "/requests").json()["requests"]
    key_id = rows_key_id(server, client)
    return [(row["method"], row["outcome"]) for row in rows if row["key_id"] == key_id]


def rows_key_id(server: Server, client: Client) -> str:
    accounts = server.control("GET", "/accounts").json()["accounts"]
    info = client.call("GetApiKeyInfo")["apiKeyName"]
    assert any(key["key_id"] == info for account in accounts for key in account["keys"])
    assert isinstance(info, str)
    return info


# --- public


def test_time_and_status_are_answered(server: Server) -> None:
    result = server.public("Time")["result"]
    assert abs(result["unixtime"] - time.time()) < 60
    assert result["rfc1123"].endswith(" +0000")
    assert server.public("SystemStatus")["result"]["status"] == "online"


def test_pairs_are_answered_under_their_ids_or_the_name_with_a_slash_that_was_asked_for(
    server: Server,
) -> None:
    asked = "XBTUSD,ETH/XBT,DOGE/USD,ZEURZUSD"
    assert list(server.public("AssetPairs", pair=asked)["result"]) == [
        "XXBTZUSD",
        "ETH/XBT",
        "DOGE/USD",
        "ZEURZUSD",
    ]
    assert list(server.public("Ticker", pair=asked)["result"]) == [
        "XXBTZUSD",
        "ETH/XBT",
        "DOGE/USD",
        "ZEURZUSD",
    ]
    shown = server.public("AssetPairs", pair=asked, assetVersion=1)["result"]
    assert list(shown) == ["BTC/USD", "ETH/BTC", "DOGE/USD", "EUR/USD"]
    assert (shown["BTC/USD"]["base"], shown["BTC/USD"]["quote"]) == ("BTC", "USD")


def test_the_published_pair_has_the_numbers_of_the_real_one(server: Server) -> None:
    pair = server.public("AssetPairs", pair="XBTUSD")["result"]["XXBTZUSD"]
    shown = {
        name: pair[name] for name in ("altname", "wsname", "base", "quote", "pair_decimals", "lot_decimals")
    }
    assert shown == {
        "altname": "XBTUSD",
        "wsname": "XBT/USD",
        "base": "XXBT",
        "quote": "ZUSD",
        "pair_decimals": 1,
        "lot_decimals": 8,
    }
    assert (pair["ordermin"], pair["costmin"], pair["tick_size"]) == ("0.00005", "0.5", "0.1")
    assert (pair["fees"][0], pair["fees_maker"][0]) == ([0, 0.8], [0, 0.4])
    fees = server.public("AssetPairs", pair="XBTUSD", info="fees")["result"]["XXBTZUSD"]
    assert fees == {name: pair[name] for name in ("fees", "fees_maker", "fee_volume_currency")}


def test_the_ticker_shows_a_pinned_market(server: Server) -> None:
    server.pin("LTCUSD", bid="90.00", ask="91.00", depth="7")
    row = server.public("Ticker", pair="LTCUSD")["result"]["XLTCZUSD"]
    assert (row["b"], row["a"]) == (["90.00000", "7", "7.000"], ["91.00000", "7", "7.000"])
    assert Decimal(90) <= Decimal(row["c"][0]) <= Decimal(91)
    depth = server.public("Depth", pair="LTCUSD", count=2)["result"]["XLTCZUSD"]
    assert [level[:2] for level in depth["asks"]] == [["91.00000", "7.000"], ["91.01000", "7.000"]]
    assert [level[:2] for level in depth["bids"]] == [["90.00000", "7.000"], ["89.99000", "7.000"]]


def test_public_trades_and_bars_agree(server: Server) -> None:
    trades = server.public("Trades", pair="ADAUSD", count=5)["result"]
    assert len(trades["ADAUSD"]) <= 5
    newer = server.public("Trades", pair="ADAUSD", since=trades["last"])["result"]
    assert all(row[6] > trades["ADAUSD"][-1][6] for row in newer["ADAUSD"])
    bars = server.public("OHLC", pair="ADAUSD", interval=5)["result"]
    opened, high, low, *_ = (Decimal(price) for price in bars["ADAUSD"][-1][1:4])
    assert low <= opened <= high
    assert bars["ADAUSD"][-1][0] % 300 == 0


@pytest.mark.parametrize(
    ("method", "query", "error"),
    [
        ("Ticker", {"pair": "XBTUSD,NOPE"}, "EQuery:Unknown asset pair"),
        ("Assets", {"asset": "NOPE"}, "EQuery:Unknown asset"),
        ("Depth", {}, "EGeneral:Invalid arguments:pair"),
        ("Depth", {"pair": "XBTUSD", "count": "501"}, "EGeneral:Invalid arguments:count"),
        ("OHLC", {"pair": "XBTUSD", "interval": "7"}, "EGeneral:Invalid arguments:interval"),
        ("AssetPairs", {"info": "all"}, "EGeneral:Invalid arguments:info"),
        ("Ticker", {"assetVersion": "2"}, "EGeneral:Invalid arguments:assetVersion"),
        ("Nothing", {}, "EGeneral:Unknown method"),
    ],
)
def test_a_bad_public_call_is_refused_with_status_200(
    server: Server, method: str, query: dict[str, str], error: str
) -> None:
    assert server.public(method, **query) == {"error": [error]}


# --- signing, nonces, permissions


def test_form_and_json_bodies_are_the_same_to_the_exchange(server: Server) -> None:
    client = server.account(ZUSD="1000")
    assert client.call("Balance") == {"ZUSD": "1000.0000"}
    assert client.answer_json("Balance") == {"error": [], "result": {"ZUSD": "1000.0000"}}
    server.pin("XBTUSD", price="50000")
    order = {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "price": 40000,
        "volume": 0.001,
        "validate": True,
    }
    answer = client.answer_json("AddOrder", **order)
    assert answer == {"error": [], "result": {"descr": {"order": "buy 0.00100000 XBTUSD @ limit 40000.0"}}}
    assert client.answer_json("AddOrder", **order | {"volume": 0.00001})["error"] == [
        "EGeneral:Invalid arguments:volume"  # Python writes 1e-05
    ]


def test_a_bad_signature_does_not_use_up_the_nonce(server: Server) -> None:
    client = server.account(ZUSD="1")
    stranger = Client(server.rest_url, client.key, SECRET[:-8] + "AAAAAAA=")
    nonce = client.next_nonce()
    assert stranger.error("Balance", nonce=nonce) == "EAPI:Invalid signature"
    assert stranger.error("Balance", nonce=str(2**64 - 1)) == "EAPI:Invalid signature"
    assert client.call("Balance", nonce=nonce)
    assert client.error("Balance", nonce=nonce) == "EAPI:Invalid nonce"


def test_the_checks_come_in_the_order_key_signature_nonce_permission_arguments(server: Server) -> None:
    client = server.account(permissions=["query-funds"])
    stranger = Client(server.rest_url, "nobody")
    assert stranger.error("AddOrder", nonce="0") == "EAPI:Invalid key"
    liar = Client(server.rest_url, client.key, SECRET[:-8] + "AAAAAAA=")
    assert liar.error("AddOrder", nonce="0") == "EAPI:Invalid signature"
    assert client.error("AddOrder", nonce="0") == "EAPI:Invalid nonce"
    assert client.error("AddOrder") == "EGeneral:Permission denied"
    trader = server.account(permissions=["modify-trades"])
    assert trader.error("AddOrder") == "EGeneral:Invalid arguments:pair"


def test_a_refused_request_is_recorded_without_its_secrets(server: Server) -> None:
    client = server.account()
    assert client.error("CancelOrder", txid="O", otp="123456") == "EOrder:Invalid order"
    assert client.error("Nothing") == "EGeneral:Unknown method"
    stranger = Client(server.rest_url, client.key, SECRET[:-8] + "AAAAAAA=")
    assert stranger.error("Balance") == "EAPI:Invalid signature"
    assert outcomes(server, client)[:3] == [
        ("CancelOrder", "EOrder:Invalid order"),
        ("Nothing", "EGeneral:Unknown method"),
        ("Balance", "EAPI:Invalid signature"),
    ]
    text = server.control("GET", "/requests").text
    assert "123456" not in text.replace(str(client.nonce)[:10], "")
    assert SECRET not in text
    assert client.key not in text


def test_a_request_that_is_no_form_and_no_json_is_refused(server: Server) -> None:
    client = server.account()
    for kind, body in (("application/json", b"{"), ("application/json", b"[]"), ("text/plain", b"\xff")):
        assert client.post("Balance", body, "1", kind).json() == {"error": ["EAPI:Bad request"]}


def test_methods_are_answered_only_as_kraken_does(server: Server) -> None:
    url = server.rest_url
    assert server.http.get(f"{url}/0/private/Balance").json() == {"error": ["EGeneral:Unknown method"]}
    assert server.http.post(f"{url}/0/public/Time").json() == {"error": ["EGeneral:Unknown method"]}


# --- orders


def test_a_market_order_is_acknowledged_filled_and_found_everywhere(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    ack = client.call(
        "AddOrder", pair="XXBTZUSD", type="buy", ordertype="market", volume="0.1", cl_ord_id="first"
    )
    (txid,) = ack["txid"]
    assert ack["descr"] == {"order": "buy 0.10000000 XBTUSD @ market"}
    row = client.call("QueryOrders", txid=txid, trades="true")[txid]
    assert {
        name: row[name] for name in ("status", "vol", "vol_exec", "cost", "fee", "price", "oflags", "misc")
    } == {
        "status": "closed",
        "vol": "0.10000000",
        "vol_exec": "0.10000000",
        "cost": "5000.00000",
        "fee": "40.00000",
        "price": "50000.00000",
        "oflags": "fciq",
        "misc": "",
    }
    assert (row["cl_ord_id"], row["refid"], row["userref"], row["reason"]) == ("first", None, None, None)
    trades = client.call("TradesHistory")
    assert trades["count"] == 1
    (exec_id,) = trades["trades"]
    assert row["trades"] == [exec_id]
    assert trades["trades"][exec_id]["ordertxid"] == txid
    assert client.call("QueryTrades", txid=exec_id) == trades["trades"]
    assert client.error("QueryTrades", txid=txid) == "EOrder:Invalid order"
    assert client.call("Balance") == {"ZUSD": "4960.0000", "XXBT": "0.1000000000"}
    closed = client.call("ClosedOrders", cl_ord_id="first", trades="true")
    assert closed == {"closed": {txid: row}, "count": 1}
    assert "count" not in client.call("ClosedOrders", without_count="true")
    (fill,) = [f for f in server.control("GET", "/fills").json()["fills"] if f["txid"] == txid]
    assert (fill["exec_id"], fill["price"], fill["volume"], fill["fee"]) == (
        exec_id,
        "50000.0",
        "0.10000000",
        "40.00000",
    )


def test_a_limit_order_rests_holds_money_and_is_cancelled(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="10000")
    (txid,) = client.call(
        "AddOrder",
        pair="XBTUSD",
        type="buy",
        ordertype="limit",
        price="40000",
        volume="0.1",
        oflags="post",
        userref=5,
    )["txid"]
    row = client.call("OpenOrders", userref=5)["open"][txid]
    assert (row["status"], row["userref"], row["oflags"], row["descr"]["price"]) == (
        "open",
        5,
        "post,fciq",
        "40000.0",
    )
    assert "closetm" not in row
    assert "cl_ord_id" not in row
    assert client.call("BalanceEx") == {"ZUSD": {"balance": "10000.0000", "hold_trade": "4016.0000"}}
    assert client.call("CancelOrder", txid=txid) == {"count": 1}
    assert client.error("CancelOrder", txid=txid) == "EOrder:Unknown order"
    assert client.error("CancelOrder", txid="OAAAAA-BBBBB-CCCCCC") == "EOrder:Invalid order"
    assert client.call("OpenOrders") == {"open": {}}
    closed = client.call("QueryOrders", txid=f"{txid},OAAAAA-BBBBB-CCCCCC")
    assert list(closed) == [txid]
    assert (closed[txid]["status"], closed[txid]["reason"]) == ("canceled", "User requested")
    assert client.call("BalanceEx")["ZUSD"]["hold_trade"] == "0.0000"


def test_orders_are_cancelled_by_client_id_by_userref_and_all_at_once(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(XXBT="1")
    order: dict[str, Any] = {
        "pair": "XBTUSD",
        "type": "sell",
        "ordertype": "limit",
        "price": "60000",
        "volume": "0.1",
    }
    client.call("AddOrder", **order, cl_ord_id="6d1b345e-2821-40e2-ad83-4ecb18a06876")
    for userref in (7, 7, 8, 9):
        client.call("AddOrder", **order, userref=userref)
    assert client.error("AddOrder", **order, cl_ord_id="6d1b345e282140e2ad834ecb18a06876") == (
        "EGeneral:Invalid arguments:cl_ord_id not unique"
    )
    assert client.call("CancelOrder", cl_ord_id="6d1b345e282140e2ad834ecb18a06876") == {"count": 1}
    assert client.call("CancelOrder", txid=7) == {"count": 2}
    assert client.call("CancelAll") == {"count": 2}
    assert client.call("CancelAll") == {"count": 0}
    assert client.error("CancelOrder", txid=7) == "EOrder:Unknown order"


def test_a_deadline_that_has_passed_or_is_too_near_is_refused(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    order: dict[str, Any] = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.001"}

    def ahead(seconds: float) -> str:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    assert client.call("AddOrder", **order, deadline=ahead(20))["txid"]
    assert client.error("AddOrder", **order, deadline=ahead(100)) == "EGeneral:Invalid arguments:deadline"
    assert client.error("AddOrder", **order, deadline=ahead(0.5)) == "EGeneral:Invalid arguments:deadline"
    assert client.error("AddOrder", **order, deadline=ahead(-1)) == "EService:Deadline elapsed"


def test_orders_need_a_permission_by_their_state(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(permissions=["modify-trades", "query-open-trades"], ZUSD="1000")
    order: dict[str, Any] = {"pair": "XBTUSD", "type": "buy", "volume": "0.001"}
    (resting,) = client.call("AddOrder", **order, ordertype="limit", price="40000")["txid"]
    (filled,) = client.call("AddOrder", **order, ordertype="market")["txid"]
    assert list(client.call("QueryOrders", txid=resting)) == [resting]
    assert client.error("QueryOrders", txid=f"{resting},{filled}") == "EGeneral:Permission denied"
    assert client.error("ClosedOrders") == "EGeneral:Permission denied"


def test_the_fee_tier_follows_the_traded_volume(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="20000")
    first = client.call("TradeVolume", pair="XBTUSD")
    assert (first["volume"], first["fees"]["XXBTZUSD"]["fee"]) == ("0.0000", "0.8000")
    client.call("AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.3")
    later = client.call("TradeVolume", pair="XBTUSD,ETHUSD")
    assert later["volume"] == "15000.0000"
    assert later["fees"]["XETHZUSD"] == {
        "fee": "0.3800",
        "minfee": "0.1000",
        "maxfee": "0.8000",
        "nextfee": "0.3500",
        "nextvolume": "25000.0000",
        "tiervolume": "10000.0000",
    }
    assert later["fees_maker"]["XXBTZUSD"]["fee"] == "0.2200"
    # Kraken: since June 2026 JSON may have a list, of names or of objects.
    for pairs in (["XBTUSD", "ETHUSD"], [{"pair": "XBTUSD"}, {"pair": "ETH/USD", "aclass": "forex"}]):
        listed = client.answer_json("TradeVolume", pair=pairs)["result"]
        assert listed["fees"].keys() == {"XXBTZUSD", "XETHZUSD"}
    assert client.answer_json("TradeVolume", pair=[True])["error"] == ["EGeneral:Invalid arguments:pair"]


def test_the_trade_balance_values_all_that_is_owned(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000", XXBT="0.5")
    worth = client.call("TradeBalance")
    assert (worth["eb"], worth["e"], worth["mf"], worth["m"]) == (
        "26000.0000",
        "26000.0000",
        "26000.0000",
        "0.0000",
    )
    assert "ml" not in worth
    assert client.call("TradeBalance", asset="XBT")["eb"] == "0.5200"
    assert client.error("TradeBalance", asset="NOPE") == "EQuery:Unknown asset"


def test_a_key_reads_back_its_own_state(server: Server) -> None:
    client = server.account(permissions=["query-funds"])
    info = client.call("GetApiKeyInfo")
    assert (info["nonce"], info["nonceWindow"], info["permissions"]) == (
        str(client.nonce),
        0,
        ["query-funds"],
    )


def test_300_orders_of_one_instant_all_see_the_same_price(server: Server) -> None:
    server.pin("ETHUSD", bid="2999.99", ask="3000.00", depth="1")
    clients = [server.account(ZUSD="4000") for _ in range(300)]

    def buy(client: Client) -> str:
        (txid,) = client.call("AddOrder", pair="ETHUSD", type="buy", ordertype="market", volume="1")["txid"]
        assert isinstance(txid, str)
        return txid

    with ThreadPoolExecutor(16) as pool:
        txids = set(pool.map(buy, clients))
    fills = [f for f in server.control("GET", "/fills").json()["fills"] if f["txid"] in txids]
    assert len(fills) == 300
    assert {fill["price"] for fill in fills} == {"3000.00"}
    assert len({fill["exec_id"] for fill in fills}) == 300
    for client in clients:
        client.http.close()


def test_numbers_in_answers_are_text_and_exact(server: Server) -> None:
    client = server.account(ZUSD="0.12345678")
    assert json.dumps(client.call("Balance")) == '{"ZUSD": "0.1234"}'
