"""Which assets and pairs there are: tokenised stocks, new pairs, pairs that are taken out of the lists,
renames.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.paper_feed import feed
from tests.support.paper_server import Client, Server

BUY = {"type": "buy", "ordertype": "market"}
UNKNOWN = ["EQuery:Unknown asset pair"]
# As recorded of AssetPairs with aclass_base=tokenized_asset in 2026 (without leverage and fees).
AAPLX = {
    "altname": "AAPLxUSD",
    "wsname": "AAPLx/USD",
    "aclass_base": "tokenized_asset",
    "base": "AAPLx",
    "aclass_quote": "currency",
    "quote": "ZUSD",
    "lot": "unit",
    "cost_decimals": 5,
    "pair_decimals": 2,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "ordermin": "0.00000001",
    "costmin": "0.5",
    "tick_size": "0.01",
    "status": "online",
    "execution_venue": "international",
}
POL = {
    "base": "MATIC",
    "quote": "USD",
    "price": "0.5",
    "pair_decimals": 4,
    "ordermin": "10",
    "lot_decimals": 5,
}


@pytest.fixture(scope="module")
def listing() -> Iterator[Server]:
    """An exchange of these tests alone: what is listed in it changes."""
    running = Server("--tick-ms", "20")
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(listing: Server) -> Client:
    """A new account that can buy."""
    listing.pin("AAPLxUSD", price="250")
    return listing.account(ZUSD="10000")


def done(listing: Server, path: str, body: dict[str, Any]) -> Any:
    answer = listing.control("POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def instruments(listing: Server, **params: Any) -> dict[str, set[str]]:
    with feed(listing) as connected:
        connected.subscribe("instrument", **params)
        told = connected.next()["data"]
    return {
        "assets": {row["id"] for row in told["assets"]},
        "pairs": {row["symbol"] for row in told["pairs"]},
    }


# --- tokenised stocks


def test_a_tokenised_stock_is_listed_for_those_who_ask_for_its_class(listing: Server) -> None:
    of_class = listing.public("AssetPairs", aclass_base="tokenized_asset")["result"]
    assert {name: of_class["AAPLxUSD"][name] for name in AAPLX} == AAPLX
    assert {row["aclass_base"] for row in of_class.values()} == {"tokenized_asset"}
    assert "AAPLxUSD" not in listing.public("AssetPairs")["result"]
    assert listing.public("AssetPairs", pair="AAPLxUSD")["error"] == UNKNOWN
    assert listing.public("AssetPairs", aclass_base="forex")["error"] == [
        "EGeneral:Invalid arguments:aclass_base"
    ]
    asset = listing.public("Assets", aclass="tokenized_asset")["result"]["AAPLx"]
    assert (asset["aclass"], asset["altname"]) == ("tokenized_asset", "AAPLx")
    assert "AAPLx" not in listing.public("Assets")["result"]


def test_a_ticker_that_does_not_name_the_class_knows_no_tokenised_stock(listing: Server) -> None:
    assert set(listing.public("Ticker", asset_class="tokenized_asset", pair="AAPLxUSD")["result"]) == {
        "AAPLxUSD"
    }
    assert listing.public("Ticker", pair="AAPLxUSD")["error"] == UNKNOWN
    assert listing.public("Ticker", pair="XBTUSD,AAPLxUSD")["error"] == UNKNOWN
    assert "AAPLxUSD" not in listing.public("Ticker")["result"]


def test_an_order_of_a_tokenised_stock_names_its_class(client: Client) -> None:
    order = BUY | {"pair": "AAPLxUSD", "volume": "2"}
    assert client.error("AddOrder", **order) == UNKNOWN[0]
    assert (
        client.error("AddOrder", **order | {"pair": "XBTUSD", "asset_class": "tokenized_asset"}) == UNKNOWN[0]
    )
    (txid,) = client.call("AddOrder", **order, asset_class="tokenized_asset")["txid"]
    (trade,) = client.call("TradesHistory")["trades"].values()
    assert (trade["ordertxid"], trade["pair"], trade["aclass"]) == (txid, "AAPLxUSD", "equity_pair")
    assert client.call("QueryOrders", txid=txid)[txid]["descr"]["pair"] == "AAPLxUSD"
    assert client.call("Balance")["AAPLx"] == "2.00000000"
    rows = client.call("Ledgers", aclass="tokenized_asset")["ledger"].values()
    assert {(row["asset"], row["aclass"]) for row in rows} == {("AAPLx", "tokenized_asset")}


def test_the_feed_tells_of_tokenised_stocks_by_their_symbol(listing: Server, client: Client) -> None:
    with feed(listing) as connected:
        connected.executions(client, snap_trades=False)
        order = {"order_type": "market", "side": "buy", "order_qty": 1, "symbol": "AAPLx/USD"}
        connected.done(client, "add_order", **order)
        assert [row.get("symbol") for row in connected.rows(3)] == ["AAPLx/USD", None, "AAPLx/USD"]
    assert "AAPLx/USD" not in instruments(listing)["pairs"]
    everything = instruments(listing, include_tokenized_assets=True, execution_venue="international")
    assert "AAPLx/USD" in everything["pairs"]
    assert "AAPLx" in everything["assets"]


# --- pairs that come and go


def test_a_pair_that_is_not_listed_trades_for_those_who_know_it(listing: Server, client: Client) -> None:
    listing.pin("DOTUSD", price="5")
    with feed(listing) as connected:
        connected.subscribe("instrument", snapshot=False)
        assert done(listing, "/pairs/DOTUSD", {"listed": False})["listed"] is False
        (row,) = connected.next()["data"]["pairs"]
        assert (row["symbol"], row["status"]) == ("DOT/USD", "delisted")
    assert "DOTUSD" not in listing.public("AssetPairs")["result"]
    assert "DOT/USD" not in instruments(listing)["pairs"]
    for method in ("AssetPairs", "Ticker", "Depth", "Trades", "OHLC"):
        assert listing.public(method, pair="DOTUSD")["error"] == UNKNOWN
    assert listing.public("Ticker", pair="XBTUSD,DOTUSD")["error"] == UNKNOWN, (
        "one unknown pair fails the call"
    )
    (txid,) = client.call("AddOrder", **BUY, pair="DOTUSD", volume="10")["txid"]
    (trade,) = client.call("TradesHistory")["trades"].values()
    assert (trade["ordertxid"], trade["pair"]) == (txid, "DOTUSD")
    assert done(listing, "/pairs/DOTUSD", {"listed": True})["listed"] is True
    assert set(listing.public("Ticker", pair="DOTUSD")["result"]) == {"DOTUSD"}


def test_a_new_pair_brings_its_asset_along(listing: Server, client: Client) -> None:
    with feed(listing) as connected:
        connected.subscribe("instrument", snapshot=False)
        row = done(listing, "/pairs", {"base": "NEWC", "quote": "USD", "price": "2.5", "ordermin": "3"})
        assert (row["pair"], row["ordermin"], row["tick_size"]) == ("NEWCUSD", "3", "0.01")
        told = connected.next()["data"]
        assert [asset["id"] for asset in told["assets"]] == ["NEWC"]
        assert [pair["symbol"] for pair in told["pairs"]] == ["NEWC/USD"]
        connected.subscribe("ticker", symbol=["NEWC/USD"])
        assert connected.next()["data"][0]["symbol"] == "NEWC/USD"
    listing.pin("NEWCUSD", price="2.5")
    client.call("AddOrder", **BUY, pair="NEWCUSD", volume="4")
    assert client.call("Balance")["NEWC"] == "4.0000000000"
    assert listing.public("AssetPairs", pair="NEWC/USD")["result"]["NEWC/USD"]["base"] == "NEWC"
    assert listing.public("Assets", asset="NEWC")["result"]["NEWC"]["altname"] == "NEWC"
    again = listing.control("POST", "/pairs", {"base": "NEWC", "quote": "USD", "price": "1"})
    assert (again.status_code, again.json()["error"].partition(":")[0]) == (409, "id")


def test_a_new_pair_may_be_a_tokenised_stock(listing: Server) -> None:
    body = {"base": "TSLAx", "quote": "USD", "price": "300", "aclass_base": "tokenized_asset"}
    assert done(listing, "/pairs", body)["pair"] == "TSLAxUSD"
    assert "TSLAxUSD" in listing.public("AssetPairs", aclass_base="tokenized_asset")["result"]
    assert "TSLAxUSD" not in listing.public("AssetPairs")["result"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"base": "A B"}, "base"),
        ({"base": "XBT.F"}, "base"),
        ({"quote": None}, "quote"),
        ({"price": "0"}, "price"),
        ({"price": "0.505", "tick_size": "0.01", "pair_decimals": 2}, "price"),
        ({"tick_size": "0.01"}, "tick_size"),
        ({"aclass_base": "forex"}, "aclass_base"),
        ({"key": ""}, "key"),
        ({"altname": "XBTUSD"}, "altname"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_pair_is_refused_by_the_name_of_the_field(
    listing: Server, change: dict[str, Any], field: str
) -> None:
    answer = listing.control("POST", "/pairs", POL | {"base": "BADC", "key": "BADKEY"} | change)
    assert answer.status_code in {400, 409}
    assert answer.json()["error"].startswith(f"{field}: ")


# --- renames


def test_a_coin_under_a_new_name_is_what_accounts_have_and_its_past_keeps_the_old_one(
    listing: Server,
) -> None:
    done(listing, "/pairs", POL)
    listing.pin("MATICUSD", price="0.5")
    client = listing.account(ZUSD="1000")
    done(listing, f"/accounts/{client.account}/deposit", {"asset": "MATIC.F", "amount": "7"})
    client.call("AddOrder", **BUY, pair="MATICUSD", volume="100")
    (resting,) = client.call(
        "AddOrder", pair="MATICUSD", type="sell", ordertype="limit", price="0.9", volume="50"
    )["txid"]
    with feed(listing) as connected:
        connected.balances(client)
        connected.subscribe("instrument", snapshot=False)
        renamed = done(listing, "/assets/MATIC/rename", {"to": "POL"})
        told = [connected.next() for _ in range(6)]
    assert renamed == {"id": "POL", "altname": "POL", "name": "POL", "pairs": ["POLUSD"]}
    rows = [message["data"] for message in told if message["channel"] == "instrument"]
    assert [(row["symbol"], row["status"]) for data in rows for row in data["pairs"]] == [
        ("MATIC/USD", "delisted"),
        ("POL/USD", "online"),
    ]
    assert [(row["asset"], row["type"]) for m in told if m["channel"] == "balances" for row in m["data"]] == [
        ("MATIC", "transfer"),
        ("POL", "transfer"),
    ] * 2
    balances = client.call("Balance")
    assert (balances["POL"], balances["POL.F"]) == ("100.0000000000", "7.0000000000")
    assert not any(name.startswith("MATIC") for name in balances)
    assert client.call("QueryOrders", txid=resting)[resting]["status"] == "canceled"
    (trade,) = client.call("TradesHistory")["trades"].values()
    assert trade["pair"] == "MATICUSD"
    assert listing.public("Ticker", pair="MATICUSD")["error"] == UNKNOWN
    assert client.error("AddOrder", **BUY, pair="MATICUSD", volume="20") == UNKNOWN[0]
    client.call("AddOrder", pair="POLUSD", type="sell", ordertype="market", volume="100")
    assert client.call("Balance")["POL"] == "0.0000000000"


def test_a_rename_that_keeps_the_id_changes_no_balance(listing: Server) -> None:
    done(listing, "/pairs", {"base": "OLDN", "quote": "EUR", "price": "1.5"})
    client = listing.account(OLDN="5")
    done(listing, f"/accounts/{client.account}/deposit", {"asset": "OLDN28.S", "amount": "2"})
    renamed = done(listing, "/assets/OLDN/rename", {"to": "NEWN", "keeps_key": True})
    assert renamed == {"id": "OLDN", "altname": "NEWN", "name": "NEWN", "pairs": ["NEWNEUR"]}
    assert client.call("Balance") == {"OLDN": "5.0000000000", "NEWN28.S": "2.0000000000"}
    assert len(client.call("Ledgers")["ledger"]) == 2, "the two deposits"
    row = listing.public("AssetPairs", pair="NEWNEUR")["result"]["OLDNEUR"]
    assert (row["altname"], row["wsname"], row["base"]) == ("NEWNEUR", "NEWN/EUR", "OLDN")


def test_a_name_that_is_taken_is_refused(listing: Server) -> None:
    assert listing.control("POST", "/assets/NOPE/rename", {"to": "X"}).status_code == 404
    for body, status in (({"to": "ETH"}, 409), ({"to": "a.b"}, 400), ({"to": "Q", "keeps_key": 1}, 400)):
        answer = listing.control("POST", "/assets/ADA/rename", body)
        assert (answer.status_code, answer.json()["error"].split(":")[0] in {"to", "keeps_key"}) == (
            status,
            True,
        )


def test_bitcoin_under_a_new_name_is_valued_and_traded() -> None:
    running = Server("--tick-ms", "3600000")
    try:
        running.pin("XBTUSD", price="50000")
        running.pin("XBTUSDT", price="50000")
        assert (
            running.control("POST", "/assets/XBT/rename", {"to": "BITC", "keeps_key": True}).status_code
            == 200
        )
        client = running.account(BITC="1", USDT="100")
        assert running.public("AssetPairs", pair="BITCUSD")["result"]["XXBTZUSD"]["base"] == "XXBT"
        assert client.call("TradeBalance")["eb"] == "50100.0000"
        client.call("AddOrder", pair="BITCUSD", type="sell", ordertype="market", volume="0.5")
        assert client.call("Balance")["XXBT"] == "0.5000000000"
        assert running.control("POST", "/assets/USD/rename", {"to": "DOLLAR"}).status_code == 409
    finally:
        assert running.stop() == 0
