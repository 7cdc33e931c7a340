"""How exits are sized: the fraction that the master sold, of what copying bought and of nothing else, and
never held up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import CopyRules, OrderStyle
from krakencopy.account_proc.domain.copy_plan import Carry, Order, Skip
from krakencopy.account_proc.domain.exit_sizing import owed_exit
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Price, Side
from tests.support.copying import BTC, ETH, LOTS, NOW, Follower, TradingMaster, master_with, only_order

NO_MINIMUM = replace(BTC, ordermin=Decimal("1e-8"), costmin=Decimal(0))

#: What copying holds; finer than a lot, as after fees that were taken in base.
positions = st.integers(1, 10**12).map(lambda number: Decimal(number).scaleb(-10))
volumes = st.integers(1, 10**10).map(lambda number: Decimal(number).scaleb(-8))
sales = st.lists(st.lists(volumes, min_size=1, max_size=3), min_size=1, max_size=4)


def in_lots(exact: Fraction, decimals: int = 8) -> Decimal:
    return Decimal(exact * 10**decimals // 1).scaleb(-decimals)


def sold(
    user: Follower, master: TradingMaster, order_id: str, batches: Sequence[Sequence[Decimal]]
) -> Decimal:
    """What was sold while the master's order filled, batch by batch."""
    total = Decimal(0)
    for batch in batches:
        held = user.position
        fills = [master.sell(order_id, volume, "10000", user.pair) for volume in batch]
        order = only_order(user.decide(*fills))
        if order is not None:
            assert order.volume.amount <= held
            user.settle(order)
            total += order.volume.amount
            assert user.position >= 0
    return total


def total_of(batches: Sequence[Sequence[Decimal]]) -> Decimal:
    return sum((volume for batch in batches for volume in batch), Decimal(0))


# -- the fraction ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [NO_MINIMUM, BTC])
@given(batches=sales, kept=volumes.filter(lambda volume: volume >= BTC.ordermin), position=positions)
def test_a_partial_exit_sells_the_fraction_that_the_master_sold_however_it_was_filled(
    pair: PairRules, batches: list[list[Decimal]], kept: Decimal, position: Decimal
) -> None:
    total = total_of(batches)
    user = Follower(pair=pair)
    user.holds(position)
    found = sold(user, master_with(total + kept), "O1", batches) + user.carried(Side.SELL)
    exact = Fraction(position) * Fraction(total) / Fraction(total + kept)
    assert in_lots(exact * (1 - Fraction(1, 10**24))) <= found <= in_lots(exact * (1 + Fraction(1, 10**24)))


@given(batches=sales, position=positions)
def test_a_full_exit_sweeps_everything_that_copying_holds(
    batches: list[list[Decimal]], position: Decimal
) -> None:
    user = Follower(pair=NO_MINIMUM)
    user.holds(position, cost=Decimal(7))
    total = total_of(batches)
    assert sold(user, master_with(total), "O1", batches) == in_lots(Fraction(position))
    assert user.carried(Side.SELL) == 0
    # No order can sell less than a lot.
    assert user.position < Decimal("1e-8")


@given(positions.filter(lambda position: position >= Decimal("1e-8")))
def test_what_a_full_exit_cannot_sell_is_written_off(position: Decimal) -> None:
    user = Follower(pair=NO_MINIMUM)
    user.holds(position, cost=Decimal(7))
    user.settle(user.ordered(master_with("1").sell("O1", "1", "50000", NO_MINIMUM)))
    assert [user.position, sum(user.book.coins.position("BTC").costs.values())] == [0, 0]


@given(st.lists(sales, min_size=1, max_size=4), volumes, positions)
def test_several_exits_leave_the_fraction_that_the_master_kept(
    orders: list[list[list[Decimal]]], kept: Decimal, position: Decimal
) -> None:
    user = Follower(pair=NO_MINIMUM)
    user.holds(position)
    total = sum((total_of(batches) for batches in orders), Decimal(0))
    master = master_with(total + kept)
    for number, batches in enumerate(orders):
        sold(user, master, f"O{number}", batches)
    fair = Fraction(position) * Fraction(kept) / Fraction(total + kept)
    # Each order is cut to the lot by itself.
    assert fair - Fraction(1, 10**15) <= Fraction(user.position) <= fair + len(orders) * Fraction(1, 10**8)


