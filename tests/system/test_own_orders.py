"""An operator's own orders, from the command to the exchange and back: checked, placed, found again, listed
beside those that a person made, cancelled whatever is lost or shut; and users copy what was filled.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest

from krakencopy.client import KrakenCopyError, NotFound, Refused, ServerFault
from krakencopy.v1 import types_pb2 as nouns
from tests.support.system import PATIENCE_S, ROOT, Paper, System, wait_for

PAIR = "BTC/USD"
#: Kraken's names of what a key may do: all that a master needs which a person trades elsewhere.
READS = ["query-funds", "query-open-trades", "query-closed-trades", "create-ws-token"]
CANCELLED = nouns.CANCEL_OUTCOME_CANCELLED


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    """A master with money, and a user that copies it."""
    with System(paper, {"anna": "1000"}, master_balance="10000") as system:
        system.start().wait_ready()
        yield system


def rest(system: System, price: str, volume: str = "0.001", **more: Any) -> str:
    """An order of the operator's that rests; its id."""
    with system.api() as api:
        placed = api.place_order("buy", PAIR, Decimal(volume), limit_price=Decimal(price), **more)
    return str(placed.order_id)


def open_ids(system: System, **which: Any) -> list[str]:
    with system.api() as api:
        return [order.order_id for order in api.list_orders(**which)]


def outcome(system: System, order_id: str) -> int:
    with system.api() as api:
        return int(api.cancel_order(order_id).outcome)


def times_asked(paper: Paper, method: str) -> int:
    return sum(row["method"] == method for row in paper.rows("requests"))


