"""A fee in a row of an order is in quote, whatever it was taken in."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        # The documented default of sells, which recorded ones do not have.
        paper.call("POST", "/house", sell_fee_default="fcib")
        yield paper


def test_a_copy_whose_end_is_asked_for_loses_no_coins_to_a_fee_in_dollars(paper: Paper) -> None:
    """The feed shows nothing of a user's orders, so that how they end is read from the exchange's record; the
    copied position is what was bought, a part is sold of it, and every order asks for its fee in quote.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        paper.call("POST", "/faults", kind="ws_cut", when="before_event", account="anna", count=0)
        system.buy("XBTUSD", "0.001")
        system.settled(1)
        (bought,) = wait_for("the position", lambda: system.accounts()["anna"].positions)
        assert Decimal(bought.volume) == Decimal("0.001")
        system.sell("XBTUSD", "0.0005")
        system.settled(2)
        wait_for("what is left", lambda: system.accounts()["anna"].positions[0].volume == "0.0005")
        sold = system.copies("anna")[-1]
        assert (sold.fee.asset, Decimal(sold.fee.amount) > Decimal("0.01")) == ("USD", True)
        orders = [row["params"] for row in paper.rows("requests") if row["method"] == "AddOrder"]
        assert len(orders) == 4
        assert {params.get("oflags") for params in orders} == {"fciq"}
