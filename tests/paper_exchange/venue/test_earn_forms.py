"""What Auto Earn keeps (`.F`): spent by orders on the asset itself, held by them, and never by any other
form.
"""

from decimal import Decimal
from typing import Any

import pytest

from krakencopy.paper_exchange.values.pairs import EARN_SUFFIX, form_of
from krakencopy.paper_exchange.values.sides import Side
from krakencopy.paper_exchange.venue import treasury
from tests.support.paper_feed import feed
from tests.support.paper_server import Client, Server
from tests.support.paper_venue import USD, XBT, venue

NO_FUNDS = "EOrder:Insufficient funds"


def owner(server: Server, **balances: str) -> Client:
    """An account with these balances; `_` stands for the dot of a form."""
    client = server.account()
    for name, amount in balances.items():
        body = {"asset": name.replace("_", "."), "amount": amount}
        assert server.control("POST", f"/accounts/{client.account}/deposit", body).status_code == 200
    return client


def sell(client: Client, volume: str, **rest: str) -> Any:
    wanted = {"pair": "XBTUSD", "type": "sell", "ordertype": "market", "volume": volume}
    return client.answer("AddOrder", **wanted | rest)


@pytest.fixture
def market(server: Server) -> Server:
    """The exchange with a pinned market."""
    server.pin("XBTUSD", price="50000")
    return server


def test_a_sell_uses_what_auto_earn_keeps_after_the_own_balance(market: Server) -> None:
    client = owner(market, XBT="0.3", XBT_F="0.7")
    with feed(market) as connected:
        connected.balances(client)
        assert sell(client, "0.5")["error"] == []
        told = [connected.next()["data"][0] for _ in range(4)]
    assert [(row["type"], row["asset"], row["wallet_type"], row["amount"]) for row in told[:3]] == [
        ("earn", "BTC", "earn", Decimal("-0.2")),
        ("earn", "BTC", "spot", Decimal("0.2")),
        ("trade", "BTC", "spot", Decimal("-0.5")),
    ]
    balances = client.call("Balance")
    assert (balances["XXBT"], balances["XBT.F"]) == ("0.0000000000", "0.5000000000")


def test_all_of_both_and_no_more(market: Server) -> None:
    client = owner(market, XBT="0.3", XBT_F="0.7")
    assert sell(client, "1.00000001")["error"] == [NO_FUNDS]
    assert sell(client, "1")["error"] == []


def test_a_buy_is_paid_from_the_quote_that_auto_earn_keeps(market: Server) -> None:
    client = owner(market, USD_F="1000")
    wanted = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.01"}
    assert client.answer("AddOrder", **wanted)["error"] == []
    balances = client.call("Balance")
    assert (balances["USD.F"], balances["ZUSD"]) == ("496.0000", "0.0000")


def test_a_resting_order_holds_the_own_balance_first(market: Server) -> None:
    client = owner(market, XBT="0.3", XBT_F="0.7")
    assert sell(client, "0.5", ordertype="limit", price="60000")["error"] == []
    held = {name: row["hold_trade"] for name, row in client.call("BalanceEx").items()}
    assert held == {"XXBT": "0.3000000000", "XBT.F": "0.2000000000"}
    assert sell(client, "0.6")["error"] == [NO_FUNDS]
    assert sell(client, "0.6", ordertype="limit", price="50000", timeinforce="IOC")["error"] == [NO_FUNDS]
    assert sell(client, "0.5")["error"] == []
    held = {name: row["hold_trade"] for name, row in client.call("BalanceEx").items()}
    assert Decimal(held["XXBT"]) + Decimal(held["XBT.F"]) == Decimal("0.5")
    market.pin("XBTUSD", price="60000")
    assert client.call("OpenOrders")["open"] == {}, "it was filled"
    assert {client.call("Balance")[name] for name in ("XXBT", "XBT.F")} == {"0.0000000000"}


@pytest.mark.parametrize("form", ["XBT_B", "XBT_S", "XBT_M", "XBT_P", "XBT_T", "XBT_HOLD", "XBT28_S"])
def test_no_other_form_is_ever_spent(market: Server, form: str) -> None:
    client = owner(market, **{form: "1"})
    assert sell(client, "0.5")["error"] == [NO_FUNDS]
    assert client.call("Balance") == {form.replace("_", "."): "1.0000000000"}


def test_where_the_house_assumes_otherwise_it_is_not_spent(market: Server) -> None:
    client = owner(market, XBT="0.3", XBT_F="0.7")
    try:
        market.control("POST", "/house", {"earn_form_tradable": False})
        assert sell(client, "0.5")["error"] == [NO_FUNDS]
        assert sell(client, "0.3")["error"] == []
    finally:
        market.control("POST", "/house", {"earn_form_tradable": True})


def test_holds_of_an_order_outlive_a_change_of_the_assumption() -> None:
    market = venue(xbt="1")
    kept = form_of(XBT, EARN_SUFFIX)
    treasury.deposit(market.exchange, market.account, kept, Decimal(1), market.now_us)
    order = market.place(Side.SELL, "1.5", "60000")
    market.exchange.rules.earn_form_tradable = False
    market.pin("60000.0", "60000.1")
    assert (order.remaining, market.account.holds[XBT]) == (Decimal(0), Decimal(0))
    assert (market.account.balance(XBT), market.account.balance(kept)) == (Decimal(0), Decimal("0.5"))
    assert market.account.balance(USD) > 1_000_000
