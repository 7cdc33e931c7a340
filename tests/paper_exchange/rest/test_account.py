"""Money, ledgers and keys over real HTTP."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.paper_server import SECRET, Client, Server, until

MARKET = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}


@pytest.fixture
def client(server: Server) -> Client:
    server.pin("XBTUSD", price="50000")
    return server.account(limits=False, ZUSD="10000", XXBT="1")


def test_a_trade_is_two_ledger_entries_that_share_its_id(client: Client) -> None:
    client.call("AddOrder", **MARKET)
    ((exec_id, trade),) = client.call("TradesHistory", ledgers="true")["trades"].items()
    answer = client.call("Ledgers", type="trade")
    assert answer["count"] == 2
    quote, base = answer["ledger"].values()
    assert {quote["refid"], base["refid"]} == {exec_id}
    assert (quote["asset"], quote["amount"], quote["fee"], quote["balance"]) == (
        "ZUSD",
        "-500.0000",
        "4.0000",
        "9496.0000",
    )
    assert (base["asset"], base["amount"], base["balance"]) == ("XXBT", "0.0100000000", "1.0100000000")
    assert set(trade["ledgers"]) == answer["ledger"].keys()
    asked = ",".join(answer["ledger"])
    assert client.call("QueryLedgers", id=asked) == answer["ledger"]
    assert client.call("QueryTrades", txid=exec_id, ledgers="true") == {exec_id: trade}


def test_deposits_and_withdrawals_are_in_the_ledger(client: Client, server: Server) -> None:
    path = f"/accounts/{client.account}/deposit"
    server.control("POST", path, {"asset": "USD", "amount": "-50"})
    rows = list(client.call("Ledgers", asset="ZUSD")["ledger"].values())
    assert [(row["type"], row["amount"], row["balance"]) for row in rows] == [
        ("withdrawal", "-50.0000", "9950.0000"),
        ("deposit", "10000.0000", "10000.0000"),
    ]


def test_the_ledger_is_paged_by_ids_and_by_offset(client: Client, server: Server) -> None:
    for number in range(60):
        server.control(
            "POST", f"/accounts/{client.account}/deposit", {"asset": "USD", "amount": str(number + 1)}
        )
    first, second = (client.call("Ledgers", ofs=offset) for offset in (0, 50))
    assert (len(first["ledger"]), len(second["ledger"]), first["count"]) == (50, 12, 62)
    assert not first["ledger"].keys() & second["ledger"].keys()
    newest = next(iter(first["ledger"]))
    assert client.call("Ledgers", start=newest, without_count="true") == {"ledger": {}}
    assert client.call("Ledgers", end=newest)["count"] == 62


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"asset": "NOPE"}, "EQuery:Unknown asset"),
        ({"type": "gift"}, "EGeneral:Invalid arguments:type"),
        ({"aclass": "shares"}, "EGeneral:Invalid arguments:aclass"),
        ({"start": "LXXXXX"}, "EGeneral:Invalid arguments:start"),
    ],
)
def test_a_bad_question_about_the_ledger_is_refused(
    client: Client, params: dict[str, str], error: str
) -> None:
    assert client.error("Ledgers", **params) == error


def test_there_are_no_positions(client: Client) -> None:
    assert client.call("OpenPositions", docalcs="true") == {}
    assert client.call("OpenPositions", consolidation="market") == []


def test_suffix_balances_are_shown_and_valued(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="100")
    for asset, amount in {"XBT.F": "0.5", "USD.M": "7", "USD.HOLD": "1"}.items():
        server.control("POST", f"/accounts/{client.account}/deposit", {"asset": asset, "amount": amount})
    assert client.call("Balance") == {
        "ZUSD": "100.0000",
        "XBT.F": "0.5000000000",
        "USD.M": "7.0000",
        "USD.HOLD": "1.0000",
    }
    assert client.call("Balance", assetVersion="1").keys() == {"USD", "BTC.F", "USD.M", "USD.HOLD"}
    assert client.call("BalanceEx")["XBT.F"] == {"balance": "0.5000000000", "hold_trade": "0.0000000000"}
    assert client.call("TradeBalance")["eb"] == "25108.0000"
    assert server.public("Assets", asset="XBT.F")["result"]["XBT.F"]["altname"] == "XBT.F"


def test_a_key_without_an_allow_list_shows_one_empty_text(client: Client) -> None:
    assert client.call("GetApiKeyInfo")["ipAllowlist"] == [""]


def test_a_key_shows_its_bounds_and_is_refused_when_it_has_expired(server: Server, client: Client) -> None:
    until_s = int(time.time()) + 3600
    bounds = {"valid_until": until_s, "query_from": 1, "query_to": 2, "ip_allowlist": ["127.0.0.1"]}
    keys = f"/accounts/{client.account}/keys"
    assert server.control("POST", keys, {"key": client.key} | bounds).status_code == 200
    info = client.call("GetApiKeyInfo")
    assert (info["validUntil"], info["queryFrom"], info["queryTo"]) == (str(until_s), "1", "2")
    assert (info["ipAllowlist"], info["nonce"]) == (["127.0.0.1"], str(client.nonce))
    server.control("POST", keys, {"key": client.key, "valid_until": 1})
    assert client.error("GetApiKeyInfo") == "EAPI:Invalid key"
    server.control("POST", keys, {"key": client.key, "valid_until": 0, "ip_allowlist": ["192.0.2.1"]})
    assert client.error("GetApiKeyInfo") == "EGeneral:Permission denied"


@pytest.mark.parametrize(
    ("bounds", "field"),
    [({"valid_until": "soon"}, "valid_until"), ({"ip_allowlist": "any"}, "ip_allowlist")],
)
def test_a_bad_bound_of_a_key_is_refused_by_its_name(
    server: Server, client: Client, bounds: dict[str, str], field: str
) -> None:
    answer = server.control("POST", f"/accounts/{client.account}/keys", {"key": client.key} | bounds)
    assert (answer.status_code, answer.json()["error"].split(":")[0]) == (400, field)


@pytest.mark.parametrize(
    ("permission", "opens", "shut"),
    [
        ("query-ledger", ["Ledgers"], ["TradesHistory"]),
        ("query-closed-trades", ["ClosedOrders", "TradesHistory"], ["OpenPositions", "Ledgers"]),
        (
            "query-open-trades",
            ["OpenPositions", "OpenOrders", "TradeBalance"],
            ["TradeVolume", "ClosedOrders"],
        ),
        ("close-trades", ["CancelAll"], ["AddOrder", "AddOrderBatch", "EditOrder"]),
        ("modify-trades", ["CancelAll"], ["AddOrderBatch", "EditOrder"]),
    ],
)
def test_a_permission_opens_its_methods_and_no_others(
    server: Server, permission: str, opens: list[str], shut: list[str]
) -> None:
    client = server.account(permissions=[permission])
    for method in opens:
        client.call(method)
    for method in shut:
        assert client.error(method) == "EGeneral:Permission denied"


# --- limits


def test_a_rest_counter_fills_up(server: Server) -> None:
    client = server.account(tier="pro", ZUSD="1")
    answers = [client.answer("Balance")["error"] for _ in range(30)]
    refused = answers.index(["EAPI:Rate limit exceeded"])
    assert 20 <= refused <= 25, "a little decays while the calls are made"
    assert client.error("AddOrder", **MARKET) == "EOrder:Insufficient funds", "orders have their own counter"


def test_orders_are_free_of_the_rest_counter_and_fill_their_own(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(tier="starter", ZUSD="10000")
    limit = MARKET | {"ordertype": "limit", "price": "40000", "volume": "0.0001"}
    txids = [client.call("AddOrder", **limit)["txid"][0] for _ in range(20)]
    answers = [client.answer("CancelOrder", txid=txid)["error"] for txid in txids]
    assert answers[0] == []
    assert answers[-1] == ["EOrder:Rate limit exceeded"], "8 for each order that is so young"
    assert client.answer("AddOrder", **limit)["error"] in (["EOrder:Rate limit exceeded"], [])
    assert client.call("Balance"), "the REST counter has hardly been used"


def test_history_costs_what_the_house_rules_say(server: Server) -> None:
    costs = {}
    for cost in (2, 4):
        assert server.control("POST", "/rules", {"history_cost": cost}).json()["history_cost"] == cost
        client = server.account(tier="starter")
        answers = [client.answer("ClosedOrders")["error"] for _ in range(10)]
        costs[cost] = answers.index(["EAPI:Rate limit exceeded"])
    server.control("POST", "/rules", {"history_cost": 2})
    assert costs == {2: 7, 4: 3}


def test_an_account_may_have_no_limits_and_another_tier(server: Server) -> None:
    client = server.account(tier="starter", limits=False, ZUSD="1")
    assert all(client.call("Balance") for _ in range(40))
    changed = server.control("POST", f"/accounts/{client.account}", {"limits": True, "tier": "pro"}).json()
    assert (changed["limits"], changed["tier"]) == (True, "pro")
    assert ["EAPI:Rate limit exceeded"] in [client.answer("Balance")["error"] for _ in range(30)]


@pytest.mark.parametrize(("body", "field"), [({"tier": "gold"}, "tier"), ({"limits": "no"}, "limits")])
def test_a_bad_change_of_an_account_is_refused(
    server: Server, client: Client, body: dict[str, str], field: str
) -> None:
    answer = server.control("POST", f"/accounts/{client.account}", body)
    assert (answer.status_code, answer.json()["error"].split(":")[0]) == (400, field)


def test_refused_signatures_in_a_row_lock_the_key_out_until_it_is_mended(server: Server) -> None:
    client = server.account(ZUSD="1")
    stranger = Client(server.rest_url, client.key, SECRET[:-8] + "AAAAAAA=")
    errors = [stranger.error("Balance") for _ in range(11)]
    assert errors == ["EAPI:Invalid signature"] * 10 + ["EGeneral:Temporary lockout"]
    assert client.error("Balance") == "EGeneral:Temporary lockout"
    assert server.control("POST", f"/accounts/{client.account}/keys", {"key": client.key}).status_code == 200
    assert client.call("Balance") == {"ZUSD": "1.0000"}


def test_too_many_requests_at_once_are_throttled() -> None:
    slow = Server("--latency-ms", "500", "--tick-ms", "3600000")
    try:
        assert slow.control("POST", "/rules", {"requests_at_once": 1}).json()["requests_at_once"] == 1
        client = slow.account(ZUSD="1")
        other = slow.again(client)
        answers: list[Any] = []
        first = threading.Thread(target=lambda: answers.append(client.answer("Balance")))
        first.start()
        until(lambda: slow.rows(client), "the first one has been acted on")
        refused = other.error("Balance")
        first.join()
    finally:
        assert slow.stop() == 0
    assert answers[0]["error"] == []
    name, at = refused.rsplit(": ", 1)
    assert name == "EService:Throttled"
    assert abs(int(at) - datetime.now(UTC).timestamp()) < 60


# --- house rules


def test_the_house_rules_are_shown_and_changed(server: Server) -> None:
    before = server.control("GET", "/rules").json()
    assert before["holds"] is True
    assert server.control("POST", "/rules", {"key_info_snake_case": True}).status_code == 200
    client = server.account()
    info = client.call("GetApiKeyInfo")
    assert (info["api_key"], info["nonce_window"]) == (client.key, "0")
    assert server.control("POST", "/rules", {"key_info_snake_case": False}).json() == before


@pytest.mark.parametrize(
    ("rules", "field"),
    [({"holds": "yes"}, "holds"), ({"history_cost": "many"}, "history_cost"), ({"luck": 1}, "luck")],
)
def test_a_bad_house_rule_is_refused_by_its_name(server: Server, rules: dict[str, str], field: str) -> None:
    answer = server.control("POST", "/rules", rules)
    assert (answer.status_code, answer.json()["error"].split(":")[0]) == (400, field)


def test_orders_may_be_asked_for_by_their_client_id_where_the_house_rules_let_them(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="1000")
    (txid,) = client.call("AddOrder", **MARKET | {"cl_ord_id": "mine"})["txid"]
    assert client.error("QueryOrders", cl_ord_id="mine") == "EGeneral:Invalid arguments:txid"
    server.control("POST", "/rules", {"query_by_client_id": True})
    try:
        assert client.call("QueryOrders", cl_ord_id="mine").keys() == {txid}
    finally:
        server.control("POST", "/rules", {"query_by_client_id": False})


# --- what clients call


def test_calls_are_counted_and_those_that_do_not_exist_are_named(server: Server, client: Client) -> None:
    before = server.control("GET", "/calls").json()
    client.error("DepositMethods")
    server.public("Weather")
    client.call("Balance")
    after = server.control("GET", "/calls").json()
    assert after["unknown"]["POST /0/private/DepositMethods"] == 1
    assert after["unknown"]["GET /0/public/Weather"] == 1
    name = "POST /0/private/Balance"
    assert after["called"][name] == before["called"].get(name, 0) + 1
    assert name not in after["unknown"]


def test_the_spread_is_a_list_of_quotes(server: Server) -> None:
    server.pin("ETHEUR", bid="2000", ask="2001")
    server.pin("ETHEUR", bid="2002", ask="2003")
    answer = server.public("Spread", pair="ETHEUR")["result"]
    rows = answer["XETHZEUR"]
    assert [row[1:] for row in rows[-2:]] == [["2000.00000", "2001.00000"], ["2002.00000", "2003.00000"]]
    assert answer["last"] == rows[-1][0]
    later = server.public("Spread", pair="XETHZEUR", since=rows[-1][0] + 1)["result"]
    assert later["XETHZEUR"] == []


def test_who_asks_by_a_name_with_a_slash_is_answered_under_it(server: Server) -> None:
    for method in ("AssetPairs", "Ticker", "Depth", "Trades", "OHLC", "Spread"):
        answer = server.public(method, pair="BTC/USD")["result"]
        assert "BTC/USD" in answer, method
        assert "XXBTZUSD" in server.public(method, pair="XBTUSD")["result"], method
