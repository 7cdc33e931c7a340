"""One row that cannot be read, one price or one market that is refused costs that row, price or market."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.support.client import private
from tests.support.hand import Hand
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("SOLUSD", "100")
        yield paper


def codes(system: System, account: str) -> set[str]:
    return {notice.code for notice in system.accounts()[account].notices}


def last_copy(system: System, account: str, pair: str) -> Any:
    """The newest copy of a pair, once it has ended."""

    def ended() -> Any:
        found = [copy for copy in system.copies(account) if copy.pair == pair]
        return found[-1] if found and found[-1].HasField("finished_at") else None

    return wait_for(f"{account}'s copy in {pair}", ended)


def volume_of(paper: Paper, account: str, pair: str = "XBTUSD") -> Decimal:
    """What an account has bought less what it has sold, by the exchange's own record."""
    rows = [row for row in paper.rows("fills") if row["account"] == account and row["pair"] == pair]
    return sum((Decimal(row["volume"]) * (1 if row["side"] == "buy" else -1) for row in rows), Decimal(0))


def round_trip(paper: Paper, system: System, fills: int) -> None:
    """The master buys and sells bitcoin, and anna follows both ways, once."""
    system.buy("XBTUSD", "0.002")
    system.settled(fills)
    assert volume_of(paper, "anna") == Decimal(last_copy(system, "anna", "BTC/USD").filled_volume) > 0
    system.sell("XBTUSD", "0.002")
    system.settled(fills + 1)
    wait_for("the exit", lambda: volume_of(paper, "anna") == 0)


@pytest.mark.parametrize(
    "error",
    [
        "EQuery:Unknown asset pair",
        "EGeneral:Permission denied",
        "EService:Unavailable",
        "EGeneral:Internal error",
    ],
)
def test_a_price_that_is_refused_keeps_no_account_from_starting(paper: Paper, error: str) -> None:
    """The exchange shows no price of a coin that an account holds; the account starts, and copies
    everything else.
    """
    with System(paper, {"anna": "100"}) as system:
        paper.call("POST", "/accounts/anna/deposit", asset="SOL", amount="1")
        paper.call(
            "POST", "/faults", kind="market_refused", pair="SOLUSD", error=error, method="Ticker", count=0
        )
        system.start().wait_ready()
        round_trip(paper, system, 1)


@pytest.mark.parametrize(
    "error", ["EGeneral:Permission denied", "EAccount:Invalid permissions:SOL trading restricted for NL."]
)
def test_a_market_that_is_refused_holds_up_no_other(paper: Paper, error: str) -> None:
    """The exchange refuses a user's orders in one market; that copy is rejected with its words, and exits
    elsewhere leave at once.
    """
    # A key that is refused is tried again after a second at the paper exchange: what is looked at is what the
    # refusal is taken for.
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "master")
        paper.call(
            "POST",
            "/faults",
            kind="market_refused",
            pair="SOLUSD",
            error=error,
            method="AddOrder",
            account="anna",
            count=0,
        )
        system.start().wait_ready()
        system.buy("XBTUSD", "0.002")
        system.settled(1)
        hand.order("buy", "SOLUSD", "1")
        system.settled(2)
        refused = last_copy(system, "anna", "SOL/USD")
        assert (refused.state, refused.reason) == (pb.COPY_STATE_REJECTED, error)
        wait_for("the notice", lambda: "MARKET_REFUSED" in codes(system, "anna"))
        system.sell("XBTUSD", "0.002")
        system.settled(3)
        wait_for("the exit", lambda: volume_of(paper, "anna") == 0)
        asked = [row["method"] for row in paper.rows("requests") if row["account"] == "anna"]
        assert asked.count("AddOrder") == 3


@pytest.mark.parametrize("row", [{"descr": {}}, None], ids=["empty", "null"])
def test_an_order_whose_answer_was_lost_is_found_among_rows_that_cannot_be_read(
    paper: Paper, row: object
) -> None:
    """The answer to a user's order is lost, and a row of its closed orders cannot be read; the order is
    found, and not made twice.
    """
    with System(paper, {"anna": "100"}, user_lines={"anna": "copy = { max_entry_age_s = 60 }"}) as system:
        system.start().wait_ready()
        odd = {"kind": "odd_row", "method": "ClosedOrders", "account": "anna", "row": row, "count": 0}
        paper.call("POST", "/faults", **odd)
        paper.call("POST", "/faults", kind="drop_reply", account="anna", method="AddOrder")
        paper.call("POST", "/faults", kind="ws_cut", when="before_event", account="anna")
        round_trip(paper, system, 1)


