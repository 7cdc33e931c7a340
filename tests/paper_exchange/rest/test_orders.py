"""The trading methods over real HTTP, as Kraken answers them."""

import pytest

from tests.support.paper_server import Client, Server, until

LIMIT = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "40000", "volume": "0.01"}
POOR = LIMIT | {"volume": "1000"}


@pytest.fixture
def client(server: Server) -> Client:
    server.pin("XBTUSD", price="50000")
    return server.account(ZUSD="10000", XXBT="1")


def limit_order(client: Client, **changes: str) -> str:
    (txid,) = client.call("AddOrder", **LIMIT | changes)["txid"]
    assert isinstance(txid, str)
    return txid


def test_a_batch_is_answered_line_by_line_in_its_order(client: Client) -> None:
    lines = [
        {key: value for key, value in line.items() if key != "pair"}
        for line in (LIMIT, POOR, LIMIT | {"close": {"ordertype": "limit", "price": "60000"}})
    ]
    answer = client.answer_json("AddOrderBatch", pair="XBTUSD", orders=lines)
    first, second, third = answer["result"]["orders"]
    assert first["descr"] == {"order": "buy 0.01000000 XBTUSD @ limit 40000.0"}
    assert second["error"] == "EOrder:Insufficient funds"
    assert "txid" not in second
    assert third["close"] == "close position @ limit 60000"
    assert client.call("OpenOrders")["open"].keys() == {first["txid"], third["txid"]}


def test_one_bad_line_refuses_the_whole_batch(client: Client) -> None:
    answer = client.answer_json("AddOrderBatch", pair="XBTUSD", orders=[LIMIT, LIMIT | {"volume": "x"}])
    assert answer == {"error": ["EGeneral:Invalid arguments:volume"]}
    assert client.call("OpenOrders") == {"open": {}}


@pytest.mark.parametrize("orders", [[LIMIT], [LIMIT] * 16, [1, 2], "x", None])
def test_a_batch_has_2_to_15_orders(client: Client, orders: object) -> None:
    answer = client.answer_json("AddOrderBatch", pair="XBTUSD", orders=orders)
    assert answer == {"error": ["EGeneral:Invalid arguments:orders"]}


