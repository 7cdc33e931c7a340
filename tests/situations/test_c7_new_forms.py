"""A form of an asset that is newer than the table of forms: the coins are there, and nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.situations.user_orders import bitcoin, wait_owed
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def in_new_form(paper: Paper, account: str, name: str, amount: str) -> list[int]:
    """Some of an account's coins are listed under a name that is no asset's; the ids of what makes it so."""
    rows = {"BalanceEx": {"balance": amount, "hold_trade": "0"}, "Balance": amount}
    return [
        paper.call(
            "POST", "/faults", kind="odd_row", method=method, account=account, key=name, row=row, count=0
        )["id"]
        for method, row in rows.items()
    ]


@pytest.mark.parametrize("name", ["XBT.E", "XXBT.NEW", "XBT14.V"])
def test_copied_coins_in_a_form_that_nobody_knows_are_owed_until_they_are_back(
    paper: Paper, name: str
) -> None:
    """A part of a user's copied coins has a form that is in no table when the master sells all: the rest
    is sold, that part is owed, and sold once it is plain again.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        paper.call("POST", "/accounts/anna/deposit", asset="XBT", amount="-0.0001")
        faults = in_new_form(paper, "anna", name, "0.0001")
        system.sell("BTC/USD", "0.002")
        system.settled(2)
        wait_for("what is plain to be sold", lambda: bitcoin(paper, "anna") == 0)
        wait_owed(system, "anna", "0.0001 BTC")
        (position,) = system.accounts()["anna"].positions
        assert (position.volume, position.missing_volume) == ("0.0001", "")
        paper.call("POST", "/accounts/anna/deposit", asset="XBT", amount="0.0001")
        for fault in faults:
            paper.call("DELETE", f"/faults/{fault}")
        wait_for("the rest to be sold", lambda: not system.accounts()["anna"].positions)
        assert bitcoin(paper, "anna") == 0


def test_money_in_a_form_that_nobody_knows_counts_for_equity(paper: Paper) -> None:
    """Half of a user's dollars have a form that is in no table: the user is sized by all of them."""
    with System(paper, {"anna": "500"}) as system:
        in_new_form(paper, "anna", "USD.V", "500")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert bitcoin(paper, "anna") == Decimal("0.001")
