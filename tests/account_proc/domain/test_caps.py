"""Caps: what each leaves, that the smallest room wins and is named, and that no exit is held against any.

The model beside the code keeps its own books in fractions: what was bought and sold, what each day has cost,
which orders are on their way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.copy_plan import Carry, Decision, Order, Skip
from tests.support.capped_user import ONE_TO_ONE, PAIRS, CappedUser

D, F = Decimal, Fraction
LOT = F(1, 10_000)


def usd(amount: str | int) -> Money:
    return Money(D(amount), "USD")


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


# -- against the model -------------------------------------------------------------------------------------

SHARE_CAPS = st.fixed_dictionaries(
    {},
    optional={
        "max_position_notional": st.integers(50, 3000).map(usd),
        "max_position_share": st.integers(1, 100).map(lambda n: D(n) / 100),
        "max_gross_exposure": st.integers(50, 5000).map(usd) | st.integers(1, 100).map(lambda n: D(n) / 100),
        "max_daily_notional": st.integers(50, 3000).map(usd),
        "max_orders_per_day": st.integers(1, 6),
        "max_open_pairs": st.integers(1, 2),
    },
)
VOLUMES = st.integers(1, 99_999).map(lambda n: D(n).scaleb(-4))
PRICES = st.integers(50, 200).map(D)
NAMES = st.sampled_from(["BTC/USD", "ETH/USD", "BTC/EUR"])
STEPS = st.lists(
    st.tuples(st.just("buy"), NAMES, VOLUMES, PRICES)
    | st.tuples(st.just("buy"), NAMES, VOLUMES, PRICES)
    | st.tuples(st.just("end"), NAMES, st.integers(0, 100), st.integers(0, 20))
    | st.tuples(st.just("end"), NAMES, st.just(100), st.just(20))
    | st.tuples(st.just("sell"), NAMES, st.integers(1, 100), PRICES)
    | st.tuples(st.just("day"), NAMES, st.just(0), st.just(0))
    | st.tuples(st.just("restart"), NAMES, st.just(0), st.just(0))
    | st.tuples(st.just("price"), st.sampled_from(["BTC", "ETH", "EUR"]), PRICES, st.just(0)),
    min_size=8,
    max_size=30,
)


class Model:
    """A clerk's books of one user: no code of the rules, and no decimals."""

    def __init__(self, rules: CopyRules, equity: Decimal) -> None:
        self.rules, self.equity = rules, F(equity)
        self.dollars = {"USD": F(1), "BTC": F(100), "ETH": F(100), "EUR": F(1)}
        self.held: dict[str, Fraction] = defaultdict(Fraction)
        #: What the held volume was paid, by coin and the quote that it was paid in.
        self.paid: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        self.days: dict[int, dict[str, tuple[str, Fraction]]] = defaultdict(dict)
        self.on_way: dict[str, tuple[str, Fraction]] = {}

    def left(self, pair: str, worst: Fraction, day: int) -> Fraction | None:
        """What the tightest cap leaves for an entry, in dollars; None where there is none."""
        base, quote = pair.split("/")
        to_dollars = self.dollars[quote]
        worth = self.held[base] * worst * to_dollars
        rooms: list[Fraction] = []
        for key in (
            "max_position_notional",
            "max_position_share",
            "max_gross_exposure",
            "max_daily_notional",
        ):
            limit = getattr(self.rules, key)
            if limit is None:
                continue
            most = F(limit.amount) if isinstance(limit, Money) else F(limit) * self.equity
            match key:
                case "max_position_notional":
                    paid = sum(cost * self.dollars[coin] for coin, cost in self.paid[base].items())
                    used = max(F(paid), worth)
                case "max_position_share":
                    used = worth
                case "max_gross_exposure":
                    others = (v * self.dollars[coin] for coin, v in self.held.items() if coin != base)
                    coming = (cost * self.dollars[of.split("/")[1]] for of, cost in self.on_way.values())
                    used = worth + sum(others, F(0)) + sum(coming, F(0))
                case _:
                    used = sum(
                        (cost * self.dollars[of.split("/")[1]] for of, cost in self.days[day].values()), F(0)
                    )
            rooms.append(max(most - used, F(0)))
        if self.rules.max_orders_per_day is not None and len(self.days[day]) >= self.rules.max_orders_per_day:
            rooms.append(F(0))
        coins = {coin for coin, v in self.held.items() if v >= LOT} | {
            of.split("/")[0] for of, _ in self.on_way.values()
        }
        if self.rules.max_open_pairs is not None and len(coins | {base}) > max(
            self.rules.max_open_pairs, len(coins) if base in coins else 0
        ):
            rooms.append(F(0))
        return min(rooms, default=None)


