"""max_slippage_bps binds every entry: whichever kind of order is configured, and however late the fill
comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.situations.user_orders import Hand, bitcoin, orders_sent
from tests.support.system import Paper, System, wait_for

STYLES = {"anna": 'copy = { order = "market" }', "ben": 'copy = { order = "limit_ioc" }'}


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def test_a_late_entry_is_not_bought_beyond_the_bound(paper: Paper) -> None:
    """The price is 20 % higher when a user's process comes to a fill of the master. It buys nothing, in
    either kind of order, and says why.
    """
    with System(paper, {"anna": "100", "ben": "100"}, user_lines=STYLES) as system:
        system.start().wait_ready()
        with system.api() as api:
            for user in ("anna", "ben"):
                api.pause_account(user)
            api.place_order("buy", "BTC/USD", Decimal("0.001"))
            wait_for("the fill", lambda: list(api.list_fills()))
            paper.price("XBTUSD", "60000")
            for user in ("anna", "ben"):
                api.resume_account(user)
        system.settled(1)
        for user in ("anna", "ben"):
            (copy,) = system.copies(user)
            assert (copy.reason, copy.filled_volume) == ("SLIPPAGE_BOUND", "0")
            assert "50250" in copy.detail
            assert bitcoin(paper, user) == 0


def test_an_entry_after_a_gap_in_the_masters_feed_is_bound_by_the_masters_price(paper: Paper) -> None:
    """The master's fill is learnt from its history, after its feed was gone, and the price has run away
    meanwhile. No user buys.
    """
    with System(paper, {"anna": "100", "ben": "100"}, user_lines=STYLES) as system:
        hand = Hand(paper, "master")
        system.start().wait_ready()
        paper.call("POST", "/faults", kind="ws_silence", account="master", delay_ms=3_000, lose=True)
        hand.limit("buy", "0.001", "50000")
        paper.price("XBTUSD", "60000")
        system.settled(1)
        for user in ("anna", "ben"):
            (copy,) = system.copies(user)
            assert (copy.reason, copy.filled_volume) == ("SLIPPAGE_BOUND", "0")


def test_what_is_to_be_had_within_the_bound_is_bought_and_the_rest_is_not_chased(paper: Paper) -> None:
    """The book has a little at the master's price and the rest 1 % above. The user buys the little; the
    copy says that the bound was met.
    """
    with System(paper, {"anna": "1000"}, user_lines={"anna": "copy = { max_slippage_bps = 1 }"}) as system:
        system.start().wait_ready()
        with system.api() as api:
            api.pause_account("anna")
            api.place_order("buy", "BTC/USD", Decimal("0.001"))
            wait_for("the fill", lambda: list(api.list_fills()))
            # A level a basis point: two of them are within the bound.
            paper.call("POST", "/markets/XBTUSD", bid="49999.9", ask="50000", depth="0.0003")
            api.resume_account("anna")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert copy.reason == "SLIPPAGE_BOUND"
        assert Decimal("0.0003") <= Decimal(copy.filled_volume) < Decimal("0.001")
        prices = [Decimal(row["price"]) for row in paper.fills("anna")]
        assert max(prices) <= Decimal(50005)


def test_an_entry_within_the_bound_is_bought(paper: Paper) -> None:
    """The price is 0.4 % higher when a user comes to the fill; the bound is 0.5 %. It buys."""
    with System(paper, {"anna": "100"}) as system:
        system.start().wait_ready()
        with system.api() as api:
            api.pause_account("anna")
            api.place_order("buy", "BTC/USD", Decimal("0.001"))
            wait_for("the fill", lambda: list(api.list_fills()))
            paper.price("XBTUSD", "50200")
            api.resume_account("anna")
        system.settled(1)
        (copy,) = system.copies("anna")
        assert (copy.reason, copy.filled_volume, copy.avg_price) == ("SCALED", "0.0001", "50200")


def test_fills_that_wait_together_are_bound_by_their_own_prices(paper: Paper) -> None:
    """Two orders of the master, the second 20 % dearer and small, wait behind a user's order that is on its
    way. The user does not buy the first for the price of the second.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        paper.call(
            "POST", "/faults", kind="hang_reply", account="anna", method="AddOrder", delay_ms=1_500, count=1
        )
        system.buy("BTC/USD", "0.0002")
        system.buy("BTC/USD", "0.001")
        paper.price("XBTUSD", "60000")
        system.buy("BTC/USD", "0.0001")
        system.settled(3)
        copies = {tuple(copy.fill_seqs): copy for copy in system.copies("anna")}
        assert (copies[2,].reason, copies[2,].filled_volume) == ("SLIPPAGE_BOUND", "0")
        assert (copies[3,].reason, copies[3,].avg_price) == ("SCALED", "60000")
        assert bitcoin(paper, "anna") == sum(Decimal(copy.filled_volume) for copy in copies.values())


def test_fills_that_wait_together_within_the_bound_become_one_order(paper: Paper) -> None:
    """Two orders of the master, 0.2 % apart, wait together: they become one order, bound by the lower
    price.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        paper.call(
            "POST", "/faults", kind="hang_reply", account="anna", method="AddOrder", delay_ms=1_500, count=1
        )
        system.buy("BTC/USD", "0.0002")
        system.buy("BTC/USD", "0.0003")
        paper.price("XBTUSD", "50100")
        system.buy("BTC/USD", "0.0003")
        system.settled(3)
        copies = {tuple(copy.fill_seqs): copy for copy in system.copies("anna")}
        assert copies[2, 3].avg_price == "50100"
        assert orders_sent(paper, "anna")[-1]["price"] == "50250"
