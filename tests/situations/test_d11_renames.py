"""A coin gets another name at the exchange, and positions follow it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from krakencopy.client.sdk.errors import Refused
from tests.support.system import Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.call("POST", "/pairs", base="MATIC", quote="USD", price="0.5", ordermin="1")
        paper.price("MATICUSD", "0.5")
        yield paper


def balance(paper: Paper, account: str, asset: str) -> Decimal:
    return D(paper.call("GET", f"/accounts/{account}")["balances"].get(asset, "0"))


def held(system: System, asset: str) -> Decimal:
    """What anna holds of a coin by copying."""
    positions = system.accounts()["anna"].positions
    return sum((D(position.volume) for position in positions if position.asset == asset), D(0))


def buy_some(system: System) -> Decimal:
    system.buy("MATIC/USD", "100")
    system.settled(1)
    return wait_for("anna to tell what it holds", lambda: held(system, "MATIC"))


def test_a_position_follows_its_coin_by_the_exchanges_own_tables(paper: Paper) -> None:
    """MATIC becomes POL in Kraken's tables while it is held: a half that the master sells under the new
    name is a half of the user's.
    """
    with System(paper, {"anna": "500"}) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        copied = buy_some(system)
        paper.call("POST", "/assets/MATIC/rename", to="POL", keeps_key=True)
        paper.price("POLUSD", "0.5")
        paper.by_hand(hand, "sell", "POLUSD", "50")
        system.settled(2)
        assert (system.copies("anna")[-1].reason, system.copies("anna")[-1].pair) == (
            "EXIT_FRACTION",
            "POL/USD",
        )
        wait_for("anna to tell half", lambda: abs(held(system, "POL") - copied / 2) <= D("1e-8"))
        assert held(system, "MATIC") == 0
        system.stop()
        system.start().wait_ready()
        paper.by_hand(hand, "sell", "POLUSD", "50")
        system.settled(3)
        wait_for("nothing to be left", lambda: not system.accounts()["anna"].positions)


def test_an_exit_behind_an_order_during_which_its_coin_was_renamed_is_made(paper: Paper) -> None:
    """MATIC becomes POL while the answer to anna's entry hangs, and the master leaves at once: anna leaves
    when the answer is there.
    """
    with System(paper, {"anna": "500"}) as system:
        system.start().wait_ready()
        paper.call(
            "POST", "/faults", kind="hang_reply", account="anna", method="AddOrder", count=1, delay_ms=3000
        )
        system.buy("MATIC/USD", "100")
        wait_for(
            "anna's order to be there",
            lambda: any(row["account"] == "anna" for row in paper.rows("fills")),
        )
        system.sell("MATIC/USD", "100")
        wait_for("the exit to be journalled", lambda: getattr(system.status(), "head_seq", 0) == 2)
        paper.call("POST", "/assets/MATIC/rename", to="POL", keeps_key=False)
        paper.price("POLUSD", "0.5")
        system.command("rename", "MATIC", "POL")
        system.settled(2)
        entry, exited = system.copies("anna")
        assert [entry.reason, exited.reason] == ["SCALED", "EXIT_FULL"]
        assert (exited.pair, exited.filled_volume) == ("POL/USD", entry.filled_volume)
        assert balance(paper, "anna", "POL") == 0


def test_a_position_follows_its_coin_by_an_operators_word_also_while_nobody_runs(paper: Paper) -> None:
    """MATIC is gone and POL is there, under another id: an operator says so once, and every user follows,
    also one that was stopped.
    """
    with System(paper, {"anna": "500"}) as system:
        system.start().wait_ready()
        buy_some(system)
        system.command("stop", "anna")
        paper.call("POST", "/assets/MATIC/rename", to="POL", keeps_key=False)
        paper.price("POLUSD", "0.5")
        said = system.command("rename", "MATIC", "POL")
        assert said.startswith("MATIC is POL from now on; the master's counted position in it is ")
        paper.by_hand(paper.another_key("master"), "sell", "POLUSD", "100")
        system.command("start", "anna")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert balance(paper, "anna", "POL") < 1


def test_a_renaming_is_told_and_a_contradiction_is_refused(paper: Paper) -> None:
    """An operator renames a coin twice, to the same name and to another: the first is done already, the
    second is refused with why.
    """
    with System(paper, {"anna": "500"}) as system:
        system.start().wait_ready()
        buy_some(system)
        paper.call("POST", "/assets/MATIC/rename", to="POL", keeps_key=False)
        for _ in range(2):
            system.command("rename", "MATIC", "POL")
        with system.api() as api:
            assert [event.code for event in api.list_events()].count("ASSET_RENAMED") == 1
        system.command("rename", "MATIC", "XYZ", expect=1)
        system.command("rename", "POL", "MATIC", expect=1)
        system.command("rename", "PO L", "MATIC", expect=3)
        wait_for("anna to follow", lambda: held(system, "POL") > 0 and not held(system, "MATIC"))


def test_a_word_that_would_mix_two_coins_is_refused(paper: Paper) -> None:
    """An operator says that BTC is ETH, that dollars are euros, or mistypes the new name: refused with why.
    The exits that follow sell what was copied and nothing of the user's own ETH.
    """
    paper.price("XBTUSD", "50000")
    key = paper.open_account("anna", {"ZUSD": "1000", "XETH": "3"})
    with System(paper, {"anna": "0"}, keys={"anna": key}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        system.settled(1)
        for old, new, why in (
            ("BTC", "ETH", "BTC is traded at the exchange under this name: ETH is another coin"),
            ("USD", "EUR", "USD is traded at the exchange under this name"),
            ("BTC", "BCT", "it has no other, and the exchange lists no BCT"),
            ("XBT", "ETH", "BTC is traded at the exchange under this name"),
            ("BTC", "XETH", "ETH is another coin"),
            ("QQQ", "RRR", "the exchange lists no RRR, and the master has never traded QQQ"),
        ):
            with pytest.raises(Refused, match=why), system.api() as api:
                api.rename_asset(old, new)
        system.sell("BTC/USD", "0.01")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert balance(paper, "anna", "XXBT") == 0
        assert balance(paper, "anna", "XETH") == 3


def test_a_coin_whose_id_is_not_its_name_is_followed_as_well_twice_and_over_restarts(paper: Paper) -> None:
    """ETH, whose id at Kraken is XETH, gets another name in the tables, and another one while nothing
    runs: users' exits leave each time.
    """
    paper.price("ETHUSD", "2000")
    with System(paper, {"anna": "1000"}) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        system.buy("ETH/USD", "0.2")
        system.settled(1)
        copied = balance(paper, "anna", "XETH")
        paper.call("POST", "/assets/XETH/rename", to="NEW", keeps_key=True)
        paper.price("NEWUSD", "2000")
        paper.by_hand(hand, "sell", "NEWUSD", "0.1")
        system.settled(2)
        assert system.copies("anna")[-1].reason == "EXIT_FRACTION"
        assert abs(balance(paper, "anna", "XETH") - copied / 2) <= D("1e-8")
        system.stop()
        paper.call("POST", "/assets/XETH/rename", to="NEWER", keeps_key=True)
        paper.price("NEWERUSD", "2000")
        paper.by_hand(hand, "sell", "NEWERUSD", "0.1")
        system.start().wait_ready()
        system.settled(3)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert balance(paper, "anna", "XETH") == 0


def test_a_reserve_follows_its_coin(paper: Paper) -> None:
    """A master's reserved old stock gets another name, by an operator's word: it is no part of its equity
    under the new one either.
    """
    keys = {
        "master": paper.open_account("master", {"ZUSD": "10000", "MATIC": "20000"}),
        "anna": paper.open_account("anna", {"ZUSD": "1000"}),
    }
    paper.price("XBTUSD", "50000")
    lines = {"master": 'reserve = { MATIC = "20000" }'}
    with System(paper, {"anna": "0"}, keys=keys, user_lines=lines) as system:
        system.start().wait_ready()
        system.buy("MATIC/USD", "20")
        system.settled(1)
        paper.call("POST", "/assets/MATIC/rename", to="POL", keeps_key=False)
        paper.price("POLUSD", "0.5")
        system.command("rename", "MATIC", "POL")
        system.stop()
        system.start().wait_ready()
        system.buy("BTC/USD", "0.01")
        system.settled(2)
        with system.api() as api:
            last = max(api.list_fills(), key=lambda fill: fill.seq)
        assert D(9990) < D(last.master_equity) <= D(10000)
