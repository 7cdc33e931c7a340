"""Caps: what each leaves, that the smallest room wins and is named, and that no exit is held against any."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.domain.copy_plan import Carry, Decision, Order, Skip
from tests.support.capped_user import ONE_TO_ONE, PAIRS, CappedUser, usd

D, F = Decimal, Fraction
LOT = F(1, 10_000)


def user(**rules: Any) -> CappedUser:
    return CappedUser(replace(ONE_TO_ONE, **rules))


def order(decision: Decision) -> Order:
    assert isinstance(decision, Order), decision
    return decision


def volume(decision: Decision) -> Any:
    return order(decision).volume.amount


# -- each by itself ----------------------------------------------------------------------------------------


def test_an_order_of_the_master_costs_at_most_its_cap_in_all_its_fills() -> None:
    anna = user(max_order_notional=usd(202))
    first = anna.buys(1, 100, order="O1")
    assert (volume(first), first.reason, order(first).cap) == (1, Reason.SCALED, "")
    anna.ends("c1")
    second = anna.buys(2, 100, order="O1")
    assert isinstance(second, Order)
    assert (volume(second), second.reason, second.cap) == (1, Reason.CAPPED, "max_order_notional")
    assert "cap of 202 for this order, max_order_notional" in second.detail
    anna.ends("c2")
    third = anna.buys(1, 100, order="O1")
    assert (third.reason, third.cap) == (Reason.CAP_EXHAUSTED, "max_order_notional")
    assert volume(anna.buys(1, 100, order="O2")) == 1


def test_max_user_risk_is_named_where_it_is_the_smaller_cap_of_an_order() -> None:
    anna = user(max_order_notional=usd(5000), max_user_risk=D("0.0001"))
    decision = anna.buys(10, 100)
    assert (decision.reason, decision.cap) == (Reason.CAPPED, "max_user_risk")


def test_a_position_costs_at_most_its_cap_and_what_was_sold_makes_room() -> None:
    anna = user(max_position_notional=usd(303))
    anna.buys(2, 100)
    anna.ends("c1")
    cut = anna.buys(2, 100)
    assert (volume(cut), cut.cap) == (1, "max_position_notional")
    assert cut.detail.endswith("cut to 1 BTC by max_position_notional = 303 USD (202 USD of BTC are copied)")
    anna.ends("c2")
    assert anna.buys(1, 100).reason is Reason.CAP_EXHAUSTED
    assert volume(anna.buys(3, 100, "ETH/USD")) == 3
    anna.sells(D(5), D(100))
    anna.ends("c5", price=D(100))
    assert volume(anna.buys(2, 100)) == 2


def test_a_position_counts_at_what_it_is_worth_where_that_is_more_than_was_paid_and_the_other_way_round() -> (
    None
):
    for price, bought in ((150, "0.6666"), (50, "4.0396")):
        anna = user(max_position_notional=usd(404))
        anna.buys(2, 100)
        anna.ends("c1", price=D(100))
        # 303 USD at 151.5 each, or 200 USD that were paid for what is worth 101 now.
        assert volume(anna.buys(5, price)) == D(bought)


def test_a_position_is_worth_at_most_a_share_of_the_equity() -> None:
    anna = user(max_position_share=D("0.1"))
    anna.equity = D(1010)
    decision = anna.buys(2, 100)
    assert (volume(decision), decision.cap) == (1, "max_position_share")


def test_all_coins_together_are_worth_at_most_the_exposure_with_orders_on_their_way_and_carried_ones() -> (
    None
):
    anna = user(max_gross_exposure=usd(404))
    anna.dollars |= {"BTC": D(100), "ETH": D(100)}
    anna.buys(1, 100)
    anna.ends("c1")
    anna.buys(2, 100, "ETH/USD")
    decision = anna.buys(2, 100)
    # 101 are held at the price that is allowed now, 202 on their way.
    assert (volume(decision), decision.cap) == (1, "max_gross_exposure")
    assert "(303 USD of all coins are copied or on their way)" in decision.detail


def test_what_is_carried_is_part_of_the_exposure() -> None:
    pairs = dict(PAIRS) | {"ETH/USD": replace(PAIRS["ETH/USD"], ordermin=D(5))}
    anna = user(max_gross_exposure=usd(404))
    anna.pairs = pairs
    assert isinstance(anna.buys(2, 100, "ETH/USD"), Carry)
    assert volume(anna.buys(4, 100)) == 2


def test_exposure_may_be_a_share_of_the_equity() -> None:
    anna = user(max_gross_exposure=D("0.5"))
    anna.equity = D(404)
    assert volume(anna.buys(4, 100)) == 2


def test_so_many_coins_are_copied_at_once_and_dust_is_none() -> None:
    anna = user(max_open_pairs=1)
    anna.buys(1, 100)
    refused = anna.buys(1, 100, "ETH/USD")
    assert (refused.reason, refused.cap) == (Reason.CAP_EXHAUSTED, "max_open_pairs")
    assert "max_open_pairs = 1 (copied: BTC)" in refused.detail
    anna.ends("c1")
    assert volume(anna.buys(1, 100)) == 1
    anna.ends("c3", filled=D(0))
    anna.book.coins.keep_at_most("BTC", D("0.00001"))
    assert volume(anna.buys(1, 100, "ETH/USD")) == 1


def test_a_day_costs_at_most_its_cap_and_the_next_one_begins_anew() -> None:
    anna = user(max_daily_notional=usd(303))
    anna.buys(1, 100)
    anna.ends("c1", price=D(100))
    anna.buys(1, 100, "ETH/USD")
    cut = anna.buys(2, 100)
    assert (volume(cut), cut.cap) == (D("1.0099"), "max_daily_notional")
    anna.ends("c3", filled=D(0))
    anna.day += 1
    assert volume(anna.buys(3, 100)) == 3


def test_a_day_has_so_many_orders_whatever_came_of_them() -> None:
    anna = user(max_orders_per_day=2)
    anna.buys(1, 100)
    anna.ends("c1", filled=D(0))
    anna.buys(1, 100)
    anna.ends("c2")
    anna.restart()
    refused = anna.buys(1, 100, "ETH/USD")
    assert (refused.reason, refused.cap) == (Reason.CAP_EXHAUSTED, "max_orders_per_day")
    assert "max_orders_per_day = 2 (2 today)" in refused.detail
    assert isinstance(anna.sells(D(1), D(100)), Order)


def test_a_small_copy_of_a_whole_order_is_not_made_and_that_holds_for_all_its_fills() -> None:
    anna = user(min_copy_notional=usd(101))
    small = anna.buys("0.5", 100, order="O1")
    assert (small.reason, small.cap) == (Reason.BELOW_MIN_COPY, "min_copy_notional")
    later = anna.buys(5, 100, order="O1")
    assert later.reason is Reason.BELOW_MIN_COPY
    assert volume(anna.buys(1, 100, order="O2")) == 1
    anna.ends("c3")
    assert volume(anna.buys("0.1", 100, order="O2")) == D("0.1")


# -- together ----------------------------------------------------------------------------------------------


def test_the_smallest_room_wins_and_is_named() -> None:
    anna = user(max_daily_notional=usd(303), max_position_notional=usd(202), max_gross_exposure=usd(404))
    decision = anna.buys(9, 100)
    assert (volume(decision), decision.cap) == (2, "max_position_notional")


def test_what_a_cap_cuts_below_the_minimum_is_skipped_and_takes_no_room_of_its_orders_cap() -> None:
    anna = user(max_position_notional=usd(101))
    anna.pairs = {"BTC/USD": replace(PAIRS["BTC/USD"], ordermin=D(2))}
    skipped = anna.buys(3, 100, order="O1")
    assert (type(skipped), skipped.reason, skipped.cap) == (
        Skip,
        Reason.CAP_EXHAUSTED,
        "max_position_notional",
    )
    assert anna.book.carried == {}
    plan = anna.book.plans.get_plan("O1")
    assert plan is not None
    assert plan.cost.amount == 0


def test_carried_volume_is_held_against_the_caps_of_the_moment_when_it_is_ordered() -> None:
    anna = user(max_position_notional=usd(303))
    anna.pairs = {"BTC/USD": replace(PAIRS["BTC/USD"], ordermin=D(2))}
    assert isinstance(anna.buys("1.5", 100), Carry)
    anna.rules = replace(anna.rules, max_position_notional=usd(202))
    cut = anna.buys(1, 100)
    assert (volume(cut), cut.cap, order(cut).carried_in) == (2, "max_position_notional", ("c1",))
    # What waited goes first, and the slices are no more than is ordered: no more money is set aside.
    assert [piece.volume.amount for piece in order(cut).slices] == [D("1.5"), D("0.5")]
    assert anna.book.carried == {}


def test_what_has_waited_waits_on_where_a_cap_leaves_nothing() -> None:
    anna = user(max_orders_per_day=1)
    anna.pairs = {name: replace(PAIRS[name], ordermin=D(2)) for name in PAIRS}
    anna.buys("1.5", 100)
    anna.buys(2, 100, "ETH/USD")
    assert anna.buys("1.5", 100).reason is Reason.CAP_EXHAUSTED
    anna.day += 1
    assert volume(anna.buys("1.5", 100)) == 3


def test_a_cut_that_cash_cuts_further_is_one_of_cash() -> None:
    anna = user(max_position_notional=usd(404))
    anna.cash = D(204)
    decision = anna.buys(9, 100)
    assert decision.reason is Reason.CASH_LIMITED
    assert volume(decision) < 2


# -- what is not known -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [{"max_gross_exposure": usd(10**6)}, {"max_gross_exposure": D(1)}],
)
def test_an_entry_is_skipped_while_a_coin_that_is_held_has_no_price_and_exits_go_on(
    rules: dict[str, Any],
) -> None:
    anna = user(**rules)
    anna.buys(1, 100, "ETH/USD")
    anna.ends("c1")
    skipped = anna.buys(1, 100)
    assert (skipped.reason, skipped.cap) == (Reason.NO_MARK, "max_gross_exposure")
    assert "ETH has no known price" in skipped.detail
    assert isinstance(anna.sells(D(1), D(100), "ETH/USD"), Order)


@pytest.mark.parametrize(
    "key",
    [
        "max_order_notional",
        "max_position_notional",
        "max_gross_exposure",
        "max_daily_notional",
        "min_copy_notional",
    ],
)
def test_an_entry_is_skipped_while_the_currency_of_a_cap_has_no_price(key: str) -> None:
    anna = user(**{key: Money(D(1), "EUR")})
    skipped = anna.buys(1, 100)
    assert (type(skipped), skipped.reason, skipped.cap) == (Skip, Reason.NO_MARK, key)
    anna.dollars["EUR"] = D(2)
    assert anna.buys(1, 100).reason in {Reason.CAPPED, Reason.SCALED}


def test_a_cap_in_another_currency_is_converted() -> None:
    anna = user(max_position_notional=Money(D(101), "EUR"))
    anna.dollars["EUR"] = D(2)
    assert volume(anna.buys(9, 100)) == 2
