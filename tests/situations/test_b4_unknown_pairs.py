"""A trade in something that the exchange does not list costs that trade, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from krakencopy.v1 import types_pb2 as pb
from tests.support.hand import Hand
from tests.support.system import Paper, System, wait_for


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("DOTUSD", "1")
        yield paper


def held(paper: Paper, account: str, asset: str) -> Decimal:
    found = paper.call("GET", f"/accounts/{account}")["balances"].get(asset, "0")
    return Decimal(found["balance"] if isinstance(found, dict) else found)


def last_copy(system: System, account: str, pair: str) -> Any:
    """The newest copy of a pair, once it has ended."""

    def ended() -> Any:
        found = [copy for copy in system.copies(account) if copy.pair == pair]
        return found[-1] if found and found[-1].HasField("finished_at") else None

    return wait_for(f"{account}'s copy in {pair}", ended)


def notices(system: System, account: str) -> dict[tuple[str, str], str]:
    return {(notice.code, notice.subject): notice.message for notice in system.accounts()[account].notices}


def events(system: System, account: str) -> set[str]:
    with system.api() as api:
        return {event.code for event in api.list_events(account_id=account)}


def copies_on(system: System, fills: int, volume: str = "0.002") -> None:
    """The master buys bitcoin, and anna follows."""
    system.buy("XBTUSD", volume)
    system.settled(fills)
    assert last_copy(system, "anna", "BTC/USD").state == pb.COPY_STATE_FILLED


def test_a_tokenised_stock_is_copied_as_everything_else(paper: Paper) -> None:
    """The master buys and sells a tokenised stock, which Kraken lists only where it is asked for; users
    buy and sell it as well.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "master")
        system.start().wait_ready()
        hand.order("buy", "AAPLxUSD", "0.4", asset_class="tokenized_asset")
        system.settled(1)
        bought = last_copy(system, "anna", "AAPLx/USD")
        assert bought.state == pb.COPY_STATE_FILLED, (bought.reason, bought.detail)
        assert held(paper, "anna", "AAPLx") == Decimal(bought.filled_volume) > Decimal("0.03")
        hand.order("sell", "AAPLxUSD", "0.4", asset_class="tokenized_asset")
        system.settled(2)
        wait_for("the exit", lambda: held(paper, "anna", "AAPLx") == 0)
        assert not notices(system, "master")
        assert not notices(system, "anna")


def test_a_master_trade_in_a_pair_that_nobody_lists_is_told_and_not_copied(paper: Paper) -> None:
    """The master trades a pair that is in no list; its users answer UNKNOWN_PAIR, and everything else is
    copied, after restarts as well.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "master")
        paper.call("POST", "/pairs/DOTUSD", listed=False)
        system.start().wait_ready()
        hand.order("buy", "DOTUSD", "50")
        system.settled(1)
        (skipped,) = system.copies("anna")
        assert (skipped.state, skipped.reason) == (pb.COPY_STATE_SKIPPED, "UNKNOWN_PAIR")
        with system.api() as api:
            (fill,) = api.list_fills()
        assert (fill.pair_unknown, fill.price, fill.volume) == (True, "1", "50")
        for account in ("master", "anna"):
            noticed = partial(
                lambda account: ("UNKNOWN_PAIR", fill.pair) in notices(system, account), account
            )
            wait_for(f"{account}'s notice", noticed)
            assert "UNKNOWN_PAIR" in events(system, account)
        assert "UNKNOWN_PAIR" in system.command("accounts", "master")
        copies_on(system, 2)
        # The trade stays in the history that every start reads.
        before = system.pids()
        with system.api() as api:
            api.restart_account("master")
            api.restart_account("anna")
        system.wait_ready()
        copies_on(system, 3)
        assert not before.items() & system.pids().items()
        assert {account.restarts for account in system.accounts().values()} == {0}, "they were asked for"
        # What it has moved is known from balances.
        wait_for("the money that it cost", lambda: Decimal(system.accounts()["master"].equity.amount) < 955)


def test_a_trade_by_hand_in_a_pair_that_nobody_lists_does_not_end_a_user(paper: Paper) -> None:
    """A user trades a pair that is in no list by hand; it is noted, balances are read again, and copying
    goes on in the same process.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "anna")
        paper.call("POST", "/pairs/DOTUSD", listed=False)
        system.start().wait_ready()
        before = system.pids()["anna"]
        wait_for("anna's feed", lambda: system.accounts()["anna"].feed_connected)
        hand.order("buy", "DOTUSD", "50")
        wait_for("the notice", lambda: ("UNKNOWN_PAIR", "DOT/USD") in notices(system, "anna"))
        wait_for("the money that it cost", lambda: Decimal(system.accounts()["anna"].equity.amount) < 55)
        copies_on(system, 1)
        assert system.pids()["anna"] == before


def test_a_pair_that_is_listed_a_moment_before_it_is_traded_is_copied(paper: Paper) -> None:
    """A pair is listed while everything runs, and the master trades it at once; pairs are read again, and
    the trade is copied.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "master")
        system.start().wait_ready()
        paper.call("POST", "/pairs", base="NEWC", quote="USD", price="2.5")
        hand.order("buy", "NEWCUSD", "20")
        system.settled(1)
        copy = last_copy(system, "anna", "NEWC/USD")
        assert copy.state == pb.COPY_STATE_FILLED, (copy.reason, copy.detail)


def test_what_is_held_in_a_pair_that_is_delisted_is_shown_and_can_be_sold(paper: Paper) -> None:
    """A pair is delisted while a copied position is held; it is shown as NOT_LISTED across a restart, nothing
    more is bought, and when the master sells, the position is sold by the rules that were known last.
    """
    with System(paper, {"anna": "100"}) as system:
        hand = Hand(paper, "master")
        system.start().wait_ready()
        hand.order("buy", "DOTUSD", "80")
        system.settled(1)
        assert last_copy(system, "anna", "DOT/USD").state == pb.COPY_STATE_FILLED
        bought = held(paper, "anna", "DOT")
        assert bought > 0
        system.stop()
        paper.call("POST", "/pairs/DOTUSD", listed=False)
        system.start().wait_ready()
        wait_for("the notice", lambda: ("NOT_LISTED", "DOT/USD") in notices(system, "anna"))
        (position,) = system.accounts()["anna"].positions
        assert (position.pair, Decimal(position.volume)) == ("DOT/USD", bought)
        hand.order("buy", "DOTUSD", "10")
        system.settled(2)
        assert last_copy(system, "anna", "DOT/USD").reason == "UNKNOWN_PAIR"
        hand.order("sell", "DOTUSD", "90")
        system.settled(3)
        wait_for("the exit", lambda: held(paper, "anna", "DOT") == 0)
        wait_for("nothing held there", lambda: ("NOT_LISTED", "DOT/USD") not in notices(system, "anna"))
