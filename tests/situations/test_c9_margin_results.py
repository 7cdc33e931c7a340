"""What a margin position has won or lost when it is closed is money that is there, or not: the next entry
is sized by it.
"""

from __future__ import annotations

from decimal import Decimal

from tests.situations.user_orders import bitcoin
from tests.support.system import Paper, System, wait_for


def test_a_master_that_loses_on_margin_right_before_an_order_is_not_taken_to_be_rich() -> None:
    """A master with 10,000 $ loses 9,000 $ on margin and buys for 500 $ at once: a user with 1000 $ buys
    for half of its money, not for a twentieth.
    """
    with Paper() as paper, System(
        paper, {"anna": "1000"}, master_balance="10000", user_lines={"anna": "copy = { max_user_risk = 1.0 }"}
    ) as system:  # fmt: skip
        paper.price("XBTUSD", "50000")
        system.start().wait_ready()
        paper.call(
            "POST", "/accounts/master/margin", pair="XBTUSD", side="sell", volume="0.001", profit="-9000"
        )
        system.buy("BTC/USD", "0.01")
        system.settled(2)
        assert system.copies("anna")[0].reason == "MARGIN_TRADE"
        assert Decimal("0.0099") < bitcoin(paper, "anna") < Decimal("0.0101")


def test_what_a_user_wins_on_margin_counts_soon() -> None:
    """A user with 100 $ wins 900 $ on margin by hand: it is sized by 1000 $ as soon as balances show it."""
    with Paper() as paper, System(paper, {"anna": "100"}) as system:
        paper.price("XBTUSD", "50000")
        system.start().wait_ready()
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        paper.call("POST", "/accounts/anna/margin", pair="XBTUSD", side="sell", volume="0.001", profit="900")
        wait_for("what was won to count", lambda: Decimal(system.accounts()["anna"].equity.amount or 0) > 990)
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert Decimal("0.00099") < bitcoin(paper, "anna") <= Decimal("0.001")
