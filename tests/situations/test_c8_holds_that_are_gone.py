"""What a user's own orders hold changes in a moment, or is not shown: copying is not cut by holds that are
gone, nor stopped by those that are not shown.
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


def no_holds(paper: Paper) -> None:
    paper.call(
        "POST", "/faults", kind="error", method="BalanceEx", error="EGeneral:Permission denied", count=0
    )


def test_an_entry_right_after_the_users_own_bid_is_gone_is_not_cut_for_it(paper: Paper) -> None:
    """A user cancels the bid that holds all of its money, and the master buys at once. The user buys as
    much as with free money.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        bid = hand.limit("buy", "0.00245", "40000")
        system.start().wait_ready()
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        hand.cancel(bid)
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert bitcoin(paper, "anna") == Decimal("0.0001")


def test_an_entry_right_after_the_users_own_bid_is_filled_is_cut_to_what_that_leaves(paper: Paper) -> None:
    """A user's own bid is filled, for nine tenths of its money, and the master buys at once for more than
    is left. The user buys for what is left.
    """
    with System(paper, {"anna": "100"}, user_lines={"anna": "copy = { max_user_risk = 0.5 }"}) as system:
        hand = Hand(paper, "anna")
        hand.limit("buy", "0.00225", "40000")
        system.start().wait_ready()
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        paper.price("XBTUSD", "40000")
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert copy.reason == "CASH_LIMITED"
        assert Decimal(9) < Decimal(copy.filled_volume) * 40_000 < 10


def test_where_holds_are_not_told_an_entry_is_cut_to_what_the_users_orders_leave(paper: Paper) -> None:
    """A key that may not ask for BalanceEx, and a user's own bids that hold all but 7 of its 100 dollars:
    it buys for less than 7.
    """
    with System(paper, {"anna": "100"}) as system:
        no_holds(paper)
        Hand(paper, "anna").limit("buy", "0.00232", "40000")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert copy.reason == "CASH_LIMITED"
        assert Decimal(6) < Decimal(copy.filled_volume) * 50_000 < 7


def test_where_holds_are_not_told_an_exit_sells_what_is_free_and_owes_the_rest(paper: Paper) -> None:
    """A key that may not ask for BalanceEx, and a user's own ask that holds a part of what copying bought:
    the rest is sold at once, that part when the ask is gone.
    """
    with System(paper, {"anna": "100"}) as system:
        no_holds(paper)
        hand = Hand(paper, "anna")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        ask = hand.limit("sell", "0.00012", "90000")
        system.sell("BTC/USD", "0.002")
        wait_for("the free part to be sold", lambda: bitcoin(paper, "anna") == Decimal("0.00012"))
        wait_owed(system, "anna", "held by the account's own orders")
        sent = len(orders_sent(paper, "anna"))
        wait_owed(system, "anna", "(met 3 times)")
        assert len(orders_sent(paper, "anna")) == sent
        hand.cancel(ask)
        wait_for("the rest to be sold", lambda: bitcoin(paper, "anna") == 0)
