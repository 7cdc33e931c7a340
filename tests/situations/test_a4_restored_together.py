"""journal.db and accounts/ are brought back together from an older day: what was done since is taken up,
and not done again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.client import private
from tests.support.system import Key, Paper, System, wait_for

D = Decimal


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        paper.price("ETHUSD", "2000")
        yield paper


def held(paper: Paper, account: str, pair: str = "XBTUSD") -> Decimal:
    """What an account's trades of a pair have left it, by the exchange's record."""
    rows = [row for row in paper.rows("fills") if (row["account"], row["pair"]) == (account, pair)]
    return sum((D(row["volume"]) * (1 if row["side"] == "buy" else -1) for row in rows), D(0))


def back_up(system: System) -> None:
    """As the README says: both together, while nothing runs."""
    backup = system.folder / "backup"
    backup.mkdir()
    for path in (*system.state_dir.glob("journal.db*"), *system.state_dir.glob("accounts/*")):
        shutil.copy(path, backup)


def bring_back(system: System) -> None:
    for path in (*system.state_dir.glob("journal.db*"), *system.state_dir.glob("accounts/*")):
        path.unlink()
    for path in (system.folder / "backup").iterdir():
        folder = system.state_dir if path.name.startswith("journal") else system.state_dir / "accounts"
        shutil.copy(path, folder)


def sold_since_the_backup(paper: Paper, system: System) -> None:
    """Anna, who has coins of her own, bought by copying, and after a backup sold that; nothing runs now."""
    paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="0.05")
    system.start().wait_ready()
    system.buy("BTC/USD", "0.001")
    system.settled(1)
    system.stop()
    back_up(system)
    system.start().wait_ready()
    system.sell("BTC/USD", "0.001")
    system.settled(2)
    system.stop()


def caught_up(system: System, fills: int) -> None:
    """The journal has all that the master did, and every user has answered."""
    system.wait_ready()
    system.settled(fills)


def test_an_exit_that_was_done_is_not_done_again(paper: Paper) -> None:
    """The user's own coins stay: the old exit is taken up, its fill is answered by it, and the next round
    trip is as always.
    """
    with System(paper, {"anna": "1000"}) as system:
        sold_since_the_backup(paper, system)
        assert held(paper, "anna") == 0
        bring_back(system)
        system.start()
        caught_up(system, 2)
        assert held(paper, "anna") == 0
        told = {copy.reason: copy for copy in system.copies("anna")}
        # Anna has 3500 dollars in all, the master 1000.
        assert told["TAKEN_OVER"].filled_volume == "0.0035"
        assert list(told["ANSWERED_BEFORE"].fill_seqs) == [2]
        assert not list(system.accounts()["anna"].drifts)
        system.buy("BTC/USD", "0.002")
        system.settled(3)
        system.sell("BTC/USD", "0.002")
        system.settled(4)
        assert held(paper, "anna") == 0
        # Once is enough: a restart finds nothing new.
        system.stop()
        system.start().wait_ready()
        assert [copy.reason for copy in system.copies("anna")].count("TAKEN_OVER") == 1


def test_half_an_exit_and_entries_in_two_pairs(paper: Paper) -> None:
    """Everything that was bought and sold since counts: the position is what the lost days left, and
    leaves with the master's.
    """
    with System(paper, {"anna": "1000"}, user_lines={"anna": 'copy = { max_user_risk = "0.5" }'}) as system:
        paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="0.05")
        paper.call("POST", "/accounts/anna/deposit", asset="XETH", amount="1")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        system.stop()
        back_up(system)
        system.start().wait_ready()
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        system.buy("ETH/USD", "0.05")
        system.settled(3)
        system.buy("BTC/USD", "0.002")
        system.settled(4)
        system.stop()
        left = held(paper, "anna"), held(paper, "anna", "ETHUSD")
        assert left[0] > 0 < left[1]
        bring_back(system)
        system.start()
        caught_up(system, 4)
        assert (held(paper, "anna"), held(paper, "anna", "ETHUSD")) == left
        wait_for(
            "the copied positions",
            lambda: (
                {place.pair: D(place.volume) for place in system.accounts()["anna"].positions}
                == {"BTC/USD": left[0], "ETH/USD": left[1]}
            ),
        )
        system.sell("ETH/USD", "0.05")
        system.settled(5)
        system.sell("BTC/USD", "0.003")
        system.settled(6)
        assert (held(paper, "anna"), held(paper, "anna", "ETHUSD")) == (D(0), D(0))


def test_what_the_master_did_after_the_lost_days_is_done_once(paper: Paper) -> None:
    """An exit of the master that nobody had answered yet is answered after the restore, once."""
    with System(paper, {"anna": "1000"}) as system:
        hand = Key.make()
        paper.call("POST", "/accounts/master/keys", key=hand.key, secret=hand.secret)
        paper.call("POST", "/accounts/anna/deposit", asset="XXBT", amount="0.05")
        system.start().wait_ready()
        system.buy("BTC/USD", "0.002")
        system.settled(1)
        entry = held(paper, "anna")
        system.stop()
        back_up(system)
        system.start().wait_ready()
        system.sell("BTC/USD", "0.001")
        system.settled(2)
        assert held(paper, "anna") == entry - (entry / 2).quantize(D("1e-8"), "ROUND_DOWN")
        system.stop()
        private(
            paper.rest_url, hand, "AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="0.001"
        )  # fmt: skip
        bring_back(system)
        system.start()
        caught_up(system, 3)
        assert held(paper, "anna") == 0


def test_what_an_exit_of_the_lost_days_still_owed_is_sold(paper: Paper) -> None:
    """A part of the copied coins was staked when the master sold all: the rest was sold, and that part is
    still owed after the restore.
    """
    with System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        system.buy("ETH/USD", "0.05")
        system.settled(1)
        copied = held(paper, "anna", "ETHUSD")
        system.stop()
        back_up(system)
        system.start().wait_ready()
        staked = {"asset": "ETH", "form": ".S"}
        paper.call("POST", "/accounts/anna/move", **staked, amount=str(copied - D("0.02")))
        system.sell("ETH/USD", "0.05")
        wait_for("what is free to be sold", lambda: held(paper, "anna", "ETHUSD") == copied - D("0.02"))
        system.settled(2)
        system.stop()
        bring_back(system)
        system.start()
        caught_up(system, 2)
        assert held(paper, "anna", "ETHUSD") == copied - D("0.02")
        paper.call("POST", "/accounts/anna/move", **staked, amount=str(D("0.02") - copied))
        wait_for("the rest to be sold", lambda: held(paper, "anna", "ETHUSD") == 0)


def test_a_coin_that_was_renamed_in_the_lost_days(paper: Paper) -> None:
    """A coin got another name in the lost days, between an entry and half an exit: the position is what
    they left, and no own coin is sold.
    """
    paper.call("POST", "/pairs", base="MATX", quote="USD", price="2.5")
    with System(paper, {"anna": "1000"}) as system:
        paper.call("POST", "/accounts/anna/deposit", asset="MATX", amount="50")
        system.start().wait_ready()
        hand = paper.another_key("master")
        paper.by_hand(hand, "buy", "MATXUSD", "20")
        system.settled(1)
        system.stop()
        back_up(system)
        system.start().wait_ready()
        paper.by_hand(hand, "buy", "MATXUSD", "10")
        system.settled(2)
        name = paper.call("POST", "/assets/MATX/rename", to="POLX", keeps_key=True)["id"]
        paper.by_hand(hand, "sell", "POLXUSD", "15")
        system.settled(3)
        system.stop()
        left = paper.call("GET", "/accounts/anna")["balances"][name]
        assert D(left) > 50
        bring_back(system)
        system.start()
        caught_up(system, 3)
        assert paper.call("GET", "/accounts/anna")["balances"][name] == left
        paper.by_hand(hand, "sell", "POLXUSD", "15")
        system.settled(4)
        assert D(paper.call("GET", "/accounts/anna")["balances"][name]) == 50


def test_an_exit_whose_row_cannot_be_read_is_not_done_again(paper: Paper) -> None:
    """The row of the old exit among the closed orders cannot be read: it is asked for by itself, taken up,
    and not done again.
    """
    with System(paper, {"anna": "1000"}) as system:
        hand = paper.another_key("anna")
        sold_since_the_backup(paper, system)
        closed = private(paper.rest_url, hand, "ClosedOrders")["result"]["closed"]
        for key, row in closed.items():
            odd = {"kind": "odd_row", "method": "ClosedOrders", "account": "anna", "count": 0}
            paper.call("POST", "/faults", **odd, key=key, row={**row, "descr": {}})
        bring_back(system)
        system.start()
        caught_up(system, 2)
        assert held(paper, "anna") == 0
        assert {copy.reason for copy in system.copies("anna")} == {"SCALED", "TAKEN_OVER", "ANSWERED_BEFORE"}


def test_nothing_is_sent_while_the_record_cannot_be_read(paper: Paper) -> None:
    """A record of orders that the exchange does not give proves nothing: the user waits, says why, and
    goes on when it is there.
    """
    with System(paper, {"anna": "1000"}) as system:
        sold_since_the_backup(paper, system)
        bring_back(system)
        paper.call("POST", "/faults", kind="html_5xx", account="anna", method="ClosedOrders", count=0)
        system.start()
        wait_for(
            "the user to say that it waits",
            lambda: (found := system.accounts().get("anna")) and "ClosedOrders" in found.message,
        )
        wait_for("the second fill to be journalled", lambda: getattr(system.status(), "head_seq", 0) == 2)
        assert held(paper, "anna") == 0
        paper.call("DELETE", "/faults")
        caught_up(system, 2)
        assert held(paper, "anna") == 0
