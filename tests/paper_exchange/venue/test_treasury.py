"""Changes of balances that are no trades: deposits and withdrawals, moves into forms and back, converts."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.paper_feed import Feed, feed
from tests.support.paper_server import Client, Server


def change(server: Server, client: Client, what: str, **body: Any) -> None:
    answer = server.control("POST", f"/accounts/{client.account}/{what}", body)
    assert answer.status_code == 200, answer.text


def told(connected: Feed, count: int) -> list[tuple[str, str, str | None, str, Any, Any]]:
    """Type, asset, subtype, wallet, amount and balance of the next updates of the balances channel."""
    found = []
    for _ in range(count):
        message = connected.next()
        assert (message["channel"], message["type"]) == ("balances", "update")
        (row,) = message["data"]
        found.append(
            (row["type"], row["asset"], row.get("subtype"), row["wallet_type"], row["amount"], row["balance"])
        )
    return found


def ledger(client: Client) -> list[tuple[str, str, str, str]]:
    """Type, subtype, asset and amount of all entries but deposits, oldest first."""
    rows = sorted(client.call("Ledgers")["ledger"].values(), key=lambda row: row["time"])
    return [
        (row["type"], row["subtype"], row["asset"], row["amount"]) for row in rows if row["type"] != "deposit"
    ]


def test_a_deposit_and_a_withdrawal_are_told_as_what_they_are(server: Server) -> None:
    client = server.account(ZUSD="100")
    with feed(server) as connected:
        connected.balances(client)
        change(server, client, "deposit", asset="USD", amount="50")
        change(server, client, "deposit", asset="USD", amount="-30")
        assert told(connected, 2) == [
            ("deposit", "USD", None, "spot", 50, 150),
            ("withdrawal", "USD", None, "spot", -30, 120),
        ]


@pytest.mark.parametrize(
    ("form", "rows", "wallet"),
    [
        (".F", [("earn", "allocation"), ("earn", "allocation")], "earn"),
        (".B", [("earn", "allocation"), ("earn", "allocation")], "earn"),
        ("28.S", [("transfer", "spottostaking"), ("transfer", "stakingfromspot")], "earn"),
    ],
)
def test_a_move_is_two_entries_with_one_reference_and_no_trade(
    server: Server, form: str, rows: list[tuple[str, str]], wallet: str
) -> None:
    client = server.account(DOT="10")
    with feed(server) as connected:
        connected.balances(client)
        change(server, client, "move", asset="DOT", form=form, amount="4")
        out, into = told(connected, 2)
    assert (out[:2], out[3:]) == ((rows[0][0], "DOT"), ("spot", -4, 6))
    assert (into[:2], into[3:]) == ((rows[1][0], "DOT"), (wallet, 4, 4))
    assert client.call("Balance") == {"DOT": "6.0000000000", f"DOT{form}": "4.0000000000"}
    moved = [row for row in client.call("Ledgers")["ledger"].values() if row["type"] != "deposit"]
    assert {row["asset"]: (row["type"], row["subtype"]) for row in moved} == {
        "DOT": rows[0],
        f"DOT{form}": rows[1],
    }
    assert len({row["refid"] for row in moved}) == 1
    assert client.call("TradesHistory")["trades"] == {}


def test_what_was_moved_comes_back_by_an_amount_below_zero(server: Server) -> None:
    client = server.account(DOT="10")
    change(server, client, "move", asset="DOT", form="28.S", amount="4")
    change(server, client, "move", asset="DOT", form="28.S", amount="-1")
    assert client.call("Balance") == {"DOT": "7.0000000000", "DOT28.S": "3.0000000000"}
    assert sorted(ledger(client)[2:]) == [
        ("transfer", "spotfromstaking", "DOT", "1.0000000000"),
        ("transfer", "stakingtospot", "DOT28.S", "-1.0000000000"),
    ]


def test_a_convert_is_in_ledgers_and_on_the_channel_only(server: Server) -> None:
    client = server.account(ZUSD="100")
    with feed(server) as connected:
        connected.balances(client)
        change(
            server, client, "convert",
            spend={"asset": "USD", "amount": "60"}, receive={"asset": "ETH", "amount": "0.02"},
        )  # fmt: skip
        assert told(connected, 2) == [
            ("conversion", "USD", None, "spot", -60, 40),
            ("conversion", "ETH", None, "spot", Decimal("0.02"), Decimal("0.02")),
        ]
    assert sorted(ledger(client)) == [
        ("receive", "", "XETH", "0.0200000000"),
        ("spend", "", "ZUSD", "-60.0000"),
    ]
    assert client.call("TradesHistory")["count"] == 0
    assert client.call("ClosedOrders")["count"] == 0
    assert client.call("Ledgers", type="spend")["count"] == 1


@pytest.mark.parametrize(
    ("what", "body", "error"),
    [
        ("move", {"asset": "DOT", "form": ".F", "amount": "11"}, "amount: only 10.0000000000 are available"),
        ("move", {"asset": "DOT", "form": ".F", "amount": "-1"}, "amount: only 0.0000000000 are available"),
        ("move", {"asset": "DOT", "form": ".Q", "amount": "1"}, "form: "),
        ("move", {"asset": "DOT", "form": ".F", "amount": "0"}, "amount: "),
        ("move", {"asset": "DOT.F", "form": ".F", "amount": "1"}, "asset: "),
        ("convert", {"spend": {"asset": "DOT"}, "receive": {}}, "spend: "),
        (
            "convert",
            {"spend": {"asset": "DOT", "amount": "11"}, "receive": {"asset": "USD", "amount": "1"}},
            "spend.amount: only 10.0000000000 are available",
        ),
        (
            "convert",
            {"spend": {"asset": "DOT", "amount": "1"}, "receive": {"asset": "DOT", "amount": "1"}},
            "receive.asset: ",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_and_changes_nothing(
    server: Server, what: str, body: dict[str, Any], error: str
) -> None:
    client = server.account(DOT="10")
    answer = server.control("POST", f"/accounts/{client.account}/{what}", body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)
    assert client.call("Balance") == {"DOT": "10.0000000000"}


def test_money_that_an_order_holds_is_not_moved(server: Server) -> None:
    server.pin("DOTUSD", price="5")
    client = server.account(DOT="10")
    client.call("AddOrder", pair="DOTUSD", type="sell", ordertype="limit", price="9", volume="8")
    body = {"asset": "DOT", "form": ".F", "amount": "3"}
    answer = server.control("POST", f"/accounts/{client.account}/move", body)
    assert answer.json()["error"] == "amount: only 2.0000000000 are available"


@pytest.mark.parametrize(
    "name", ["DOT28.S", "ATOM21.S", "XBT.M", "ETH2.S", "USD.HOLD", "DOT.P", "DOT.5.S", "DOT.Q"]
)
def test_forms_of_assets_that_there_are_can_be_owned(server: Server, name: str) -> None:
    there_is = name in {"DOT28.S", "XBT.M", "ETH2.S", "USD.HOLD", "DOT.P"}
    body = {"id": f"forms-{name}", "balances": {name: "1"}}
    answer = server.control("POST", "/accounts", body)
    assert answer.status_code == (200 if there_is else 400)
    if there_is:
        assert list(answer.json()["balances"]) == [name]


def test_a_trade_on_margin_moves_its_fee_alone(server: Server) -> None:
    server.pin("XBTUSD", price="50000")
    client = server.account(ZUSD="100", XXBT="1")
    with feed(server) as connected:
        connected.executions(client)
        connected.balances(client)
        change(server, client, "margin", pair="XBTUSD", side="sell", volume="0.2", leverage=5)
        rows = [connected.next()["data"][0] for _ in range(5)]
    assert [row["type"] for row in rows[4:]] == ["margin"]
    assert (rows[0]["margin"], rows[2]["margin_borrow"], rows[2]["position_status"]) == (True, True, "opened")
    assert client.call("Balance") == {"ZUSD": "20.0000", "XXBT": "1.0000000000"}
    (trade,) = client.call("TradesHistory")["trades"].values()
    assert (trade["margin"], trade["leverage"], trade["fee"], trade["posstatus"]) == (
        "2000.00000", "5", "80.00000", "open",
    )  # fmt: skip
    (order,) = client.call("ClosedOrders")["closed"].values()
    assert order["descr"]["order"] == "sell 0.20000000 XBTUSD @ market with 5:1 leverage"
    (entry,) = client.call("Ledgers", type="margin")["ledger"].values()
    assert (entry["asset"], entry["amount"], entry["fee"]) == ("ZUSD", "0.0000", "80.0000")
    body = {"pair": "XBTUSD", "side": "buy", "volume": "1"}
    answer = server.control("POST", f"/accounts/{client.account}/margin", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "volume: EOrder:Insufficient margin")
