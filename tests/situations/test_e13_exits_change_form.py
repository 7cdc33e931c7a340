"""Whatever stands in the way of an exit, it leaves: in another form, or when the market lets it, and it
says what is in the way.
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
        paper.call("POST", "/markets/XBTUSD", bid="49990", ask="50010", depth="10")
        yield paper


def refuse(paper: Paper, error: str, count: int = 1000) -> None:
    """Orders of anna are refused."""
    paper.call("POST", "/faults", kind="error", account="anna", method="AddOrder", error=error, count=count)


def test_where_the_users_own_bid_is_best_the_exit_leaves_and_that_bid_gives_way(paper: Paper) -> None:
    """A user's own bid would buy what its exit sells, so Kraken ends the exit. It is tried again, and then
    the bid is cancelled, which is logged.
    """
    with System(paper, {"anna": "1000"}) as system:
        hand = Hand(paper, "anna")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        bid, other = hand.limit("buy", "0.001", "50000"), hand.limit("buy", "0.001", "45000")
        system.sell("BTC/USD", "0.001")
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
        assert (hand.row(bid)["status"], hand.row(bid)["vol_exec"]) == ("canceled", "0.00000000")
        assert hand.row(other)["status"] == "open"
        forms = [order.get("stptype") for order in orders_sent(paper, "anna")]
        assert forms == [None, None, None, "cancel-oldest"]
        refused = [copy for copy in system.copies("anna") if copy.reason == "SELF_TRADE"]
        assert len(refused) == 2
        assert "Self trade prevention" in refused[0].detail
        assert any("the account's own orders" in line["message"] for line in system.logs("anna"))


@pytest.mark.parametrize("known", [False, True])
def test_in_a_market_that_takes_limit_orders_only_an_exit_is_one(paper: Paper, known: bool) -> None:
    """A pair takes limit orders only, since before the start or since a moment ago. The exit leaves at
    once, as a limit order near the bid.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        paper.call("POST", "/pairs/XBTUSD", status="limit_only")
        if known:
            system.stop()
            system.start().wait_ready()
        system.sell("BTC/USD", "0.001", limit_price=Decimal(49980))
        system.settled(2)
        copy = system.copies("anna")[-1]
        assert (copy.filled_volume, copy.avg_price) == ("0.0001", "49990")
        assert copy.attempts == (1 if known else 2)
        last = orders_sent(paper, "anna")[-1]
        assert (last["ordertype"], last["timeinforce"]) == ("limit", "IOC")
        assert Decimal(49700) < Decimal(last["price"]) < Decimal(49990)


@pytest.mark.parametrize(
    "words", ["EOrder:Market orders are not supported", "EGeneral:Invalid arguments:ordertype"]
)
def test_a_market_order_that_is_refused_as_such_becomes_a_limit_order(paper: Paper, words: str) -> None:
    """The exchange refuses the market order and would take a limit. The exit leaves as one, with the
    exchange's words in its story.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        refuse(paper, words, count=1)
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        copy = system.copies("anna")[-1]
        assert (copy.filled_volume, copy.attempts) == ("0.0001", 2)
        assert words in copy.detail
        assert words in system.command("why", "2")


def test_a_market_that_never_takes_market_orders_is_left_all_the_same(paper: Paper) -> None:
    """One pair refuses a user's market orders for good, with words that nobody has seen before. Each exit
    of it leaves as a limit order.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        paper.call(
            "POST", "/faults", kind="market_refused", pair="XBTUSD", account="anna", method="AddOrder",
            ordertype="market", error="EOrder:No market orders here",
        )  # fmt: skip
        for number in (1, 2):
            system.buy("BTC/USD", "0.001")
            system.settled(2 * number - 1)
            system.sell("BTC/USD", "0.001")
            wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
            system.settled(2 * number)