def test_an_old_order_that_fills_at_last_leaves_what_was_bought_since() -> None:
    master, user = master_with("10"), Follower(equity=Decimal(10**6), pair=LOTS)
    master.equity = Decimal(10**7)
    user.holds(Decimal(1))
    user.copy(master.sell("RESTING", "2", "10", LOTS))
    user.copy(master.buy("O2", "5", "10", LOTS))
    order = user.ordered(master.sell("RESTING", "8", "10", LOTS))
    assert (order.volume.amount, order.sweep) == (Decimal("0.8"), False)
    user.settle(order)
    assert master.position[BTC.base] == 5
    assert user.position == Decimal("0.5")
    assert user.ordered(master.sell("O3", "5", "10", LOTS)).sweep


def test_an_old_order_sells_the_fraction_of_what_both_hold_now() -> None:
    master, user = master_with("10"), Follower(equity=Decimal(10**6), pair=LOTS)
    master.equity = Decimal(10**7)
    user.holds(Decimal(1))
    user.copy(master.sell("RESTING", "1", "10", LOTS))
    user.copy(master.sell("O2", "9", "10", LOTS))
    assert user.position == 0
    user.copy(master.buy("O3", "20", "10", LOTS))
    user.holds(Decimal("0.2"))  # the user's entry was refused for the most part
    assert user.ordered(master.sell("RESTING", "5", "10", LOTS)).volume.amount == Decimal("0.05")


def test_a_user_that_comes_in_the_middle_of_an_exit_sells_the_fraction_of_what_was_left() -> None:
    master, user = master_with("10"), Follower(pair=LOTS)
    user.holds(Decimal(1))
    master.sell("O1", "5", "10", LOTS)
    order = user.ordered(master.sell("O1", "2", "10", LOTS))
    assert order.volume.amount == Decimal("0.4")
    user.settle(order)
    rest = user.ordered(master.sell("O1", "3", "10", LOTS))
    assert (rest.volume.amount, rest.sweep) == (Decimal("0.6"), True)


def test_half_of_the_masters_position_is_half_of_the_copied_one_and_not_of_the_users_coins() -> None:
    master, user = master_with("2"), Follower(base=Decimal(50))
    user.holds(Decimal("0.2"))
    order = user.ordered(master.sell("O1", "1", "50000"))
    assert (order.volume.amount, order.reason, order.sweep) == (
        Decimal("0.1"),
        Reason.EXIT_FRACTION,
        False,
    )
    user.settle(order)
    order = user.ordered(master.sell("O2", "1", "50000"))
    assert (order.volume.amount, order.reason, order.sweep) == (Decimal("0.1"), Reason.EXIT_FULL, True)