def test_a_validated_batch_places_nothing(client: Client) -> None:
    answer = client.answer_json("AddOrderBatch", pair="XBTUSD", orders=[LIMIT, POOR], validate=True)
    valid, poor = answer["result"]["orders"]
    assert valid == {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 40000.0"}}
    assert poor["error"] == "EOrder:Insufficient funds"
    assert client.call("OpenOrders") == {"open": {}}


def test_an_order_is_amended_by_its_client_id_and_remembers_what_it_was(client: Client) -> None:
    txid = limit_order(client, cl_ord_id="mine")
    amend_id = client.call("AmendOrder", cl_ord_id="mine", limit_price="41000")["amend_id"]
    row = client.call("OpenOrders")["open"][txid]
    assert (row["descr"]["price"], row["misc"], row["cl_ord_id"]) == ("41000.0", "amended", "mine")
    amends = client.call("OrderAmends", order_id=txid)
    assert amends["count"] == 2
    assert [row["amend_type"] for row in amends["amends"]] == ["original", "user"]
    assert amends["amends"][1]["amend_id"] == amend_id
    assert client.error("OrderAmends", order_id="OXXXXX-XXXXX-XXXXXX") == "EOrder:Invalid order"


def test_an_edit_answers_both_ids(client: Client) -> None:
    txid = limit_order(client, userref="7")
    checked = client.call("EditOrder", txid="7", pair="XBTUSD", price="41000", validate="true")
    assert "txid" not in checked
    edited = client.call("EditOrder", txid="7", pair="XBTUSD", price="41000")
    new = edited.pop("txid")
    assert edited == {
        "status": "ok",
        "originaltxid": txid,
        "volume": "0.01000000",
        "price": "41000.0",
        "price2": "0",
        "orders_cancelled": 1,
        "descr": {"order": "buy 0.01000000 XBTUSD @ limit 41000.0"},
    }
    assert client.call("OpenOrders")["open"].keys() == {new}
    limit_order(client, userref="7")
    assert client.error("EditOrder", txid="7", pair="XBTUSD") == "EGeneral:Invalid arguments:txid"


def test_orders_are_cancelled_together_by_all_their_names(client: Client) -> None:
    txids = [limit_order(client, **name) for name in ({}, {"userref": "9"}, {"cl_ord_id": "mine"}, {})]
    named = {"orders": [txids[0], 9, "OXXXXX-XXXXX-XXXXXX"], "cl_ord_ids": [{"cl_ord_id": "mine"}]}
    assert client.answer_json("CancelOrderBatch", **named)["result"] == {"count": 3}
    assert client.call("OpenOrders")["open"].keys() == {txids[3]}
    assert client.answer_json("CancelOrderBatch", **named)["error"] == ["EOrder:Unknown order"]
    assert client.answer_json("CancelOrderBatch", orders=[])["error"] == ["EGeneral:Invalid arguments:orders"]


def test_the_dead_man_timer_cancels_everything_once(client: Client, server: Server) -> None:
    txid = limit_order(client)
    timer = client.call("CancelAllOrdersAfter", timeout=1)
    assert timer["currentTime"] < timer["triggerTime"]
    owner = f"/accounts/{client.account}"
    until(lambda: not server.control("GET", owner).json()["open_orders"], "it has fired")
    assert client.call("ClosedOrders")["closed"][txid]["reason"] == "CancelAllOrdersAfter Timeout"
    assert limit_order(client) in client.call("OpenOrders")["open"]


def test_a_disarmed_timer_does_nothing(client: Client) -> None:
    limit_order(client, expiretm="+5")
    client.call("CancelAllOrdersAfter", timeout=1)
    assert client.call("CancelAllOrdersAfter", timeout=0)["triggerTime"] == "0"
    assert client.error("CancelAllOrdersAfter", timeout=86_400) == "EGeneral:Invalid arguments:timeout"
    assert client.error("CancelAllOrdersAfter") == "EGeneral:Invalid arguments:timeout"


def test_the_expiry_of_an_order_is_shown(client: Client) -> None:
    limit_order(client, expiretm="+5")
    (row,) = client.call("OpenOrders")["open"].values()
    assert row["time_in_force"] == "gtd"
    assert round(row["expiretm"] - row["opentm"]) == 5


def test_a_pair_that_takes_no_orders_still_lets_them_be_cancelled(client: Client, server: Server) -> None:
    pair = {"pair": "LTCUSD", "price": "50", "volume": "1"}
    server.pin("LTCUSD", price="90")
    txid = limit_order(client, **pair)
    try:
        assert server.control("POST", "/pairs/LTCUSD", {"status": "cancel_only"}).status_code == 200
        assert server.public("AssetPairs", pair="LTCUSD")["result"]["XLTCZUSD"]["status"] == "cancel_only"
        assert client.error("AddOrder", **LIMIT | pair) == "EService:Market in cancel_only mode"
        assert client.error("AmendOrder", txid=txid, order_qty="2") == "EService:Market in cancel_only mode"
        server.pin("LTCUSD", price="40")
        assert txid in client.call("OpenOrders")["open"], "nothing is matched"
        assert client.call("CancelOrder", txid=txid) == {"count": 1}
    finally:
        server.control("POST", "/pairs/LTCUSD", {"status": "online"})


def test_a_pair_may_change_its_minima_and_its_tick(client: Client, server: Server) -> None:
    changed = {"ordermin": "2", "costmin": "5", "tick_size": "0.5"}
    before = server.control("GET", "/pairs/SOL/USD").json()
    try:
        shown = server.control("POST", "/pairs/SOLUSD", changed).json()
        assert shown == {"pair": "SOLUSD", "status": "online", "listed": True} | changed
        row = server.public("AssetPairs", pair="SOLUSD")["result"]["SOLUSD"]
        assert {name: row[name] for name in changed} == changed
        order = LIMIT | {"pair": "SOLUSD", "price": "100.50"}
        assert (
            client.error("AddOrder", **order | {"volume": "1.9"})
            == "EGeneral:Invalid arguments:volume minimum not met"
        )
        assert client.error("AddOrder", **order | {"price": "100.25"}) == "EOrder:Tick size check failed"
        assert client.call("AddOrder", **order | {"volume": "2", "validate": "true"})
    finally:
        del before["pair"]
        server.control("POST", "/pairs/SOLUSD", before)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ordermin": "-1"}, "ordermin"),
        ({"costmin": "x"}, "costmin"),
        ({"tick_size": "0"}, "tick_size"),
        ({"tick_size": "0.001"}, "tick_size"),
        ({"status": "open"}, "status"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_change_of_a_pair_is_refused_by_the_name_of_the_field(
    server: Server, body: dict[str, str], field: str
) -> None:
    answer = server.control("POST", "/pairs/SOLUSD", body)
    assert (answer.status_code, answer.json()["error"].split(":")[0]) == (400, field)
    assert server.control("POST", "/pairs/NOPE", {}).status_code == 404


def test_an_expired_order_is_seen_without_anyone_asking(server: Server, client: Client) -> None:
    limit_order(client, expiretm="+5")
    owner = f"/accounts/{client.account}"
    until(lambda: not server.control("GET", owner).json()["open_orders"], "the order has expired")
    (row,) = client.call("ClosedOrders")["closed"].values()
    assert (row["status"], row["reason"]) == ("expired", "Order expired")
    assert row["closetm"] >= row["expiretm"]


def test_a_validated_order_is_described_or_refused_and_leaves_nothing(client: Client) -> None:
    checked = client.call("AddOrder", **LIMIT, validate="true", cl_ord_id="mine")
    assert checked == {"descr": {"order": "buy 0.01000000 XBTUSD @ limit 40000.0"}}
    assert client.error("AddOrder", **POOR, validate="true") == "EOrder:Insufficient funds"
    assert client.call("OpenOrders") == {"open": {}}
    assert client.call("ClosedOrders")["count"] == 0
    # Its client order id is as good as new, until an open order carries it.
    limit_order(client, cl_ord_id="mine")
    again = client.error("AddOrder", **LIMIT, validate="true", cl_ord_id="mine")
    assert again == "EGeneral:Invalid arguments:cl_ord_id not unique"


def test_a_cancel_keeps_what_was_filled_before(client: Client, server: Server) -> None:
    server.pin("XBTUSD", bid="49990", ask="50000", depth="0.001")
    txid = limit_order(client, price="50000", volume="0.003")
    assert client.call("OpenOrders")["open"][txid]["vol_exec"] == "0.00100000"
    assert client.call("CancelOrder", txid=txid) == {"count": 1}
    row = client.call("QueryOrders", txid=txid)[txid]
    assert (row["status"], row["vol_exec"], row["misc"]) == ("canceled", "0.00100000", "partial")
    assert client.error("CancelOrder", txid=txid) == "EOrder:Unknown order"


def test_a_cancel_of_an_order_that_filled_says_no_more_than_that_it_is_over(
    client: Client, server: Server
) -> None:
    txid = limit_order(client, cl_ord_id="mine")
    server.pin("XBTUSD", price="39000")
    for named in ({"txid": txid}, {"cl_ord_id": "mine"}):
        assert client.error("CancelOrder", **named) == "EOrder:Unknown order"
    assert client.call("QueryOrders", txid=txid)[txid]["status"] == "closed"
    # What another account has is not there for this one.
    other = server.account(ZUSD="10")
    assert other.error("CancelOrder", txid=txid) == "EOrder:Invalid order"
    assert other.call("QueryOrders", txid=txid) == {}
