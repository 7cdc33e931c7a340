"""An exit that is refused as too small: what the rules of now say decides whether it waits or is tried
again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.situations.user_orders import bitcoin, wait_owed
from tests.support.system import Paper, System, wait_for

WORDS = (
    "EGeneral:Invalid arguments:volume minimum not met",
    "EGeneral:Invalid arguments:cost minimum not met",
    "EOrder:Order minimum not met",
)


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


@pytest.mark.parametrize("words", WORDS)
def test_an_exit_that_is_large_enough_by_the_rules_is_tried_again_by_itself(paper: Paper, words: str) -> None:
    """Kraken refuses the sale of coins bought a moment before as too small. The exit leaves some seconds
    later, without another sell of the master.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        paper.call("POST", "/faults", kind="error", account="anna", method="AddOrder", error=words, count=2)
        system.sell("BTC/USD", "0.001")
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
        refused = system.copies("anna")[-2:]
        assert words in {copy.reason for copy in (*refused, *system.copies("anna"))}


def test_an_exit_that_is_too_small_by_the_rules_of_now_waits_for_more(paper: Paper) -> None:
    """The pair's minimum has grown since its rules were read. The exit is carried, and leaves when the
    minimum is small again.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        grown = paper.call("POST", "/faults", kind="ordermin", pair="XBTUSD", ordermin="0.00015")
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        copy = system.copies("anna")[-1]
        assert copy.state == 11  # carried
        assert "minimum has grown" in copy.detail
        assert bitcoin(paper, "anna") == Decimal("0.0001")
        paper.call("DELETE", f"/faults/{grown['id']}")
        paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="0.001")
        system.buy("BTC/USD", "0.002")
        system.sell("BTC/USD", "0.002")
        wait_for(
            "what was carried to leave with the next exit", lambda: bitcoin(paper, "anna") == Decimal("0.001")
        )


def test_while_it_is_refused_it_says_so(paper: Paper) -> None:
    """The refusals do not end. The exit stays owed, is shown with the exchange's words, and is tried after
    ever longer pauses.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        paper.call(
            "POST", "/faults", kind="error", account="anna", method="AddOrder", error=WORDS[0], count=1000
        )
        system.sell("BTC/USD", "0.001")
        wait_owed(system, "anna", f"{WORDS[0]} (met 3 times)")
        paper.call("DELETE", "/faults")
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
