"""One asset in several forms: what earns by itself, what is staked, what is bonded."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.system import Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("DOTUSD", "5")
        yield paper


def balances(paper: Paper, account: str) -> dict[str, Decimal]:
    told = paper.call("GET", f"/accounts/{account}")["balances"]
    return {asset: D(amount) for asset, amount in told.items() if D(amount)}


def bitcoin(paper: Paper, account: str) -> Decimal:
    """In every form."""
    return sum(
        (amount for asset, amount in balances(paper, account).items() if asset.startswith(("XXBT", "XBT."))),
        D(0),
    )


def move(paper: Paper, account: str, asset: str, form: str, amount: Decimal | str) -> None:
    paper.call("POST", f"/accounts/{account}/move", asset=asset, form=form, amount=str(amount))


def test_a_master_whose_coins_earn_by_themselves_sells_a_tenth_and_so_do_its_users(paper: Paper) -> None:
    """All of the master's BTC has become XBT.F when it sells a tenth: users sell a tenth."""
    with System(paper, {"anna": "1000"}, master_balance="10000") as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.02")
        system.settled(1)
        copied = bitcoin(paper, "anna")
        move(paper, "master", "XBT", ".F", "0.02")
        system.sell("BTC/USD", "0.002")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FRACTION"
        assert abs(bitcoin(paper, "anna") - copied * D("0.9")) <= D("1e-8")


def test_dollars_that_earn_by_themselves_buy(paper: Paper) -> None:
    """A user whose dollars are all USD.F buys as much as one whose dollars are plain."""
    keys = {
        "anna": paper.open_account("anna", {"USD.F": "1000"}),
        "ben": paper.open_account("ben", {"ZUSD": "1000"}),
    }
    with System(paper, {"anna": "0", "ben": "0"}, keys=keys) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert bitcoin(paper, "anna") == bitcoin(paper, "ben") == D("0.001")


def test_copied_coins_that_have_come_to_earn_are_sold_and_not_written_off(paper: Paper) -> None:
    """A user's copied coins have become XBT.F: the exit sells them all, and nothing is shown as missing."""
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        move(paper, "anna", "XBT", ".F", bitcoin(paper, "anna"))
        system.sell("BTC/USD", "0.002")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert bitcoin(paper, "anna") < D("0.00005")


def test_where_an_order_does_not_take_what_earns_the_rest_of_the_exit_is_owed(paper: Paper) -> None:
    """Should Kraken not sell XBT.F after all: what is plain is sold, the rest is owed, and sold once it is
    plain again.
    """
    paper.call("POST", "/house", earn_form_tradable=False)
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        copied = bitcoin(paper, "anna")
        earning = D("0.0012")
        move(paper, "anna", "XBT", ".F", earning)
        system.sell("BTC/USD", "0.002")
        system.settled(2)
        wait_for("what is plain to be sold", lambda: bitcoin(paper, "anna") == earning)
        move(paper, "anna", "XBT", ".F", -earning)
        wait_for("the rest to be sold", lambda: bitcoin(paper, "anna") < D("0.00005"))
        assert copied > earning


@pytest.mark.parametrize("form", [".S", ".B", ".M", ".P", ".HOLD", "28.S"])
def test_copied_coins_that_are_locked_are_owed_and_never_written_off(paper: Paper, form: str) -> None:
    """A part of a user's copied coins is staked, bonded or withheld when the master sells all: the rest is
    sold, that part is owed until it is free.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("DOT/USD", "60")
        system.settled(1)
        copied = balances(paper, "anna")["DOT"]
        move(paper, "anna", "DOT", form, "12")
        system.sell("DOT/USD", "60")
        system.settled(2)
        wait_for("what is free to be sold", lambda: balances(paper, "anna").get("DOT", D(0)) < D("3.9"))
        assert (
            sum(amount for asset, amount in balances(paper, "anna").items() if asset.startswith("DOT")) >= 12
        )
        (position,) = wait_for(
            "anna to tell what it holds", lambda: list(system.accounts()["anna"].positions)
        )
        assert D(position.volume) >= 12
        move(paper, "anna", "DOT", form, "-12")
        wait_for("the rest to be sold", lambda: balances(paper, "anna").get("DOT", D(0)) < D("3.9"))
        assert copied > 12


def test_every_form_counts_for_equity(paper: Paper) -> None:
    """A user with staked and bonded coins is sized by all that it owns."""
    keys = {"anna": paper.open_account("anna", {"ZUSD": "500", "DOT.S": "60", "DOT28.S": "40"})}
    with System(paper, {"anna": "0"}, keys=keys) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        # 500 $ and a hundred polkadots of 5 $.
        assert bitcoin(paper, "anna") == D("0.001")