def test_an_order_whose_own_row_does_not_tell_which_it_is_ends(paper: Paper) -> None:
    """The feed shows nothing of a user's order, and its row comes with an empty description; what it
    filled counts, and is sold later.
    """
    with System(paper, {"anna": "100"}) as system:
        owner = paper.another_key("anna")
        system.start().wait_ready()
        paper.call("POST", "/faults", kind="ws_cut", when="before_event", account="anna", count=0)
        unread = {
            "kind": "error",
            "error": "EService:Unavailable",
            "method": "QueryOrders",
            "account": "anna",
        }
        unread_id = paper.call("POST", "/faults", **unread, count=0)["id"]
        system.buy("XBTUSD", "0.002")

        def own_rows() -> Any:
            return private(paper.rest_url, owner, "ClosedOrders")["result"]["closed"]

        ((key, row),) = wait_for("anna's order", own_rows).items()
        odd = {"kind": "odd_row", "method": "QueryOrders", "account": "anna", "count": 0}
        paper.call("POST", "/faults", **odd, key=key, row={**row, "descr": {}})
        paper.call("DELETE", f"/faults/{unread_id}")
        system.settled(1)
        assert Decimal(last_copy(system, "anna", "BTC/USD").filled_volume) == volume_of(paper, "anna") > 0
        system.sell("XBTUSD", "0.002")
        system.settled(2)
        wait_for("the exit", lambda: volume_of(paper, "anna") == 0)


def test_an_order_that_never_arrived_is_proven_not_to_exist_among_rows_that_cannot_be_read(
    paper: Paper,
) -> None:
    """A user's order is lost on its way, and a row of its closed orders cannot be read; the search ends,
    and the order is made once.
    """
    with System(paper, {"anna": "100"}, user_lines={"anna": "copy = { max_entry_age_s = 60 }"}) as system:
        system.start().wait_ready()
        paper.call("POST", "/faults", kind="odd_row", method="ClosedOrders", account="anna", count=0)
        paper.call("POST", "/faults", kind="drop_request", account="anna", method="AddOrder")
        round_trip(paper, system, 1)


#: One row of each method's answer, of which nothing can be read.
ODD_ROWS: dict[str, object] = {
    "TradesHistory": {"descr": {}},
    "BalanceEx": None,
    "Ticker": {"a": [None], "b": [], "c": "0"},
    "AssetPairs": None,
    "Assets": [],
    "OpenOrders": {"descr": {}},
    "ClosedOrders": 7,
    "QueryOrders": {"descr": {"type": "settle"}},
    "executions": {"exec_type": "settle", "order_id": None},
}


#: A trade and an order that are whole but for their times, which are in milliseconds, and a trade of the feed
#: without any.
_TRADED = {"type": "buy", "price": "50000", "cost": "5", "fee": "0", "vol": "0.0001", "pair": "XXBTZUSD"}
_ORDERED = {
    "status": "canceled",
    "vol_exec": "0",
    "descr": {"pair": "XBTUSD", "type": "buy"},
    "cl_ord_id": None,
}
ODD_TIMES: dict[str, object] = {
    "TradesHistory": _TRADED | {"ordertxid": "OOLD", "time": 1_790_000_000_000, "margin": "0", "trade_id": 1},
    "ClosedOrders": _TRADED | _ORDERED | {"opentm": 1_790_000_000_000},
    "BalanceEx": {"balance": "1e400", "hold_trade": "0"},
    "OpenOrders": _TRADED | _ORDERED | {"opentm": 0},
    "AssetPairs": None,
    "executions": {
        "exec_type": "trade",
        "order_id": "OX",
        "exec_id": "TX",
        "symbol": "BTC/USD",
        "side": "sell",
        "last_qty": 1,
        "last_price": 1,
        "fees": None,
        "timestamp": None,
    },
}


@pytest.mark.parametrize("rows", [ODD_ROWS, ODD_TIMES], ids=["nothing", "times"])
def test_a_row_that_cannot_be_read_costs_that_row(paper: Paper, rows: dict[str, object]) -> None:
    """One row of whatever the exchange shows cannot be read, from the start on; accounts start, copy as
    ever, and report the rows.
    """
    with System(paper, {"anna": "100"}) as system:
        for method, row in rows.items():
            paper.call("POST", "/faults", kind="odd_row", method=method, row=row, count=0)
        system.start().wait_ready()
        round_trip(paper, system, 1)
        wanted = {"TRADE_UNREADABLE", "BALANCE_UNREADABLE", "ROW_UNREADABLE"}
        wait_for("the master's notices", lambda: wanted <= codes(system, "master"))
        wait_for("anna's notices", lambda: {"BALANCE_UNREADABLE", "ROW_UNREADABLE"} <= codes(system, "anna"))
        with system.api() as api:
            assert wanted <= {event.code for event in api.list_events(account_id="master")}
        assert {account.restarts for account in system.accounts().values()} == {0}


def test_a_balance_that_cannot_be_read_is_not_taken_for_zero(paper: Paper) -> None:
    """The row of a user's dollars cannot be read; nothing is bought by a guess, and what copying holds is
    sold as ever.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("XBTUSD", "0.002")
        system.settled(1)
        system.stop()
        paper.call(
            "POST",
            "/faults",
            kind="odd_row",
            method="BalanceEx",
            account="anna",
            key="ZUSD",
            row={"balance": "much"},
            count=0,
        )
        system.start().wait_ready()
        system.buy("XBTUSD", "0.002")
        system.settled(2)
        assert last_copy(system, "anna", "BTC/USD").reason == "NO_EQUITY"
        system.sell("XBTUSD", "0.004")
        system.settled(3)
        wait_for("the exit", lambda: volume_of(paper, "anna") == 0)
