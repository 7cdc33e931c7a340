"""An answer that shows less than usual costs what it does not show: an account without anything, a coin
without bids or price, a pair without minima.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.situations.user_orders import Hand, wait_owed
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("SOLUSD", "100")
        paper.price("DOTUSD", "5")
        yield paper


def held(paper: Paper, account: str, asset: str) -> Decimal:
    return Decimal(paper.call("GET", f"/accounts/{account}")["balances"].get(asset, "0"))


def test_a_user_that_never_had_anything_starts_and_copies_once_it_has_money(paper: Paper) -> None:
    """Kraken answers Balance without a result where an account never had anything. The user runs, skips
    what it has no money for, and copies once a deposit is there.
    """
    paper.call("POST", "/house", empty_result=False)
    keys = {"anna": paper.open_account("anna", {})}
    with System(paper, {"anna": "0", "ben": "1000"}, keys=keys) as system:
        system.start().wait_ready()
        system.buy("XBTUSD", "0.001")
        system.settled(1)
        (skipped,) = system.copies("anna")
        assert (skipped.state, skipped.reason) == (pb.COPY_STATE_SKIPPED, "NO_EQUITY")
        paper.call("POST", "/accounts/anna/deposit", asset="USD", amount="950")
        with system.api() as api:
            api.restart_account("anna")
        wait_for("the deposit to be counted", lambda: system.accounts()["anna"].equity.amount == "950")
        system.wait_ready()
        system.buy("XBTUSD", "0.001")
        system.settled(2)
        assert system.copies("anna")[-1].state == pb.COPY_STATE_FILLED
        assert held(paper, "anna", "XXBT") > Decimal("0.0009")


def test_a_coin_that_nobody_bids_for_counts_by_its_last_trade(paper: Paper) -> None:
    """Nobody bids for a coin that a user owns, so that its bid is shown as 0, and one asks a fancy price.
    It counts by its last trade, and the user is sized by all that it owns.
    """
    keys = {"anna": paper.open_account("anna", {"ZUSD": "900", "SOL": "1"})}
    row = {"a": ["9999", "1", "1"], "b": ["0.00000", "0", "0.000"], "c": ["100", "1"]}
    with System(paper, {"anna": "0"}, keys=keys) as system:
        paper.call("POST", "/faults", kind="odd_row", method="Ticker", key="SOLUSD", row=row, count=0)
        system.start().wait_ready()
        system.buy("XBTUSD", "0.001")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert (copy.filled_volume, copy.reason) == ("0.001", "SCALED")


def test_a_master_that_looks_poorer_than_it_is_is_told(paper: Paper) -> None:
    """The exchange shows no price of a coin that is half of what a master owns: copying goes on, and an
    event and status say that it is scaled by less than is there.
    """
    keys = {"master": paper.open_account("master", {"ZUSD": "500", "SOL": "5"})}
    with System(paper, {"anna": "1000"}, keys=keys) as system:
        paper.call(
            "POST",
            "/faults",
            kind="market_refused",
            pair="SOLUSD",
            error="EQuery:Unknown asset pair",
            method="Ticker",
        )
        system.start().wait_ready()
        wait_for(
            "the notice",
            lambda: (
                [n.subject for n in system.accounts()["master"].notices if n.code == "NO_PRICE"] == ["SOL"]
            ),
        )
        with system.api() as api:
            assert "NO_PRICE" in {event.code for event in api.list_events(account_id="master")}
        assert "the exchange tells no price of SOL" in system.command("status")
        system.buy("XBTUSD", "0.001")
        system.settled(1)
        assert system.copies("anna")[0].state == pb.COPY_STATE_FILLED


def test_an_exit_that_is_owed_leaves_although_nobody_tells_a_price(paper: Paper) -> None:
    """An exit is owed over a restart, and the exchange refuses to show the pair's price from then on. What
    was paid stands for it, and the exit leaves.
    """
    with System(paper, {"anna": "100"}) as system:
        hand, master = Hand(paper, "anna"), paper.another_key("master")
        system.start().wait_ready()
        paper.by_hand(master, "buy", "SOLUSD", "1")
        system.settled(1)
        ask = hand.limit("sell", str(held(paper, "anna", "SOL")), "900", pair="SOLUSD")
        paper.by_hand(master, "sell", "SOLUSD", "1")
        wait_owed(system, "anna", "held by")
        system.stop()
        paper.call(
            "POST",
            "/faults",
            kind="market_refused",
            pair="SOLUSD",
            error="EQuery:Unknown asset pair",
            method="Ticker",
        )
        system.start().wait_ready()
        hand.cancel(ask)
        wait_for("the exit", lambda: held(paper, "anna", "SOL") == 0)
        wait_for("nothing to be owed any more", lambda: not system.accounts()["anna"].positions)


def test_a_pair_without_a_minimum_is_copied(paper: Paper) -> None:
    """The exchange shows 0 as a pair's minimum volume, and as another one's minimum cost. Both are copied
    in and out.
    """
    with System(paper, {"anna": "1000"}) as system:
        paper.call("POST", "/pairs/DOTUSD", ordermin="0")
        paper.call("POST", "/pairs/SOLUSD", costmin="0")
        master = paper.another_key("master")
        system.start().wait_ready()
        for side in ("buy", "sell"):
            paper.by_hand(master, side, "DOTUSD", "10")
            paper.by_hand(master, side, "SOLUSD", "0.5")
        system.settled(4)
        assert [copy.state for copy in system.copies("anna")] == [pb.COPY_STATE_FILLED] * 4
        wait_for("nothing to be held", lambda: held(paper, "anna", "DOT") == held(paper, "anna", "SOL") == 0)