def test_nothing_is_sold_of_a_pair_that_copying_never_bought() -> None:
    user = Follower(base=Decimal(50))
    (skip,) = user.decide(master_with("1").sell("O1", "1", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NO_COPIED_POSITION


def test_a_rest_that_the_master_cannot_sell_alone_makes_it_a_full_exit() -> None:
    master, user = master_with("1"), Follower()
    user.holds(Decimal("0.5"))
    order = user.ordered(master.sell("O1", Decimal(1) - BTC.ordermin / 2, "50000"))
    assert (order.volume.amount, order.sweep) == (Decimal("0.5"), True)


def test_the_master_leaving_a_position_that_nobody_knew_of_is_a_full_exit() -> None:
    user = Follower()
    user.holds(Decimal("0.5"))
    assert user.ordered(TradingMaster().sell("O1", "1", "50000")).volume.amount == Decimal("0.5")


@given(filled=st.integers(1, 10**8), fee_bps=st.integers(0, 80))
def test_fees_taken_in_base_are_neither_owned_nor_sold(filled: int, fee_bps: int) -> None:
    amount = Decimal(filled).scaleb(-8)
    fee = amount * fee_bps / 10_000
    master, user = TradingMaster(equity=Decimal(100)), Follower(pair=NO_MINIMUM, equity=Decimal(100))
    order = user.ordered(master.buy("O1", "0.0001", "10000", NO_MINIMUM))
    user.settle(order, filled=amount, fee_base=fee)
    assert user.position == amount - fee
    (decision,) = user.decide(master.sell("O2", "0.0001", "10000", NO_MINIMUM)).decisions
    if isinstance(decision, Order):
        assert decision.volume.amount <= amount - fee
    else:
        assert amount - fee < Decimal("1e-8")


# -- never held up -----------------------------------------------------------------------------------------


def test_an_exit_is_neither_capped_nor_too_old_nor_bounded_in_price() -> None:
    rules = CopyRules(max_user_risk=Decimal("0.01"), max_entry_age_s=1, order=OrderStyle.LIMIT_IOC)
    user = Follower(rules=rules, equity=Decimal(1))
    user.holds(Decimal(10))
    user.now = NOW + 86_400
    order = user.ordered(master_with("1").sell("O1", "1", "50000"))
    assert (order.volume.amount, order.limit_price) == (Decimal(10), None)


@pytest.mark.parametrize("equity", [None, Decimal(0)])
def test_an_exit_needs_no_equity(equity: Decimal | None) -> None:
    user = Follower()
    user.equity = equity
    user.holds(Decimal(1))
    assert user.ordered(master_with("1").sell("O1", "1", "50000")).volume.amount == 1


def test_only_what_is_there_is_sold_and_the_rest_is_written_off_by_a_full_exit() -> None:
    user = Follower(base=Decimal("0.3000000055"))
    user.holds(Decimal(1))
    order = user.ordered(master_with("1").sell("O1", "1", "50000"))
    assert (order.volume.amount, order.reason) == (Decimal("0.3"), Reason.HOLDINGS_LIMITED)
    assert order.planned.amount == 1
    user.settle(order)
    assert [user.position, user.carried(Side.SELL)] == [0, 0]


def test_where_the_balance_says_that_nothing_is_there_the_exchange_is_asked() -> None:
    user = Follower(base=Decimal(0))
    user.holds(Decimal(1))
    assert user.ordered(master_with("1").sell("O1", "1", "50000")).volume.amount == 1


# -- small exits, and what did not go through --------------------------------------------------------------


def test_a_small_exit_waits_for_the_next_one_and_leaves_entries_alone() -> None:
    master, user = master_with("10"), Follower(equity=Decimal(1000))
    user.holds(Decimal("0.0004"))
    (carry,) = user.decide(master.sell("O1", "1", "50000")).decisions
    assert isinstance(carry, Carry)
    assert (carry.reason, carry.planned.amount) == (Reason.BELOW_ORDERMIN, Decimal("0.00004"))
    entry = user.ordered(master.buy("O2", "0.0001", "50000"))
    assert entry.carried_in == ()
    user.settle(entry)
    order = user.ordered(master.sell("O3", "4.50005", "50000"))
    assert order.carried_in == ("c1",)
    # What is owed already is not part of what the second exit halves: 0.00004 + (0.0005 - 0.00004) / 2.
    assert order.volume.amount == Decimal("0.00027")


@pytest.mark.parametrize("filled", ["0", "0.4"])
def test_a_full_exit_that_went_wrong_is_owed_and_not_written_off(filled: str) -> None:
    master, user = master_with("1"), Follower()
    user.holds(Decimal(1))
    user.settle(user.ordered(master.sell("O1", "1", "50000")), filled=Decimal(filled))
    assert user.position == user.carried(Side.SELL) == 1 - Decimal(filled)
    master.buy("O2", "1", "50000")
    assert user.ordered(master.sell("O3", "0.1", "50000")).volume.amount == 1 - Decimal(filled)


def test_a_position_below_the_minimum_stays_until_the_next_full_exit_takes_it_along() -> None:
    master, user = master_with("1"), Follower(equity=Decimal(1000))
    user.holds(Decimal("0.00004"))
    (skip,) = user.decide(master.sell("O1", "1", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.POSITION_BELOW_MINIMUM
    assert [user.position, user.carried(Side.SELL)] == [Decimal("0.00004"), 0]
    user.copy(master.buy("O2", "0.0001", "50000"))
    assert user.ordered(master.sell("O3", "0.0001", "50000")).volume.amount == Decimal("0.00014")


def test_an_exit_of_less_than_a_lot_is_skipped_and_not_carried_for_ever() -> None:
    master, user = master_with("1000"), Follower(pair=LOTS)
    user.holds(Decimal(1))
    first, second = (user.decide(master.sell("O1", "6", "50000", LOTS)).decisions[0] for _ in range(2))
    assert isinstance(first, Skip)
    assert first.reason is Reason.NOTHING_LEFT_OF_ORDER
    assert isinstance(second, Order)
    assert second.volume.amount == Decimal("0.01")


def test_an_exit_that_is_owed_is_sold_without_another_fill_of_the_master() -> None:
    master, user = master_with("1"), Follower()
    user.holds(Decimal(1))
    user.settle(user.ordered(master.sell("O1", "1", "50000")), filled=Decimal("0.25"))
    order = owed_exit(user.book, BTC, Price(Decimal(50_000)))
    assert order is not None
    assert (order.volume.amount, order.carried_in, order.reason) == (
        Decimal("0.75"),
        ("c1",),
        Reason.EXIT_OWED,
    )
    assert user.carried(Side.SELL) == 0
    user.settle(order, price=Decimal(50_000))
    assert [user.position, user.carried(Side.SELL)] == [0, 0]
    assert owed_exit(user.book, BTC, Price(Decimal(50_000))) is None


def test_an_exit_that_is_owed_waits_while_it_is_below_the_minimum() -> None:
    master, user = master_with("10"), Follower()
    user.holds(Decimal("0.0004"))
    user.decide(master.sell("O1", "1", "50000"))
    assert owed_exit(user.book, BTC, Price(Decimal(50_000))) is None
    assert user.carried(Side.SELL) == Decimal("0.00004")


# -- entries that wait while the master leaves -------------------------------------------------------------


def waiting_entry() -> tuple[TradingMaster, Follower]:
    """Two carried entries, of 0.04 and 0.02."""
    pair = replace(LOTS, ordermin=Decimal("0.1"))
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100), pair=pair)
    for order_id, volume in (("O1", "0.4"), ("O2", "0.2")):
        (carry,) = user.decide(master.buy(order_id, volume, "10", pair)).decisions
        assert isinstance(carry, Carry)
    return master, user


def test_a_partial_exit_shrinks_the_entries_that_wait() -> None:
    master, user = waiting_entry()
    verdict = user.decide(master.sell("O3", "0.3", "10", user.pair))
    assert isinstance(verdict.decisions[0], Skip)
    assert verdict.exited_copies == ()
    assert [str(piece.volume) for piece in user.book.carried[BTC.name, Side.BUY]] == ["0.02", "0.01"]


def test_an_entry_that_shrinks_to_nothing_is_reported_once() -> None:
    master, user = waiting_entry()
    first = user.decide(
        master.sell("O3", "0.15", "10", user.pair), master.sell("O3", "0.21", "10", user.pair)
    )
    assert first.exited_copies == ("c2",)
    second = user.decide(master.sell("O4", "0.24", "10", user.pair))
    assert second.exited_copies == ("c1",)
    assert user.decide(master.sell("O5", "0.01", "10", user.pair)).exited_copies == ()


def test_a_copy_that_waits_with_two_orders_is_given_up_when_both_are_gone() -> None:
    pair = replace(LOTS, ordermin=Decimal("0.1"))
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100), pair=pair)
    user.decide(master.buy("O1", "0.4", "10", pair), master.buy("O2", "0.1", "10", pair))
    half = user.decide(master.sell("O3", "0.25", "10", pair))
    assert half.exited_copies == ()
    assert [piece.order_id for piece in user.book.carried[BTC.name, Side.BUY]] == ["O1"]
    assert user.decide(master.sell("O3", "0.25", "10", pair)).exited_copies == ("c1",)


