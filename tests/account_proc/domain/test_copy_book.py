"""What copying remembers follows what became of an order, and what is there of its coins."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.copy_plan import SettledOrder, Slice
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Side
from tests.support.copying import BTC, Follower, master_with


def test_a_part_of_an_exit_that_did_not_go_through_stays_owed() -> None:
    master, user = master_with("10"), Follower()
    user.holds(Decimal(1))
    first = user.ordered(master.sell("O1", "5", "50000"))
    user.settle(first, filled=Decimal("0.2"))
    assert (user.position, user.carried(Side.SELL)) == (Decimal("0.8"), Decimal("0.3"))
    second = user.ordered(master.sell("O2", "1", "50000"))
    assert second.volume.amount == Decimal("0.4")  # 0.3, and a fifth of the 0.5 that is not owed yet
    assert second.carried_in == ("c1",)


def test_coins_that_are_not_there_any_more_are_forgotten_with_their_share_of_the_cost() -> None:
    user = Follower()
    user.holds(Decimal(1), cost=Decimal(50_000))
    assert user.book.write_off(BTC.base, BaseVolume(Decimal(3))).amount == 0
    assert user.book.write_off(BTC.base, BaseVolume(Decimal("0.25"))).amount == Decimal("0.75")
    position = user.book.coins.position("BTC")
    assert [position.volume, position.costs] == [Decimal("0.25"), {"USD": 12_500}]


def test_coins_that_the_user_sold_by_hand_are_not_sold_again_out_of_a_deposit() -> None:
    master, user = master_with("1"), Follower(equity=Decimal(10**6))
    master.equity = Decimal(10**7)
    user.holds(Decimal("0.1"))
    refused = user.ordered(master.sell("O1", "1", "50000"))
    user.book.write_off(BTC.base, BaseVolume(Decimal(0)))
    user.settle(replace(refused, volume=BaseVolume(Decimal(0))))
    entry = user.ordered(master.buy("O2", "1", "50000"))
    user.settle(entry)
    assert owed_exit(user.book, BTC, Price(Decimal(50_000))) is None
    order = user.ordered(master.sell("O3", "1", "50000"))
    assert order.volume == entry.volume


def test_what_is_owed_of_coins_that_are_gone_is_owed_no_more_in_each_pair_by_the_same_share() -> None:
    user = Follower()
    user.holds(Decimal("0.6"))
    owed = {"BTC/USD": ("0.1", "0.2"), "BTC/EUR": ("0.3",), "ETH/USD": ("2",)}
    for pair, volumes_owed in owed.items():
        for number, volume in enumerate(volumes_owed):
            piece = Slice(order_id="", volume=BaseVolume(Decimal(volume)), cost=QuoteAmount(Decimal(0)))
            user.book.carry(pair, Side.SELL, [piece], f"c{number}")
    user.book.write_off("BTC", BaseVolume(Decimal("0.6")))
    assert user.book.owed("BTC").amount == Decimal("0.6")
    user.book.write_off("BTC", BaseVolume(Decimal("0.15")))
    left = {
        pair: [(piece.copy_id, piece.volume.amount) for piece in pieces]
        for (pair, _), pieces in user.book.carried.items()
    }
    assert left == {
        "BTC/USD": [("c0", Decimal("0.025")), ("c1", Decimal("0.05"))],
        "BTC/EUR": [("c0", Decimal("0.075"))],
        "ETH/USD": [("c0", Decimal(2))],
    }
    user.book.write_off("BTC", BaseVolume(Decimal(0)))
    assert [pair for pair, _ in user.book.carried] == ["ETH/USD"]


def rest(volume: str) -> Slice:
    return Slice(order_id="", volume=BaseVolume(Decimal(volume)), cost=QuoteAmount(Decimal(0)))


def bought_eth_by_way_of_btc(user: Follower) -> None:
    """With dollars of its own."""
    user.book.coins.bought(Exchanged(base="BTC", quote="USD", volume=Decimal(1), cost=Decimal(50_000)))
    user.book.coins.bought(Exchanged(base="ETH", quote="BTC", volume=Decimal(20), cost=Decimal(1)))


def sell_owed_eth(user: Follower, cost: str) -> None:
    order = SettledOrder(
        copy_id="x1", slices=(rest("20"),), ordered=BaseVolume(Decimal(20)), filled=BaseVolume(Decimal(20)),
        cost=QuoteAmount(Decimal(cost)), fees={}, sweep=True,
    )  # fmt: skip
    user.book.put_carried("ETH/BTC", Side.SELL, ())
    user.book.settle("ETH/BTC", Side.SELL, order)


def test_what_an_owed_exit_brings_in_of_a_coin_that_the_master_has_left_is_owed() -> None:
    master, user = master_with("1"), Follower()
    bought_eth_by_way_of_btc(user)
    user.book.carry("ETH/BTC", Side.SELL, [rest("20")], "c1")
    # It could not be sold so far, and nothing of bitcoin is held when the master leaves that.
    (answer,) = user.decide(master.sell("O2", "1", "50000")).decisions
    assert (answer.reason, user.book.left) == ("NO_COPIED_POSITION", {"BTC": "BTC/USD"})
    sell_owed_eth(user, "1.1")
    assert user.book.held("BTC").amount == Decimal("1.1")
    assert user.book.carried_volume("BTC/USD", Side.SELL).amount == Decimal("1.1")


def test_what_comes_in_of_a_coin_that_the_master_holds_again_is_kept() -> None:
    master, user = master_with("1"), Follower(equity=Decimal(10**6))
    master.equity = Decimal(10**7)
    bought_eth_by_way_of_btc(user)
    user.decide(master.sell("O2", "1", "50000"))
    user.settle(user.ordered(master.buy("O3", "1", "50000")))
    assert user.book.left == {}
    sell_owed_eth(user, "1.1")
    assert user.book.owed("BTC").amount == 0


def test_a_coin_that_was_left_is_known_by_its_new_name() -> None:
    user = Follower()
    user.book.left = {"MATIC": "MATIC/USD"}
    user.book.rename("MATIC", "POL")
    assert user.book.left == {"POL": "POL/USD"}


def test_what_a_trial_does_is_not_done() -> None:
    user, master = Follower(), master_with("10")
    user.settle(user.ordered(master.buy("O1", "1", "50000")))
    user.book.carry("ETH/USD", Side.BUY, [rest("2")], "c2")
    user.book.left["ETH"] = "ETH/USD"
    user.book.take_changed_pairs()
    held, plan = user.book.held("BTC"), replace(user.book.plans.get_plan("O1"))  # type: ignore[type-var]
    trial = user.book.trial()
    trial.recount("O1", QuoteAmount(Decimal(7)))
    assert trial.plans.get_plan("O1") != plan
    trial.give_up_entries("ETH/USD", ["c2"])
    trial.write_off("BTC", BaseVolume(Decimal(0)))
    trial.left.clear()
    assert user.book.plans.get_plan("O1") == plan
    assert (user.book.held("BTC"), user.book.left) == (held, {"ETH": "ETH/USD"})
    assert user.book.carried_volume("ETH/USD", Side.BUY) == BaseVolume(Decimal(2))
    assert user.book.take_changed_pairs() == []
