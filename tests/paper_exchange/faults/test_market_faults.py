"""Faults of one market, of one row, and of the front that stands before the exchange."""

from typing import Any

import pytest

from tests.support.paper_feed import buy, feed
from tests.support.paper_server import Client, Server

DENIED = "EGeneral:Permission denied"
RESTRICTED = "EAccount:Invalid permissions:SOL trading restricted"


@pytest.fixture
def client(faulty: Server) -> Client:
    """A new account that can buy."""
    faulty.pin("XBTUSD", price="50000")
    faulty.pin("SOLUSD", price="150")
    return faulty.account(ZUSD="10000")


def order(client: Client, pair: str) -> list[str]:
    """The errors of a market buy."""
    answer = client.answer("AddOrder", pair=pair, type="buy", ordertype="market", volume="1")
    errors = answer["error"]
    assert isinstance(errors, list)
    return errors


# --- one market


def test_one_market_is_refused_while_the_key_is_fine(faulty: Server, client: Client) -> None:
    number = faulty.fault("market_refused", pair="SOLUSD", error=RESTRICTED)
    assert order(client, "SOLUSD") == [RESTRICTED]
    assert order(client, "SOL/USD") == [RESTRICTED]
    assert faulty.public("Ticker", pair="SOLUSD")["error"] == [RESTRICTED]
    assert faulty.public("Ticker", pair="XBTUSD,SOLUSD")["error"] == [RESTRICTED]
    assert set(faulty.public("Ticker", pair="XBTUSD")["result"]) == {"XXBTZUSD"}
    assert buy(client, "0.01")
    assert faulty.outcomes(client)[0] == ("AddOrder", RESTRICTED, "market_refused")
    assert faulty.fired(number) == 4
    faulty.control("DELETE", f"/faults/{number}")
    assert order(client, "SOLUSD") == []


def test_a_market_is_refused_to_one_account_and_one_method_only(faulty: Server, client: Client) -> None:
    other = faulty.account(ZUSD="10000")
    faulty.fault("market_refused", pair="SOLUSD", error=DENIED, method="AddOrder", account=client.account)
    assert order(client, "SOLUSD") == [DENIED]
    assert order(other, "SOLUSD") == []
    assert faulty.public("Ticker", pair="SOLUSD")["error"] == []
    with feed(faulty) as connected:
        wanted = {"order_type": "market", "side": "buy", "order_qty": 1, "symbol": "SOL/USD"}
        assert connected.refused(client, "add_order", **wanted) == DENIED


# --- one row


def test_one_odd_row_is_among_the_rows_of_an_answer(faulty: Server, client: Client) -> None:
    txid = buy(client, "0.01")
    number = faulty.fault("odd_row", method="ClosedOrders", account=client.account)
    closed = client.call("ClosedOrders")["closed"]
    odd = closed.pop("ODDROW-ODDRO-ODDROW")
    assert odd == {"descr": {}}, "as it came once"
    assert list(closed) == [txid]
    assert faulty.outcomes(client)[-1] == ("ClosedOrders", "ok", "odd_row")
    assert list(client.call("ClosedOrders")["closed"]) == [txid]
    assert faulty.fired(number) == 1


@pytest.mark.parametrize(
    ("method", "place"),
    [
        ("OpenOrders", "open"),
        ("TradesHistory", "trades"),
        ("Ledgers", "ledger"),
        ("Balance", None),
        ("BalanceEx", None),
    ],
)
def test_any_method_with_rows_has_an_odd_one(
    faulty: Server, client: Client, method: str, place: str | None
) -> None:
    faulty.fault("odd_row", method=method, row=None)
    result = client.call(method)
    rows = result if place is None else result[place]
    assert rows["ODDROW-ODDRO-ODDROW"] is None


@pytest.mark.parametrize("method", ["Ticker", "AssetPairs", "Assets"])
def test_public_methods_have_odd_rows_too(faulty: Server, method: str) -> None:
    faulty.fault("odd_row", method=method, row={"a": []}, key="ODDUSD")
    assert faulty.public(method)["result"]["ODDUSD"] == {"a": []}


def test_an_odd_row_may_stand_for_one_that_there_is(faulty: Server, client: Client) -> None:
    txid = buy(client, "0.01")
    faulty.fault("odd_row", method="QueryOrders", key=txid, row={"status": "closed", "descr": {}})
    assert client.call("QueryOrders", txid=txid) == {txid: {"status": "closed", "descr": {}}}


def test_an_odd_row_comes_over_the_feed(faulty: Server, client: Client) -> None:
    with feed(faulty) as connected:
        connected.executions(client)
        faulty.fault("odd_row", method="executions", row={"exec_type": "trade"}, account=client.account)
        buy(client, "0.01")
        messages = [connected.next() for _ in range(4)]
    assert [message["data"][0]["exec_type"] for message in messages] == [
        "trade",
        "pending_new",
        "new",
        "trade",
    ]
    assert "order_id" not in messages[0]["data"][0]
    assert [message["sequence"] for message in messages] == [2, 3, 4, 5]


# --- the front


def test_the_front_answers_with_a_page_that_is_no_json(faulty: Server, client: Client) -> None:
    number = faulty.fault("front_page", status=403, account=client.account, count=2)
    for _ in range(2):
        nonce = client.next_nonce()
        response = client.post(
            "Balance", f"nonce={nonce}".encode(), nonce, "application/x-www-form-urlencoded"
        )
        assert (response.status_code, response.text.strip()) == (403, "error code: 1015")
    assert client.call("Balance")
    assert faulty.outcomes(client)[-3:] == [
        ("Balance", "unseen", "front_page"),
        ("Balance", "unseen", "front_page"),
        ("Balance", "ok", None),
    ]
    assert faulty.fired(number) == 2