def test_an_exit_that_nobody_takes_near_the_bid_goes_further(paper: Paper) -> None:
    """Market orders are refused, and each limit order ends without a buyer at first. Each next one goes
    further below the bid.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        paper.call("POST", "/pairs/XBTUSD", status="limit_only")
        paper.call("POST", "/faults", kind="partial_cancel", account="anna", fraction="0", count=3)
        system.sell("BTC/USD", "0.001", limit_price=Decimal(49980))
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
        prices = [
            Decimal(order["price"])
            for order in orders_sent(paper, "anna")
            if order["type"] == "sell" and "price" in order
        ]
        assert prices == sorted(prices, reverse=True)
        assert len(set(prices)) == 4


@pytest.mark.parametrize("mode", ["post_only", "cancel_only", "maintenance"])
def test_an_exit_waits_for_a_market_that_takes_none_and_leaves_when_it_opens(paper: Paper, mode: str) -> None:
    """The market takes no exits when a user comes to the master's sell. No order is sent again and again;
    status says what the market says, and the exit leaves when that ends.
    """
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        with system.api() as api:
            api.pause_account("anna")
            api.place_order("sell", "BTC/USD", Decimal("0.001"))
            wait_for("the fill", lambda: len(list(api.list_fills())) == 2)
            fault = paper.call("POST", "/faults", kind="market_mode", mode=mode)
            api.resume_account("anna")
        if mode == "maintenance":
            # Kraken answers orders with EService:Unavailable then, so that each is looked for before the
            # next.
            wait_for("an order that nobody knows of", lambda: system.copies("anna")[-1].attempts)
        else:
            wait_owed(system, "anna", f"the market is in {mode} mode (met 3 times)")
            assert len(orders_sent(paper, "anna")) == 2, "one for the entry, and one try"
        paper.call("DELETE", f"/faults/{fault['id']}")
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)


def test_a_refusal_of_one_market_holds_up_the_exits_of_that_market_only(paper: Paper) -> None:
    """Kraken refuses a user's orders in one pair for a while, with words that may also mean the key. The exit
    of it leaves when that ends, within seconds; those of other pairs leave at once.
    """
    paper.price("ETHUSD", "2000")
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.buy("ETH/USD", "0.02")
        system.settled(2)
        refuse(paper, "EGeneral:Permission denied", count=1)
        system.sell("BTC/USD", "0.001")
        wait_owed(system, "anna", "EGeneral:Permission denied")
        system.sell("ETH/USD", "0.02")
        wait_for(
            "the exit of the other pair",
            lambda: Decimal(paper.call("GET", "/accounts/anna")["balances"]["XETH"]) == 0,
        )
        wait_for("the exit", lambda: bitcoin(paper, "anna") == 0)


def test_an_exit_that_is_stopped_to_protect_the_price_is_sold_piece_by_piece(paper: Paper) -> None:
    """Kraken stops market orders that would move the price too far. What was not sold stays owed, and is
    tried again after growing pauses.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        paper.call("POST", "/faults", kind="partial_cancel", account="anna", fraction="0.5", count=3)
        system.sell("BTC/USD", "0.002")
        wait_for("the exit to leave", lambda: bitcoin(paper, "anna") == 0)
        sold = [row for row in paper.rows("fills") if row["account"] == "anna" and row["side"] == "sell"]
        assert len(sold) == 4


def test_an_exit_whose_price_nobody_tells_leaves_all_the_same(paper: Paper) -> None:
    """An exit is owed across a restart, and the exchange shows no price of its pair any more. It leaves as
    soon as the market takes it: a market order needs no price.
    """
    paper.call("POST", "/pairs", base="NEWC", quote="USD", price="2.5")
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("NEWC/USD", "20")
        system.settled(1)
        refuse(paper, "EGeneral:Permission denied")
        system.sell("NEWC/USD", "20")
        wait_owed(system, "anna", "EGeneral:Permission denied")
        system.stop()
        paper.call("DELETE", "/faults")
        paper.call(
            "POST",
            "/faults",
            kind="market_refused",
            pair="NEWCUSD",
            method="Ticker",
            error="EQuery:Unknown asset pair",
        )
        system.start().wait_ready()
        wait_for(
            "the exit to leave",
            lambda: not Decimal(paper.call("GET", "/accounts/anna")["balances"]["NEWC"]),
        )
