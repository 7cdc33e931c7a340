"""Whose turn it is: one order of a coin at a time, fills in the journal's order, merged where one order can
answer them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.copying import turns as turns_module
from krakencopy.account_proc.copying.turns import Turns, coin_of, quote_of
from krakencopy.account_proc.domain.copy_plan import MasterFill
from krakencopy.account_proc.domain.quantities import BaseVolume, Price, QuoteAmount, Side
from krakencopy.account_proc.domain.sync_sizing import SyncItem
from tests.support.copying import NOW

PAIRS = ("BTC/USD", "ETH/USD", "ETH/BTC", "SOL/ETH", "USDT/USD")


def fill(
    seq: int, pair: str = "BTC/USD", side: Side = Side.SELL, price: str = "100", order: str = "M1"
) -> MasterFill:
    nothing = BaseVolume(Decimal(0))
    return MasterFill(
        seq=seq, order_id=order, pair=pair, side=side, price=Price(Decimal(price)), volume=nothing,
        master_equity=QuoteAmount(Decimal(0)), master_cash=QuoteAmount(Decimal(0)), position_before=nothing,
        position_after=nothing, master_position=nothing, margin=False, executed_at=NOW,
    )  # fmt: skip


def turns_of(*fills: MasterFill) -> Turns:
    turns = Turns(lambda _: 50)
    for each in fills:
        turns.add_fill(each, NOW)
    return turns


def run_of(turns: Turns, coin: str, *, of_one_order: bool = False) -> list[int]:
    return [waiting.fill.seq for waiting in turns.take_run(coin, of_one_order=of_one_order)]


@pytest.mark.parametrize(
    ("on_way", "waiting", "may"),
    [
        ("BTC/USD", "BTC/EUR", False),  # one order of a coin at a time, in whatever pair
        ("ETH/BTC", "BTC/USD", False),  # it spends the coin
        ("BTC/USD", "ETH/BTC", False),  # it buys what the fill is paid in
        ("ETH/USD", "BTC/USD", True),  # both are paid in the same money
        ("ETH/USD", "SOL/BTC", True),
    ],
)
def test_a_fill_waits_for_an_order_that_changes_what_it_counts_on(
    on_way: str, waiting: str, may: bool
) -> None:
    turns = turns_of(fill(1, waiting))
    turns.begin_order("c9", on_way)
    assert turns.may_answer(coin_of(waiting)) is may
    turns.end_order("c9")
    assert turns.may_answer(coin_of(waiting))


@pytest.mark.parametrize(
    ("earlier", "later", "may"),
    [
        ("ETH/BTC", "BTC/USD", False),  # the earlier one spends it
        ("BTC/USD", "ETH/BTC", False),  # the earlier one buys what it is paid in
        ("ETH/USD", "BTC/USD", True),
    ],
)
def test_a_fill_waits_for_an_earlier_one_that_waits_and_changes_what_it_counts_on(
    earlier: str, later: str, may: bool
) -> None:
    turns = turns_of(fill(1, earlier), fill(2, later))
    assert turns.may_answer(coin_of(earlier))
    assert turns.may_answer(coin_of(later)) is may


def test_while_something_is_looked_up_for_a_coin_its_lane_stands_still_whatever_its_orders_do() -> None:
    turns = turns_of(fill(1))
    turns.begin_order("c9", "BTC/USD")
    turns.begin_lookup("BTC")
    turns.end_order("c9")
    assert turns.is_occupied("BTC")
    assert not turns.may_answer("BTC")
    turns.begin_order("c9", "BTC/USD")
    turns.end_lookup("BTC")
    assert turns.is_occupied("BTC"), "its order is still on its way"
    turns.end_order("c9")
    assert turns.may_answer("BTC")


def test_a_coin_is_free_when_nothing_of_it_is_on_its_way_looked_up_or_waiting() -> None:
    turns = turns_of(fill(1, "BTC/USD"))
    assert turns.is_free("ETH")
    assert not turns.is_free("BTC")
    turns.take_run("BTC")
    assert turns.is_free("BTC")
    turns.begin_order("c1", "ETH/BTC")
    assert turns.is_traded("BTC")
    assert not turns.is_occupied("BTC")
    assert not turns.is_free("BTC")


def test_fills_of_one_pair_and_side_are_merged_and_others_are_not() -> None:
    turns = turns_of(
        fill(1), fill(2), fill(3, side=Side.BUY), fill(4, "BTC/EUR", Side.BUY),
        replace(fill(5, "BTC/EUR", Side.BUY), pair_unknown=True),
    )  # fmt: skip
    assert [run_of(turns, "BTC") for _ in range(4)] == [[1, 2], [3], [4], [5]]


def test_fills_of_one_master_order_only_are_merged_where_that_is_asked_for() -> None:
    turns = turns_of(fill(1), fill(2), fill(3, order="M2"))
    assert run_of(turns, "BTC", of_one_order=True) == [1, 2]


def test_fills_are_not_merged_over_one_of_another_lane_that_changes_what_they_count_on() -> None:
    turns = turns_of(fill(1), fill(2, "ETH/BTC"), fill(3))
    assert run_of(turns, "BTC") == [1]


def test_entries_are_merged_as_far_as_one_price_bounds_them_all_and_exits_at_any_price() -> None:
    prices = ("100", "100.4", "100.6", "100.7")
    entries = turns_of(*(fill(seq, side=Side.BUY, price=price) for seq, price in enumerate(prices)))
    assert run_of(entries, "BTC") == [0, 1]
    exits = turns_of(*(fill(seq, price=price) for seq, price in enumerate(prices)))
    assert run_of(exits, "BTC") == [0, 1, 2, 3]


def test_no_more_than_so_many_fills_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "MERGE_MAX", 2)
    turns = turns_of(fill(1), fill(2), fill(3))
    assert run_of(turns, "BTC") == [1, 2]


def test_what_waits_and_what_is_on_its_way_follows_a_coin_to_its_new_name() -> None:
    def current_pair(pair: str) -> str:
        return pair.replace("BTC", "NEW")

    turns = turns_of(fill(1, "NEW/USD"), fill(2, "BTC/USD"), fill(3, "ETH/BTC"), fill(4, "NEW/USD"))
    turns.begin_order("c9", "BTC/EUR")
    turns.rename(current_pair)
    assert [each.seq for each in turns.fills_waiting("NEW")] == [1, 2, 4]
    assert [each.pair for each in turns.fills_waiting("ETH")] == ["ETH/NEW"]
    assert turns.is_occupied("NEW")
    # A fill that is paid in the coin waits for its order as well, which was sent under the old name.
    turns.take_run("NEW")
    turns.take_run("NEW")
    assert not turns.may_answer("ETH")
    turns.end_order("c9")
    assert turns.may_answer("ETH")


def test_what_is_unfinished_is_counted() -> None:
    turns = turns_of(fill(1), fill(2, "ETH/USD"))
    turns.begin_order("c9", "SOL/USD")
    assert (turns.unfinished, turns.orders_on_way) == (3, 1)
    turns.end_order("c9")
    turns.end_order("another")
    turns.take_run("BTC")
    assert (turns.unfinished, turns.orders_on_way) == (1, 0)
    assert turns.coins_waiting() == ["ETH"]


@given(
    pairs=st.lists(st.sampled_from(PAIRS), min_size=1, max_size=12),
    sides=st.lists(st.sampled_from(Side), min_size=12, max_size=12),
    ends=st.data(),
)
def test_each_fill_is_taken_once_and_in_order_and_no_two_orders_count_on_each_other(
    pairs: list[str], sides: list[Side], ends: st.DataObject
) -> None:
    some = [fill(seq, pair, side) for seq, (pair, side) in enumerate(zip(pairs, sides, strict=False))]
    turns = turns_of(*some)
    on_way: dict[str, Sequence[MasterFill]] = {}
    taken: list[MasterFill] = []
    while len(taken) < len(some) or on_way:
        for coin in turns.coins_waiting():
            if turns.may_answer(coin):
                run = [waiting.fill for waiting in turns.take_run(coin)]
                for others in on_way.values():
                    assert not touched(run[0].pair) & spent_or_bought(others[0].pair)
                turns.begin_order(f"c{run[0].seq}", run[0].pair)
                on_way[f"c{run[0].seq}"] = run
                taken += run
        assert on_way, "what waits waits for something"
        over = ends.draw(st.sampled_from(sorted(on_way)))
        turns.end_order(over)
        del on_way[over]
    assert turns.unfinished == 0
    for coin in {coin for pair in PAIRS for coin in pair.split("/")}:
        seqs = [each.seq for each in taken if coin_of(each.pair) == coin]
        assert seqs == sorted(seqs)
    # Nothing is answered before an earlier fill that changes what it counts on.
    for at, each in enumerate(taken):
        for before in taken[at + 1 :]:
            if before.seq < each.seq:
                assert coin_of(before.pair) not in each.pair.split("/")
                assert quote_of(before.pair) != coin_of(each.pair)


def touched(pair: str) -> set[str]:
    """What a fill counts on: its coin, and the coin that it is paid in."""
    return set(pair.split("/"))


def spent_or_bought(pair: str) -> set[str]:
    """What an order changes in a way that others count on: not money that is a quote only."""
    return {coin_of(pair)} | ({quote_of(pair)} - {"USD"})


def item(coin: str, seq: int, index: int = 1) -> SyncItem:
    return SyncItem(number=1, as_of_seq=seq, index=index, coin=coin, pair=f"{coin}/USD", taken_at=NOW)


def test_a_coin_of_a_sync_stands_behind_the_fills_that_it_counts_and_before_later_ones() -> None:
    turns = turns_of(fill(1), fill(2))
    turns.add_sync(item("BTC", 2))
    turns.add_fill(fill(3), NOW)
    assert turns.sync_waiting("BTC") is None
    assert run_of(turns, "BTC") == [1, 2]
    assert turns.sync_waiting("BTC") == item("BTC", 2)
    assert (turns.may_answer("BTC"), turns.may_answer_fill("BTC")) == (True, False)
    assert run_of(turns, "BTC") == [2]
    assert run_of(turns, "BTC") == [3]


def test_coins_of_one_sync_do_not_wait_for_each_other_in_a_ring() -> None:
    turns = turns_of()
    turns.add_sync(replace(item("BTC", 2, 1), pair="BTC/ETH"))
    turns.add_sync(replace(item("ETH", 2, 2), pair="ETH/BTC"))
    assert [turns.may_answer(coin) for coin in ("BTC", "ETH")] == [True, False]
    turns.take_run("BTC")
    assert turns.may_answer("ETH")


def test_a_coin_of_a_sync_follows_its_new_name() -> None:
    turns = turns_of()
    turns.add_sync(item("OLD", 2))
    turns.rename(lambda pair: pair.replace("OLD", "NEW"))
    assert turns.sync_waiting("NEW") == item("NEW", 2)


def test_coins_of_two_syncs_stand_in_the_order_of_the_syncs_also_after_a_renaming() -> None:
    turns = Turns(lambda _: 50)
    for number, index, pair in ((1, 1, "BTC/ETH"), (1, 2, "ETH/USD"), (2, 1, "ETH/USD")):
        item = SyncItem(number=number, as_of_seq=5, index=index, coin=coin_of(pair), pair=pair)
        turns.add_sync(item)
    turns.rename(lambda pair: pair)
    assert [turns.may_answer(coin) for coin in ("BTC", "ETH")] == [True, False]
    turns.take_run("BTC")
    for expected in ("s1.2", "s2.1"):
        assert turns.may_answer("ETH")
        first = turns.sync_waiting("ETH")
        assert first is not None
        assert first.copy_id == expected
        turns.take_run("ETH")
