"""Positions are counted by coin on both sides, and fractions are of what copying is about."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.system import Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        for pair, price in (
            ("XBTUSD", "50000"),
            ("XBTEUR", "50000"),
            ("ETHUSD", "2500"),
            ("ETHXBT", "0.05"),
            ("XBTUSDT", "50000"),
            ("EURUSD", "1"),
        ):
            paper.price(pair, price)
        yield paper


def system_of(paper: Paper, master: dict[str, str], **users: dict[str, str]) -> System:
    """A system whose accounts hold these balances."""
    keys = {
        name: paper.open_account(name, balances) for name, balances in {"master": master, **users}.items()
    }
    return System(paper, dict.fromkeys(users, "0"), keys=keys)


def balance(paper: Paper, account: str, asset: str) -> Decimal:
    return D(paper.call("GET", f"/accounts/{account}")["balances"].get(asset, "0"))


def sides(system: System, account: str) -> list[tuple[str, str]]:
    copies: list[Any] = system.copies(account)
    return [(copy.pair, copy.reason) for copy in copies]


def test_an_old_stock_of_the_master_does_not_keep_users_in_what_it_trades(paper: Paper) -> None:
    """A master with an old stock of 1 BTC that trades 0.1 BTC in and out: the user is out of BTC each
    time.
    """
    with system_of(paper, {"ZUSD": "50000", "XXBT": "1"}, anna={"ZUSD": "10000"}) as system:
        system.start().wait_ready()
        for trip in range(1, 5):
            system.buy("BTC/USD", "0.1")
            system.settled(2 * trip - 1)
            assert D("0.0099") < balance(paper, "anna", "XXBT") <= D("0.01")
            system.sell("BTC/USD", "0.1")
            system.settled(2 * trip)
            assert balance(paper, "anna", "XXBT") == 0
        wait_for("anna to tell that nothing is left", lambda: not system.accounts()["anna"].positions)


def test_what_the_master_sells_of_its_old_stock_is_nobodys_exit(paper: Paper) -> None:
    """A master that sells old coins which it never bought since copying began: users that copied nothing
    sell nothing.
    """
    with system_of(paper, {"ZUSD": "50000", "XXBT": "1"}, anna={"ZUSD": "10000", "XXBT": "0.5"}) as system:
        system.start().wait_ready()
        system.sell("BTC/USD", "0.4")
        system.settled(1)
        assert sides(system, "anna") == [("BTC/USD", "NO_COPIED_POSITION")]
        assert balance(paper, "anna", "XXBT") == D("0.5")


def test_more_than_all_that_was_copied_is_never_sold(paper: Paper) -> None:
    """A master that sells what it bought and half of its old stock with it: the user sells all it copied
    and none of its own.
    """
    with system_of(paper, {"ZUSD": "50000", "XXBT": "1"}, anna={"ZUSD": "10000", "XXBT": "0.5"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.1")
        system.settled(1)
        copied = balance(paper, "anna", "XXBT") - D("0.5")
        assert copied > 0
        system.sell("BTC/USD", "0.6")
        system.settled(2)
        assert balance(paper, "anna", "XXBT") == D("0.5")


def test_half_of_what_was_bought_is_half_of_what_was_copied_whatever_else_the_master_owns(
    paper: Paper,
) -> None:
    """A master with an old stock that sells half of what it bought: the user sells half of what it copied."""
    with system_of(paper, {"ZUSD": "50000", "XXBT": "3"}, anna={"ZUSD": "20000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.1")
        system.settled(1)
        copied = balance(paper, "anna", "XXBT")
        system.sell("BTC/USD", "0.05")
        system.settled(2)
        assert abs(balance(paper, "anna", "XXBT") - copied / 2) <= D("1e-8")


def test_a_coin_bought_in_two_pairs_and_sold_in_one_is_left_whole(paper: Paper) -> None:
    """A master that buys BTC for dollars and for euros and sells all of it for dollars: the user is flat
    in BTC, too.
    """
    master = {"ZUSD": "50000", "ZEUR": "50000"}
    with system_of(paper, master, anna={"ZUSD": "5000", "ZEUR": "5000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.05")
        system.buy("BTC/EUR", "0.05")
        system.settled(2)
        assert balance(paper, "anna", "XXBT") == D("0.01")
        system.sell("BTC/USD", "0.1")
        system.settled(3)
        assert balance(paper, "anna", "XXBT") == 0


def test_a_coin_bought_in_one_pair_and_sold_in_two_is_left_whole(paper: Paper) -> None:
    """A master that buys BTC for dollars and sells half for euros and half for dollars: the user is flat
    in BTC, too.
    """
    master = {"ZUSD": "50000", "ZEUR": "50000"}
    with system_of(paper, master, anna={"ZUSD": "5000", "ZEUR": "5000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.1")
        system.sell("BTC/EUR", "0.05")
        system.settled(2)
        assert balance(paper, "anna", "XXBT") == D("0.005")
        system.sell("BTC/USD", "0.05")
        system.settled(3)
        assert balance(paper, "anna", "XXBT") == 0


def test_a_cross_pair_paid_with_copied_coins_leaves_the_users_own_alone(paper: Paper) -> None:
    """A master that pays ETH/BTC with the BTC it bought, then sells everything: the user ends with its own
    BTC and no more, no less.
    """
    with system_of(paper, {"ZUSD": "100000"}, anna={"ZUSD": "10000", "XXBT": "0.3"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.1")
        system.settled(1)
        before = balance(paper, "anna", "XXBT")
        assert before > D("0.3")
        system.buy("ETH/BTC", "1")
        system.settled(2)
        spent = before - balance(paper, "anna", "XXBT")
        assert spent > 0
        system.sell("BTC/USD", "0.049")
        system.settled(3)
        assert abs(balance(paper, "anna", "XXBT") - D("0.3")) < D("0.0002")
        system.sell("ETH/BTC", "1")
        system.settled(4)
        assert balance(paper, "anna", "XETH") < D("0.001")
        system.sell("BTC/USD", "0.0498")
        system.settled(5)
        own = balance(paper, "anna", "XXBT")
        assert D("0.2999") < own < D("0.3002")
