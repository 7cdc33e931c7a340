"""What the exchange assumes where Kraken is silent or reports differ: each rule both ways."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.paper_feed import feed
from tests.support.paper_server import Client, Server

DEFAULTS = {"earn_form_tradable": True, "sell_fee_default": "fciq", "minimum_words": "arguments"}


@pytest.fixture
def house(server: Server) -> Iterator[Server]:
    """An exchange whose assumptions are the default ones afterwards."""
    server.pin("XBTUSD", price="50000")
    yield server
    assert server.control("POST", "/house", DEFAULTS).status_code == 200


def assume(house: Server, **rules: Any) -> None:
    assert house.control("POST", "/house", rules).status_code == 200


def order(client: Client, side: str, volume: str, **rest: str) -> Any:
    wanted = {"pair": "XBTUSD", "type": side, "ordertype": "market", "volume": volume}
    return client.answer("AddOrder", **wanted | rest)


def test_the_assumptions_are_shown(house: Server) -> None:
    shown = house.control("GET", "/house").json()
    assert {name: shown[name] for name in DEFAULTS} == DEFAULTS
    assert shown == house.control("GET", "/rules").json()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"earn_form_tradable": "yes"}, "earn_form_tradable"),
        ({"sell_fee_default": "quote"}, "sell_fee_default"),
        ({"minimum_words": None}, "minimum_words"),
    ],
)
def test_a_bad_assumption_is_refused_by_its_name(house: Server, body: dict[str, Any], field: str) -> None:
    answer = house.control("POST", "/house", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("words", "volume", "cost"),
    [
        # As logged in 2025 and 2026.
        (
            "arguments",
            "EGeneral:Invalid arguments:volume minimum not met",
            "EGeneral:Invalid arguments:cost minimum not met",
        ),
        # As documented.
        ("order", "EOrder:Order minimum not met", "EOrder:Cost minimum not met"),
    ],
)
def test_an_order_that_is_too_small_is_refused_in_either_words(
    house: Server, words: str, volume: str, cost: str
) -> None:
    assume(house, minimum_words=words)
    client = house.account(ZUSD="1000")
    assert order(client, "buy", "0.00004999")["error"] == [volume]
    wanted = {"ordertype": "limit", "price": "5000.0"}
    assert order(client, "buy", "0.00005", **wanted)["error"] == [cost]
    (txid,) = order(client, "buy", "0.0002", **wanted)["result"]["txid"]
    assert client.error("AmendOrder", txid=txid, order_qty="0.00001") == volume
    assert client.error("EditOrder", txid=txid, pair="XBTUSD", volume="0.00001") == volume


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_rest_states_a_fee_in_quote_although_it_was_taken_in_base(house: Server, side: str) -> None:
    client = house.account(ZUSD="50000", XBT="1")
    with feed(house) as connected:
        connected.executions(client, snap_trades=False)
        connected.balances(client)
        (txid,) = order(client, side, "0.1", oflags="fcib")["result"]["txid"]
        messages = [connected.next() for _ in range(6)]
    (trade,) = [row for m in messages for row in m["data"] if row.get("exec_type") == "trade"]
    row = client.call("QueryOrders", txid=txid)[txid]
    assert (row["fee"], row["oflags"], row["cost"]) == ("40.00000", "fcib", "5000.00000")
    (past,) = client.call("TradesHistory")["trades"].values()
    assert (past["fee"], past["cost"]) == ("40.00000", "5000.00000")
    # What was really taken: in the feed, in the ledger, in balances.
    assert trade["fees"] == [{"asset": "BTC", "qty": Decimal("0.0008")}]
    assert trade["fee_usd_equiv"] == 40
    ledger = {e["asset"]: e["fee"] for e in client.call("Ledgers", type="trade")["ledger"].values()}
    assert ledger == {"XXBT": "0.0008000000", "ZUSD": "0.0000"}
    told = {row["asset"]: row["fee"] for m in messages if m["channel"] == "balances" for row in m["data"]}
    assert told == {"BTC": Decimal("0.0008"), "USD": 0}
    left = Decimal(1) + (Decimal("0.1") if side == "buy" else Decimal("-0.1")) - Decimal("0.0008")
    assert Decimal(client.call("Balance")["XXBT"]) == left


@pytest.mark.parametrize(("default", "fee_asset"), [("fciq", "ZUSD"), ("fcib", "XXBT")])
def test_a_sell_without_a_flag_pays_as_the_house_assumes_and_a_buy_in_quote(
    house: Server, default: str, fee_asset: str
) -> None:
    assume(house, sell_fee_default=default)
    client = house.account(ZUSD="50000", XBT="1")
    (sold,) = order(client, "sell", "0.1")["result"]["txid"]
    (named,) = order(client, "sell", "0.1", oflags="fciq")["result"]["txid"]
    (bought,) = order(client, "buy", "0.1")["result"]["txid"]
    rows = client.call("QueryOrders", txid=f"{sold},{named},{bought}")
    assert [rows[txid]["oflags"] for txid in (sold, named, bought)] == [default, "fciq", "fciq"]
    assert [fill["fee_asset"] for fill in house.fills(client)] == [fee_asset, "ZUSD", "ZUSD"]
    with feed(house) as connected:
        connected.executions(client, snap_trades=False)
        wanted = {"order_type": "market", "side": "sell", "order_qty": 0.1, "symbol": "BTC/USD"}
        connected.done(client, "add_order", **wanted)
        assert connected.rows(1)[0]["fee_ccy_pref"] == default
