"""Names of coins that are given again, and coins that others are paid in, under another name."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.system import Key, Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("ETHUSD", "2000")
        paper.price("XBTUSD", "50000")
        yield paper


def system_of(paper: Paper, master: dict[str, str], anna: dict[str, str], line: str = "") -> System:
    keys: dict[str, Key] = {
        name: paper.open_account(name, balances) for name, balances in (("master", master), ("anna", anna))
    }
    return System(paper, {"anna": "0"}, keys=keys, user_lines={"anna": line})


def balance(paper: Paper, asset: str) -> Decimal:
    return D(paper.call("GET", "/accounts/anna")["balances"].get(asset, "0"))


def rename(paper: Paper, asset: str, name: str, price: str, *, keeps_key: bool = True) -> None:
    paper.call("POST", f"/assets/{asset}/rename", to=name, keeps_key=keeps_key)
    paper.price(f"{name}USD", price)


def test_a_coin_that_gets_its_old_name_back_is_followed(paper: Paper) -> None:
    """ETH gets another name in Kraken's tables, and its old one back, more than once: users' entries and
    exits leave under each.
    """
    with system_of(paper, {"ZUSD": "10000"}, {"ZUSD": "1000"}) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        system.buy("ETH/USD", "0.1")
        system.settled(1)
        for fills, name in enumerate(("NEW", "ETH", "NEW"), start=2):
            rename(paper, "XETH", name, "2000")
            paper.by_hand(hand, "buy", f"{name}USD", "0.1")
            system.settled(fills)
            assert (system.copies("anna")[-1].pair, system.copies("anna")[-1].reason) == (
                f"{name}/USD",
                "SCALED",
            )
            if name == "ETH":
                system.stop()
                system.start().wait_ready()
        paper.by_hand(hand, "sell", "NEWUSD", "0.4")
        system.settled(5)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert balance(paper, "XETH") == 0


def test_a_name_that_is_given_to_another_coin_means_that_one(paper: Paper) -> None:
    """ETH is called ETHO, and LUNA2 gets the name ETH: exits sell the coin that was copied, and of the
    user's own of either nothing.
    """
    paper.call("POST", "/pairs", base="LUNA2", quote="USD", price="1", ordermin="1")
    paper.price("LUNA2USD", "1")
    own = {"ZUSD": "1000", "XETH": "0.5", "LUNA2": "50"}
    with system_of(paper, {"ZUSD": "10000"}, own) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        system.buy("ETH/USD", "0.2")
        system.buy("LUNA2/USD", "100")
        system.settled(2)
        copied = balance(paper, "XETH") - D("0.5")
        assert copied > 0
        rename(paper, "XETH", "ETHO", "2000")
        rename(paper, "LUNA2", "ETH", "1")
        paper.by_hand(hand, "sell", "ETHOUSD", "0.1")
        system.settled(3)
        assert abs(balance(paper, "XETH") - D("0.5") - copied / 2) <= D("1e-8")
        paper.by_hand(hand, "sell", "ETHUSD", "100")
        system.settled(4)
        assert (system.copies("anna")[-1].pair, system.copies("anna")[-1].reason) == ("ETH/USD", "EXIT_FULL")
        assert balance(paper, "LUNA2") == 50
        system.stop()
        system.start().wait_ready()
        paper.by_hand(hand, "sell", "ETHOUSD", "0.1")
        system.settled(5)
        assert system.copies("anna")[-1].reason == "EXIT_FULL"
        assert balance(paper, "XETH") == D("0.5")
        assert balance(paper, "LUNA2") == 50


def test_a_user_that_was_stopped_comes_to_fills_under_a_name_that_is_another_coins_since(
    paper: Paper,
) -> None:
    """The master sells ETH while a user is stopped; then ETH is called ETHO, and LUNA2 gets the name ETH. The
    user sells the coin that the master sold, and no LUNA2.
    """
    paper.call("POST", "/pairs", base="LUNA2", quote="USD", price="1", ordermin="1")
    paper.price("LUNA2USD", "1")
    own = {"ZUSD": "1000", "XETH": "0.5", "LUNA2": "50"}
    with system_of(paper, {"ZUSD": "10000"}, own) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        system.buy("ETH/USD", "0.2")
        system.buy("LUNA2/USD", "100")
        system.settled(2)
        both = balance(paper, "LUNA2")
        system.command("stop", "anna")
        system.sell("ETH/USD", "0.1")
        rename(paper, "XETH", "ETHO", "2000")
        rename(paper, "LUNA2", "ETH", "1")
        paper.by_hand(hand, "sell", "ETHOUSD", "0.1")
        wait_for("the master's fills", lambda: system.status().head_seq == 4)
        system.command("start", "anna")
        system.settled(4)
        assert {copy.pair for copy in system.copies("anna")[2:]} == {"ETHO/USD"}
        assert balance(paper, "XETH") == D("0.5")
        assert balance(paper, "LUNA2") == both


def test_own_money_that_gets_another_name_is_own_money(paper: Paper) -> None:
    """UST, which BTC was paid in, is called USTC before BTC is sold. What comes back is the user's own: when
    the master sells old USTC of its own, the user sells none.
    """
    paper.call("POST", "/pairs", base="UST", quote="USD", price="1")
    paper.call("POST", "/pairs", base="XXBT", quote="UST", price="50000")
    paper.price("USTUSD", "1")
    paper.price("XBTUST", "50000")
    with system_of(paper, {"UST": "100000"}, {"UST": "10000"}) as system:
        hand = paper.another_key("master")
        system.start().wait_ready()
        system.buy("BTC/UST", "0.1")
        system.settled(1)
        rename(paper, "UST", "USTC", "1")
        paper.price("XBTUSTC", "50000")
        paper.by_hand(hand, "sell", "XBTUSTC", "0.1")
        system.settled(2)
        assert balance(paper, "XXBT") == 0
        left = balance(paper, "UST")
        paper.by_hand(hand, "sell", "USTCUSD", "50000")
        system.settled(3)
        assert system.copies("anna")[-1].reason == "NO_COPIED_POSITION"
        assert balance(paper, "UST") == left
        notices = [notice.message for notice in system.accounts()["anna"].notices]
        assert not any("UST" in words and "USTC" not in words for words in notices)


def test_a_notional_follows_the_coin_that_it_is_an_amount_of(paper: Paper) -> None:
    """A user copies for 100 MATIC, which is called POL while it runs: it goes on at what 100 POL are
    worth, also after a restart.
    """
    paper.call("POST", "/pairs", base="MATIC", quote="USD", price="0.5", ordermin="1")
    paper.price("MATICUSD", "0.5")
    line = 'copy = { sizing = "fixed_notional", notional = "100 MATIC" }'
    with system_of(paper, {"ZUSD": "10000"}, {"ZUSD": "1000"}, line) as system:
        system.start().wait_ready()
        system.buy("MATIC/USD", "10")
        system.settled(1)
        rename(paper, "MATIC", "POL", "0.5", keeps_key=False)
        system.command("rename", "MATIC", "POL")
        wait_for("anna to follow", lambda: system.accounts()["anna"].positions[0].asset == "POL")
        for fills in (2, 3):
            system.buy("BTC/USD", "0.01")
            system.settled(fills)
            copy = system.copies("anna")[-1]
            assert abs(D(copy.filled_volume) * D(copy.avg_price) - 50) < D("0.1"), copy.detail
            system.stop()
            system.start().wait_ready()


def test_an_exit_that_is_owed_leaves_under_the_new_name_though_the_master_trades_it_no_more(
    paper: Paper,
) -> None:
    """A user's own order holds its copied ETH when the master sells. ETH gets another name, which ends that
    order: the exchange has the old pair no more, the tables are read again for that, and the exit leaves
    under the new name.
    """
    with system_of(paper, {"ZUSD": "10000"}, {"ZUSD": "1000"}) as system:
        system.start().wait_ready()
        system.buy("ETH/USD", "0.2")
        system.settled(1)
        copied = str(balance(paper, "XETH"))
        paper.by_hand(paper.another_key("anna"), "sell", "ETHUSD", copied, ordertype="limit", price="5000")
        system.sell("ETH/USD", "0.2")
        wait_for(
            "an exit that is owed",
            lambda: any(each.exit_owed for each in system.accounts()["anna"].positions),
        )
        rename(paper, "XETH", "NEW", "2000")
        wait_for("the exit to leave", lambda: balance(paper, "XETH") == 0)
        wait_for("nothing to be left", lambda: not system.accounts()["anna"].positions)

        def sold() -> bool:
            copies = system.copies("anna")
            return any((copy.pair, copy.reason) == ("NEW/USD", "EXIT_OWED") for copy in copies)

        wait_for("its copy", sold)