def test_the_front_refuses_public_calls_as_well(faulty: Server) -> None:
    faulty.fault("front_page", method="Ticker", count=1)
    response = faulty.http.get(f"{faulty.rest_url}/0/public/Ticker", timeout=10)
    assert (response.status_code, response.text.strip()) == (429, "error code: 1015")
    assert faulty.public("Ticker")["error"] == []


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"kind": "market_refused", "pair": "XBTUSD"}, "error"),
        ({"kind": "market_refused", "error": DENIED}, "pair"),
        ({"kind": "market_refused", "pair": "NOPE", "error": DENIED}, "pair"),
        ({"kind": "market_refused", "pair": "XBTUSD", "error": DENIED, "method": "Balance"}, "method"),
        ({"kind": "odd_row"}, "method"),
        ({"kind": "odd_row", "method": "AddOrder"}, "method"),
        ({"kind": "front_page", "status": 502}, "status"),
        ({"kind": "front_page", "method": "Weather"}, "method"),
        ({"kind": "error", "error": DENIED, "method": "Ticker"}, "method"),
    ],
)
def test_a_bad_fault_is_refused_by_the_name_of_the_field(
    faulty: Server, fault: dict[str, Any], field: str
) -> None:
    answer = faulty.control("POST", "/faults", fault)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")


# --- the status of a pair, and one kind of orders


MARKET = {"pair": "LTCUSD", "type": "sell", "ordertype": "market", "volume": "1"}
LIMIT = MARKET | {"ordertype": "limit", "price": "90"}
POST = MARKET | {"ordertype": "limit", "price": "100", "oflags": "post"}


@pytest.mark.parametrize(
    ("status", "market", "limit", "post"),
    [
        ("online", None, "closed", "open"),
        ("limit_only", "EService:Market in limit_only mode", "closed", "open"),
        ("post_only", *["EService:Market in post_only mode"] * 2, "open"),
        ("cancel_only", *["EService:Market in cancel_only mode"] * 3),
        ("reduce_only", *["EService:Market in reduce_only mode"] * 3),
    ],
)
def test_each_status_of_a_pair_lets_in_what_it_says(
    faulty: Server, status: str, market: str | None, limit: str, post: str
) -> None:
    faulty.pin("LTCUSD", price="90")
    client = faulty.account(LTC="10")
    try:
        assert faulty.control("POST", "/pairs/LTCUSD", {"status": status}).status_code == 200
        assert client.answer("AddOrder", **MARKET)["error"] == ([] if market is None else [market])
        for wanted, outcome in ((LIMIT, limit), (POST, post)):
            answer = client.answer("AddOrder", **wanted)
            if outcome.startswith("E"):
                assert answer["error"] == [outcome]
            else:
                (txid,) = answer["result"]["txid"]
                assert client.call("QueryOrders", txid=txid)[txid]["status"] == outcome
    finally:
        faulty.control("POST", "/pairs/LTCUSD", {"status": "online"})


def test_market_orders_of_a_pair_may_be_refused_where_limits_are_taken(faulty: Server) -> None:
    faulty.pin("LTCUSD", price="90")
    client = faulty.account(LTC="10")
    refusal = "EOrder:Market order not allowed"
    faulty.fault("market_refused", pair="LTCUSD", error=refusal, ordertype="market", account=client.account)
    assert client.error("AddOrder", **MARKET) == refusal
    (txid,) = client.call("AddOrder", **LIMIT, timeinforce="IOC")["txid"]
    assert client.call("QueryOrders", txid=txid)[txid]["status"] == "closed"
    assert faulty.public("Ticker", pair="LTCUSD")["error"] == []


# --- self-trade prevention, as a client sees it


@pytest.mark.parametrize(
    ("stptype", "own", "sold"),
    [
        (None, "open", "canceled"),
        ("cancel-newest", "open", "canceled"),
        ("cancel-oldest", "canceled", "closed"),
        ("cancel-both", "canceled", "canceled"),
    ],
)
@pytest.mark.parametrize("ordertype", ["market", "limit"])
def test_an_order_that_would_meet_ones_own_is_accepted_and_then_cancelled(
    faulty: Server, stptype: str | None, own: str, sold: str, ordertype: str
) -> None:
    faulty.pin("LTCUSD", bid="90", ask="95")
    client = faulty.account(LTC="10", ZUSD="1000")
    (bid,) = client.call("AddOrder", **LIMIT | {"type": "buy", "price": "91"})["txid"]
    wanted = MARKET | {"ordertype": ordertype} | ({"price": "90"} if ordertype == "limit" else {})
    with feed(faulty) as connected:
        connected.executions(client, snap_orders=False, snap_trades=False)
        (txid,) = client.call("AddOrder", **wanted | ({} if stptype is None else {"stptype": stptype}))[
            "txid"
        ]
        rows = {row["exec_type"]: row for row in connected.rows(3) if row["order_id"] == txid}
    orders = client.call("QueryOrders", txid=f"{bid},{txid}")
    assert (orders[bid]["status"], orders[txid]["status"]) == (own, sold)
    assert "pending_new" in rows, "it was accepted"
    ended = {name: order["reason"] for name, order in orders.items() if order["status"] == "canceled"}
    assert set(ended.values()) == {"Self trade prevention"}