@settings(max_examples=300)
@given(SHARE_CAPS, st.integers(100, 20_000).map(D), STEPS)
def test_no_entry_is_larger_than_the_tightest_cap_allows_and_none_is_smaller(
    caps: dict[str, Any], equity: Decimal, steps: list[tuple[str, str, Any, Any]]
) -> None:
    rules = replace(ONE_TO_ONE, **caps)
    anna, model = CappedUser(rules, equity=equity), Model(rules, equity)
    anna.dollars |= {"BTC": D(100), "ETH": D(100), "EUR": D(1)}
    for kind, name, first, second in steps:
        base = name.partition("/")[0]
        of_base = [copy_id for copy_id in anna.orders if anna.copies[copy_id].pair.partition("/")[0] == base]
        match kind:
            case "buy" if not of_base:
                _enter(anna, model, name, first, second)
            case "sell" if not of_base and anna.master.position.get(base) and model.held[base]:
                sold = (anna.master.position[base] * first / 100).quantize(D("0.0001"))
                if sold:
                    before = model.held[base]
                    exit_of = anna.sells(sold, second, name)
                    assert exit_of.reason is not Reason.CAP_EXHAUSTED
                    if isinstance(exit_of, Order):
                        part = F(exit_of.volume.amount)
                        anna.ends(f"c{anna.master.seq}", price=second)
                        model.held[base] = F(anna.book.coins.volume(base))
                        share = 1 - part / before if before else F(0)
                        if not model.held[base]:
                            share = F(0)
                        for coin in model.paid[base]:
                            model.paid[base][coin] *= share
                        # What came in is money again, or a part of it was another coin's.
            case "end" if anna.orders:
                _end(anna, model, min(anna.orders), first, second)
            case "day":
                anna.day += 1
            case "restart":
                anna.restart()
            case "price":
                anna.dollars[name], model.dollars[name] = first, F(first)


def _enter(anna: CappedUser, model: Model, name: str, wanted: Decimal, price: Decimal) -> None:
    quote = name.partition("/")[2]
    worst = F(price) * F(101, 100)
    decision = anna.buys(wanted, price, name)
    own_cap = model.equity / model.dollars[quote] / worst
    left = model.left(name, worst, anna.day)
    allowed = min(F(wanted), own_cap // LOT * LOT)
    bound = allowed if left is None else min(allowed, left / model.dollars[quote] / worst)
    bought = F(decision.volume.amount) if isinstance(decision, Order) else F(0)
    assert bound - LOT - F(1, 10**9) < bought <= bound + F(1, 10**9), (decision, float(bound))
    if isinstance(decision, Order):
        assert decision.limit_price is not None
        cost = bought * F(decision.limit_price.amount)
        copy_id = f"c{anna.master.seq}"
        model.on_way[copy_id] = (name, cost)
        model.days[anna.day][copy_id] = (name, cost)
    else:
        assert decision.reason in {Reason.CAP_EXHAUSTED, Reason.BELOW_ORDERMIN, Reason.NOTHING_LEFT_OF_ORDER}


def _end(anna: CappedUser, model: Model, copy_id: str, percent: int, slip: int) -> None:
    copy = anna.copies[copy_id]
    base, quote = copy.pair.split("/")
    filled = (copy.ordered * percent / 100).quantize(D("0.0001"), rounding="ROUND_DOWN")
    assert copy.limit_price is not None
    cost = anna.ends(copy_id, filled, copy.limit_price - slip)
    del model.on_way[copy_id]
    for day in model.days.values():
        if copy_id in day:
            day[copy_id] = (copy.pair, F(cost))
    model.held[base] += F(filled)
    if filled:
        model.paid[base][quote] += F(cost)