def test_a_full_exit_drops_the_entries_that_wait_in_its_pair_alone() -> None:
    master, user = waiting_entry()
    user.book.carry(ETH.name, Side.BUY, user.book.carried[BTC.name, Side.BUY], "c9")
    verdict = user.decide(master.sell("O3", "0.6", "10", user.pair))
    assert verdict.exited_copies == ("c1", "c2")
    assert user.carried(Side.BUY) == 0
    assert user.book.carried_volume(ETH.name, Side.BUY).amount == Decimal("0.06")


def test_an_entry_that_the_master_has_left_gives_its_room_back() -> None:
    pair = replace(LOTS, ordermin=Decimal("0.1"))
    master, user = TradingMaster(equity=Decimal(100)), Follower(equity=Decimal(100), pair=pair)
    user.decide(master.buy("O1", "0.08", "100", pair))
    user.decide(master.sell("O2", "0.08", "100", pair))
    assert user.carried(Side.BUY) == 0
    (later,) = user.decide(master.buy("O1", "0.08", "100", pair)).decisions
    assert isinstance(later, Carry)
    assert later.planned.amount == Decimal("0.08")


# -- what is not right yet ---------------------------------------------------------------------------------


def test_an_old_order_of_the_master_sells_also_what_was_bought_since() -> None:
    master, user = master_with("10"), Follower(equity=Decimal(10**6), pair=LOTS)
    master.equity = Decimal(10**7)
    user.copy(master.sell("RESTING", "1", "10", LOTS))
    user.copy(master.buy("O2", "10", "10", LOTS))
    assert user.position == 1
    user.copy(master.sell("RESTING", "8", "10", LOTS))
    assert master.position[BTC.base] == 11
    assert user.position < 1


def test_two_orders_that_leave_the_position_together_drop_the_entries_that_wait() -> None:
    pair = replace(BTC, ordermin=Decimal("0.1"))
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100), pair=pair)
    user.decide(master.buy("O1", "0.6", "10", pair))
    for order_id in ("O2", "O3", "O2", "O3"):
        user.decide(master.sell(order_id, "0.15", "10", pair))
    assert master.position[BTC.base] == 0
    assert user.carried(Side.BUY) == 0
