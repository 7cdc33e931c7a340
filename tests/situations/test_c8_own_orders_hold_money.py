"""Money and coins that a user's own orders hold: copying does with the rest what it can, and loses
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.situations.user_orders import Hand, bitcoin, orders_sent, wait_owed
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def test_an_entry_is_cut_to_what_the_users_own_orders_leave(paper: Paper) -> None:
    """A user's own bids hold all but 7 of its 100 dollars, and the master buys for 10 %. The user buys for
    less than 7.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        hand.limit("buy", "0.00232", "40000")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert copy.reason == "CASH_LIMITED"
        assert Decimal("6.5") < Decimal(copy.filled_volume) * 50_000 < 7
        # It is known beforehand, so that no order is refused on the way.
        assert len(orders_sent(paper, "anna")) == 1


def test_an_entry_that_is_refused_for_funds_is_cut_to_what_is_free_and_sent_once_more(paper: Paper) -> None:
    """A user's own bid comes so shortly before the master's order that nobody knows of it. The user buys
    for what is left.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        system.start().wait_ready()
        # The user's process learns nothing of its own order until it asks.
        paper.call("POST", "/faults", kind="ws_silence", account="anna", delay_ms=60_000)
        hand.limit("buy", "0.00232", "40000")
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert copy.reason == "CASH_LIMITED"
        assert Decimal("6.5") < Decimal(copy.filled_volume) * 50_000 < 7
        assert len(orders_sent(paper, "anna")) == copy.attempts
        if copy.attempts > 1:
            assert "EOrder:Insufficient funds" in copy.detail


def test_an_entry_for_which_nothing_is_left_says_so(paper: Paper) -> None:
    """A user's own bids hold all of its money. It buys nothing, and the copy says why."""
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        hand.limit("buy", "0.00245", "40000")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert (copy.reason, copy.filled_volume) == ("CASH_LIMITED", "0")


def test_an_exit_sells_what_is_free_and_owes_what_the_users_own_order_holds(paper: Paper) -> None:
    """A user's own ask holds a part of the coins that copying bought, and the master sells all. The user
    sells the free part at once; the rest is owed, shown, and sold as soon as the ask is gone, without order
    after order in between.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        bought = bitcoin(paper, "anna")
        ask = hand.limit("sell", "0.00012", "90000")
        system.sell("BTC/USD", "0.002")
        wait_for("the free part to be sold", lambda: bitcoin(paper, "anna") == Decimal("0.00012"))
        assert wait_owed(system, "anna", "held by").startswith(
            "0.00012 BTC, held by the account's own orders"
        )
        assert "exit owed: 0.00012 BTC, held by the account's own orders" in system.command("status")
        sent = len(orders_sent(paper, "anna"))
        wait_owed(system, "anna", "(met 3 times)")
        assert len(orders_sent(paper, "anna")) == sent, "what cannot be sold is not ordered again and again"
        hand.cancel(ask)
        wait_for("the rest to be sold", lambda: bitcoin(paper, "anna") == 0)
        sold = [Decimal(row["volume"]) for row in paper.fills("anna")][1:]
        assert sold == [bought - Decimal("0.00012"), Decimal("0.00012")]
        wait_for("nothing to be copied any more", lambda: not system.accounts()["anna"].positions)


def test_an_exit_of_coins_that_are_all_held_waits_and_then_leaves(paper: Paper) -> None:
    """A user's own ask holds all that copying bought. Nothing is written off: the exit waits for the ask
    to go, over a restart too.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        ask = hand.limit("sell", str(bitcoin(paper, "anna")), "90000")
        system.sell("BTC/USD", "0.002")
        system.settled(2)
        wait_owed(system, "anna", "held by the account's own orders")
        system.stop()
        system.start().wait_ready()
        wait_owed(system, "anna", "held by the account's own orders")
        hand.cancel(ask)
        wait_for("all to be sold", lambda: bitcoin(paper, "anna") == 0)


def test_where_holds_are_not_told_everything_else_works(paper: Paper) -> None:
    """An exchange or a key that does not answer BalanceEx: holds are counted order by order, and copying
    goes on.
    """
    with System(paper, {"anna": "100"}) as system:
        paper.call(
            "POST",
            "/faults",
            kind="error",
            method="BalanceEx",
            error="EGeneral:Permission denied",
            count=1000,
        )
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert [copy.filled_volume for copy in system.copies("anna")] == ["0.0001", "0.0001"]
        assert any(
            "what open orders hold is counted order by order" in line["message"]
            for line in system.logs("anna")
        )


def test_coins_that_are_staked_are_owed_until_they_can_be_sold(paper: Paper) -> None:
    """A user stakes what copying bought, and the master sells. Nothing is forgotten: the exit leaves when
    the coins are back.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        paper.call("POST", "/accounts/anna/move", asset="XBT", form=".S", amount="0.0001")
        system.sell("BTC/USD", "0.001")
        wait_owed(system, "anna", "0.0001 BTC, there in a form that an order cannot sell")
        (position,) = system.accounts()["anna"].positions
        assert (position.volume, position.missing_volume) == ("0.0001", "")
        paper.call("POST", "/accounts/anna/move", asset="XBT", form=".S", amount="-0.0001")
        wait_for("the exit to leave", lambda: not system.accounts()["anna"].positions)
        assert [row["side"] for row in paper.fills("anna")] == ["buy", "sell"]