def refused(system: System, *words: str) -> tuple[int, str]:
    """How a command ends that nobody is there to answer a question of, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "krakencopy.client.cli.main", "--endpoint", system.endpoint, *words],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode, done.stdout
    return done.returncode, done.stderr


def test_an_order_is_checked_placed_found_and_cancelled_by_commands(paper: Paper, system: System) -> None:
    said = system.command("order", "buy", PAIR, "0.001", "--limit", "40000", "--validate")
    assert "the exchange would take it: buy 0.00100000 XBTUSD @ limit 40000.0" in said
    assert (system.command("orders"), paper.rows("fills")) == ("no open orders\n", [])
    with closing(sqlite3.connect(system.state_dir / "accounts" / "master.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM own_orders").fetchone() == (0,)
    assert "EOrder:Insufficient funds" in refused(system, "order", "buy", PAIR, "9", "--validate")[1]

    placed = system.command("order", "buy", PAIR, "0.001", "--limit", "40000", "--request-id", "mine")
    order_id, cl_ord_id = (
        placed.split("order ")[1].split(",")[0],
        placed.split("cl_ord_id ")[1].split("\n")[0],
    )
    assert f"see it: krakencopy orders {order_id}; end it: krakencopy cancel {order_id}" in placed
    for name in (order_id, cl_ord_id, "mine"):
        page = system.command("orders", name)
        assert f"order      {order_id}\n" in page
        assert "status     open\n" in page
        assert "request    mine\n" in page

    (hand,) = paper.by_hand(
        paper.another_key("master"), "buy", "XBTUSD", "0.002", ordertype="limit", price="41000"
    )["txid"]
    first, second = system.command("orders").splitlines()[1:]
    assert (first.split()[0], "request" in first, "mine" in first) == (order_id, True, True)
    assert (second.split()[0], second.split()[-1]) == (hand, "hand")
    assert open_ids(system, pair="xbtusd", side="buy") == [order_id, hand]
    assert open_ids(system, pair="ETH/USD") == open_ids(system, side="sell") == []

    assert system.command("cancel", "mine").startswith(
        f"cancelled {order_id}: buy 0.001 BTC/USD limit 40000.0"
    )
    assert "was over already (cancelled)" in system.command("cancel", order_id)
    assert system.command("cancel", "--all", "--pair", "BTC/USD") == "cancelled 1 order of the master\n"
    assert system.command("orders") == "no open orders\n"
    code, words = refused(system, "cancel", "OAAAAA-AAAAA-AAAAAA")
    assert (code, "has no order 'OAAAAA-AAAAA-AAAAAA'" in words) == (1, True)


def test_what_was_filled_before_a_cancel_is_shown_and_copied(paper: Paper, system: System) -> None:
    # The book has 0.001 at this price; the rest of the order waits.
    paper.call("POST", "/markets/XBTUSD", bid="49990", ask="50000", depth="0.001")
    partly = rest(system, "50000", "0.003")
    with system.api() as api:
        answer = api.cancel_order(partly)
    assert (answer.outcome, answer.order.status, answer.order.filled_volume) == (
        CANCELLED,
        "canceled",
        "0.001",
    )
    system.settled(1)
    assert [copy.state for copy in system.copies("anna")] == [nouns.COPY_STATE_FILLED]
    # It fills, and only then somebody wants it cancelled.
    paper.price("XBTUSD", "50000")
    whole = rest(system, "49000", "0.002")
    paper.price("XBTUSD", "48900")
    system.settled(2)
    said = system.command("cancel", whole)
    assert "was over already (filled); all of it was filled, and is copied as every fill is" in said
    page = system.command("orders", whole)
    assert "status     filled" in page
    assert len(system.copies("anna")) == 2


def test_a_cancel_whose_answer_is_lost_is_asked_about(paper: Paper, system: System) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": "drop_reply"}, {"kind": "drop_request"}, {"kind": "html_5xx", "executed": False},
    ]  # fmt: skip
    for fault in faults:
        order_id = rest(system, "40000")
        paper.call("POST", "/faults", account="master", method="CancelOrder", **fault)
        assert outcome(system, order_id) == CANCELLED, fault
        assert open_ids(system) == []
        paper.call("DELETE", "/faults")


def test_a_cancel_goes_before_a_read_that_is_not_answered(paper: Paper, system: System) -> None:
    order_id = rest(system, "40000")
    paper.call(
        "POST", "/faults", kind="hang_reply", account="master", method="OpenOrders", never=True
    )  # fmt: skip
    reads = times_asked(paper, "OpenOrders")

    def list_orders() -> None:
        with suppress(KrakenCopyError):
            open_ids(system)

    listing, cancelling = Thread(target=list_orders), Thread(target=lambda: outcome(system, order_id))
    listing.start()
    wait_for("the list at the exchange", lambda: times_asked(paper, "OpenOrders") > reads)
    cancelling.start()
    wait_for("the cancel at the exchange", lambda: times_asked(paper, "CancelOrder"))
    assert listing.is_alive()
    for thread in (listing, cancelling):
        thread.join(PATIENCE_S)


def test_a_repeated_request_cancels_nothing_that_came_later(paper: Paper, system: System) -> None:
    rest(system, "40000")
    with system.api() as api:
        assert api.cancel_orders(request_id="once").cancelled == 1
        later = rest(system, "40000")
        assert api.cancel_orders(request_id="once").cancelled == 1
    assert open_ids(system) == [later]
    assert times_asked(paper, "CancelAll") == 1


def test_many_orders_are_listed_in_pages_and_cancelled_at_once(paper: Paper, system: System) -> None:
    hand = paper.another_key("master")
    placed = [
        paper.by_hand(hand, "buy", "XBTUSD", "0.0001", ordertype="limit", price=str(40_000 + number))["txid"][
            0
        ]
        for number in range(40)
    ]
    assert open_ids(system) == placed
    assert open_ids(system, limit=7) == placed[:7]
    assert system.command("cancel", "--all") == "cancelled 40 orders of the master\n"
    assert open_ids(system) == []


def test_what_the_exchange_lets_in_decides_about_a_cancel(paper: Paper, system: System) -> None:
    order_id = rest(system, "40000")
    paper.call("POST", "/faults", kind="market_mode", mode="maintenance")
    with system.api() as api, pytest.raises(ServerFault, match=r"EService:Unavailable.*ask again") as unknown:
        api.cancel_order(order_id)
    assert unknown.value.reason == "CANCEL_OUTCOME_UNKNOWN"
    assert open_ids(system) == [order_id]
    paper.call("DELETE", "/faults")
    paper.call("POST", "/faults", kind="market_mode", mode="cancel_only")
    assert (
        "EService:Market in cancel_only mode"
        in refused(system, "order", "buy", PAIR, "0.001", "--limit", "40000", "--validate")[1]
    )
    assert outcome(system, order_id) == CANCELLED
    paper.call("DELETE", "/faults")
    # A limit of orders is shown, with the exchange's own words; and a later cancel goes through.
    order_id = rest(system, "40000")
    limited = "EOrder:Rate limit exceeded"
    paper.call("POST", "/faults", kind="error", error=limited, account="master", method="CancelOrder")
    code, words = refused(system, "cancel", order_id)
    assert (code, limited in words, "the younger its order is" in words) == (1, True, True)
    assert outcome(system, order_id) == CANCELLED


def test_a_users_orders_are_shown_and_not_cancelled(paper: Paper, system: System) -> None:
    system.buy(PAIR, "0.002")
    system.settled(1)
    (copy,) = system.copies("anna")
    with system.api() as api:
        shown = api.get_order(copy.order_id, account_id="anna")
        assert (shown.origin, shown.status) == (nouns.ORDER_ORIGIN_COPY, "closed")
        with pytest.raises(NotFound, match="placed for the user anna"):
            api.get_order(copy.order_id)
        for name in (copy.cl_ord_id, copy.order_id):
            with pytest.raises(Refused, match="placed for the user anna") as not_ours:
                api.cancel_order(name)
            assert not_ours.value.reason == "ORDER_OF_A_USER"
        (own,) = paper.by_hand(
            paper.another_key("anna"), "buy", "XBTUSD", "0.0001", ordertype="limit", price="40000"
        )["txid"]
        assert open_ids(system, account_id="anna") == [own]
        with pytest.raises(NotFound):
            api.cancel_order(own)
    assert system.command("cancel", "--all") == "cancelled 0 orders of the master\n"
    assert open_ids(system, account_id="anna") == [own]


def test_while_the_master_is_stopped_its_orders_stay_and_the_operator_sees_it(system: System) -> None:
    order_id = rest(system, "40000", request_id="before")
    system.command("stop", "master")
    wait_for("a stopped master", lambda: system.accounts()["master"].state == nouns.ACCOUNT_STATE_STOPPED)
    for words in (("orders",), ("orders", order_id), ("cancel", order_id), ("cancel", "--all")):
        code, said = refused(system, *words)
        assert (code, "Its open orders stay there; krakencopy start master" in said) == (1, True), words
    system.command("start", "master")
    system.wait_ready()
    # Another process finds it by the request, in the ledger.
    assert outcome(system, "before") == CANCELLED


def test_a_key_that_may_not_cancel_says_so_and_the_master_stays_well(paper: Paper) -> None:
    key = paper.open_account("master", {"ZUSD": "10000"}, permissions=READS)
    other = paper.another_key("master")
    (order_id,) = paper.by_hand(other, "buy", "XBTUSD", "0.001", ordertype="limit", price="40000")["txid"]
    with System(paper, {"anna": "1000"}, keys={"master": key}) as system:
        system.start().wait_ready()
        assert open_ids(system) == [order_id]
        for words in (("cancel", order_id), ("cancel", "--all")):
            code, said = refused(system, *words)
            assert (code, "'cancel and close orders' (close-trades)" in said) == (1, True)
        for more in ((), ("--validate",)):
            code, said = refused(system, "order", "buy", PAIR, "0.001", "--limit", "40000", *more)
            assert (code, "'create and modify orders' (modify-trades)" in said) == (1, True)
        assert times_asked(paper, "CancelOrder") == times_asked(paper, "CancelAll") == 0
        # The one by hand.
        assert times_asked(paper, "AddOrder") == 1
        assert system.status().ready
        # As soon as the key may, it does.
        paper.call(
            "POST", "/accounts/master/keys", key=key.key, secret=key.secret,
            permissions=[*READS, "close-trades"],
        )  # fmt: skip
        assert outcome(system, order_id) == CANCELLED


def test_a_market_order_on_a_live_master_needs_a_yes(paper: Paper) -> None:
    with System(paper, {"anna": "1000"}, master_balance="10000", mode="live") as system:
        system.start().wait_ready()
        code, words = refused(system, "order", "buy", PAIR, "0.002")
        assert (code, "give it with --yes" in words) == (3, True)
        assert paper.rows("fills") == []
        assert "the exchange would take it" in system.command("order", "buy", PAIR, "0.002", "--validate")
        assert "placed on the master" in system.command("order", "buy", PAIR, "0.002", "--yes")
        system.settled(1)
