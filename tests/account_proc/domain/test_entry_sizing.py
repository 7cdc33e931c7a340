"""How entries are sized: in proportion, within the cap of the whole master order, in whole lots, never
rounded up.

The model beside the code is the rule itself in fractions: the user's share of all that an order bought, or
what the cap pays for, whichever is less, cut to the lot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, OrderStyle
from krakencopy.account_proc.domain.copy_plan import Carry, MasterFill, Order, Skip
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying import (
    BTC,
    ETH,
    LOTS,
    Follower,
    TradingMaster,
    copy_id_of,
    cost_of,
    only_order,
    volume_of,
)
from tests.support.entries import (
    NO_MINIMUM,
    UNCAPPED,
    assert_is_share,
    batches_of_fills,
    bought,
    bound,
    cents,
    in_lots,
    pairs,
    prices,
    risks,
    slippages,
    volumes,
)


def test_a_user_with_a_tenth_of_the_money_buys_a_tenth() -> None:
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100))
    order = user.ordered(master.buy("O1", "0.001", "50000"))
    assert order.volume.amount * 50_000 == 5
    assert (order.reason, order.planned) == (Reason.SCALED, order.volume)


@given(batches_of_fills, prices, cents, cents, risks, slippages, pairs)
@example([[Decimal(3)]], Decimal("0.1"), Decimal(3), Decimal(1), Decimal(1), 0, LOTS)
@example([[Decimal(1)], [Decimal(1)]], Decimal(10), Decimal(100), Decimal(100), Decimal("0.0017"), 0, LOTS)
def test_a_master_order_is_copied_in_proportion_up_to_its_cap_however_it_was_filled(
    batches: list[list[Decimal]],
    price: Decimal,
    master_equity: Decimal,
    equity: Decimal,
    risk: Decimal,
    bps: int,
    pair: PairRules,
) -> None:
    master = TradingMaster(equity=master_equity)
    user = Follower(
        equity=equity,
        pair=pair,
        rules=CopyRules(max_user_risk=risk, max_slippage_bps=bps),
        cash=Decimal(10) ** 15,
    )
    share = Fraction(sum(map(sum, batches))) * Fraction(equity) / Fraction(master_equity)
    paid_for = Fraction(equity) * Fraction(risk) / bound(price, bps)
    assert_is_share(bought(user, master, batches, price), min(share, paid_for), pair)


@given(batches_of_fills, cents, cents, st.lists(st.none() | cents, min_size=5, max_size=5))
def test_the_ratio_of_an_order_is_that_of_its_first_fill_whatever_equity_does_later(
    batches: list[list[Decimal]], master_equity: Decimal, equity: Decimal, later: list[Decimal | None]
) -> None:
    master = TradingMaster(equity=master_equity)
    user = Follower(equity=equity, pair=NO_MINIMUM, rules=UNCAPPED, cash=Decimal(10) ** 15)
    total = Decimal(0)
    for batch, next_equity in zip(batches, later, strict=False):
        fills = [master.buy("O1", volume, "0.0000001", user.pair) for volume in batch]
        order = only_order(user.decide(*fills))
        if order is not None:
            total += order.volume.amount
            user.settle(order)
        master.equity, user.equity = master_equity * 7, next_equity or equity
    share = Fraction(sum(map(sum, batches))) * Fraction(equity) / Fraction(master_equity)
    assume(share * Fraction(1, 10**7) < Fraction(equity) * Fraction(199, 200))
    assert_is_share(total, share, NO_MINIMUM)


@given(st.lists(volumes, min_size=2, max_size=8), prices, cents, cents, risks)
def test_an_order_in_many_fills_and_the_same_order_in_one_are_copied_alike(
    fills: list[Decimal], price: Decimal, master_equity: Decimal, equity: Decimal, risk: Decimal
) -> None:
    def total(batches: list[list[Decimal]]) -> Decimal:
        user = Follower(equity=equity, pair=LOTS, rules=CopyRules(max_user_risk=risk), cash=Decimal(10) ** 15)
        return bought(user, TradingMaster(equity=master_equity), batches, price)

    whole, one_by_one, merged = (
        total([[sum(fills, Decimal(0))]]),
        total([[fill] for fill in fills]),
        total([fills]),
    )
    assert abs(whole - one_by_one) <= Decimal("0.01")
    assert merged == one_by_one


@given(st.lists(st.tuples(volumes, prices), min_size=1, max_size=8), cents, cents)
def test_merged_fills_at_different_prices_come_to_the_same_volume_as_single_ones(
    fills: list[tuple[Decimal, Decimal]], master_equity: Decimal, equity: Decimal
) -> None:
    share = sum(Fraction(volume) for volume, _ in fills) * Fraction(equity) / Fraction(master_equity)
    assume(share * bound(max(price for _, price in fills), 50) < equity)

    def user() -> Follower:
        return Follower(equity=equity, pair=NO_MINIMUM, rules=UNCAPPED)

    single, merged, master = user(), user(), TradingMaster(equity=master_equity)
    sent = [master.buy("O1", volume, price, NO_MINIMUM) for volume, price in fills]
    for fill in sent:
        single.copy(fill)
    merged.copy(*sent)
    assert single.position == merged.position
    assert_is_share(merged.position, share, NO_MINIMUM)


# -- the cap -----------------------------------------------------------------------------------------------


@dataclass
class _Step:
    order_id: str
    fills: list[tuple[Decimal, Decimal]]
    equity: Decimal
    filled: Fraction
    #: How far below the bound it was bought, in 1/100.
    better: int


steps = st.builds(
    _Step,
    order_id=st.sampled_from(["A", "B"]),
    fills=st.lists(st.tuples(volumes, st.integers(900, 1100).map(Decimal)), min_size=1, max_size=3),
    equity=st.integers(1, 10**6).map(Decimal),
    filled=st.sampled_from([Fraction(1), Fraction(1), Fraction(1, 3), Fraction(0)]),
    better=st.integers(0, 3),
)


@given(st.lists(steps, min_size=1, max_size=10), risks, slippages, pairs, st.sampled_from(OrderStyle))
@settings(max_examples=200)
def test_no_master_order_ever_costs_more_than_its_cap_at_the_worst_price_allowed(
    steps: list[_Step], risk: Decimal, bps: int, pair: PairRules, style: OrderStyle
) -> None:
    rules = CopyRules(max_user_risk=risk, max_slippage_bps=bps, order=style)
    master, user = TradingMaster(), Follower(pair=pair, rules=rules, cash=Decimal(10) ** 15)
    caps: dict[str, Fraction] = {}
    paid = {"A": Fraction(0), "B": Fraction(0)}
    for step in steps:
        user.equity = step.equity
        caps.setdefault(step.order_id, Fraction(step.equity) * Fraction(risk))
        fills = [master.buy(step.order_id, volume, price, pair) for volume, price in step.fills]
        order = only_order(user.decide(*fills))
        if order is None:
            continue
        lowest = min(fill.price.amount for fill in fills)
        worst = bound(lowest, bps)
        assert order.limit_price is not None
        assert worst - Fraction(pair.tick_size) < Fraction(order.limit_price.amount) <= worst
        for order_id, already in paid.items():
            part = Fraction(volume_of([piece for piece in order.slices if piece.order_id == order_id]))
            assert already + part * worst <= caps.get(order_id, 0) * (1 + Fraction(1, 10**20))
        filled = in_lots(Fraction(order.volume.amount) * step.filled, pair)
        price = lowest * (1 + Decimal(bps) / 10_000) * (100 - step.better) / 100
        user.settle(order, filled=filled, price=price)
        for piece in order.slices:
            share = Fraction(piece.volume.amount) / Fraction(order.volume.amount)
            paid[piece.order_id] += Fraction(filled) * Fraction(price) * share


def test_entries_of_several_prices_are_bound_by_the_lowest() -> None:
    master, user = TradingMaster(equity=Decimal(100)), Follower(equity=Decimal(100), pair=LOTS)
    fills = [master.buy("O1", "0.01", price, LOTS) for price in ("100.2", "100", "100.4")]
    limit = user.ordered(*fills).limit_price
    assert limit is not None
    assert limit.amount == Decimal("100.5")


def test_the_cap_holds_for_all_fills_of_an_order_together() -> None:
    master, user = TradingMaster(equity=Decimal(100)), Follower(equity=Decimal(100), pair=LOTS)
    first = user.ordered(master.buy("O1", "0.08", "100", LOTS))
    assert (first.reason, first.volume.amount) == (Reason.SCALED, Decimal("0.08"))
    user.settle(first, price=Decimal("100.5"))
    (second,) = user.decide(master.buy("O1", "0.08", "100", LOTS)).decisions
    assert isinstance(second, Order)
    assert (second.reason, second.volume.amount) == (Reason.CAPPED, Decimal("0.01"))
    assert "cap of 10" in second.detail
    user.settle(second, price=Decimal("100.5"))
    (third,) = user.decide(master.buy("O1", "0.08", "100", LOTS)).decisions
    assert isinstance(third, Skip)
    assert third.reason is Reason.CAP_EXHAUSTED


def test_what_was_paid_counts_and_not_what_was_feared() -> None:
    master = TradingMaster(equity=Decimal(100))
    user = Follower(equity=Decimal(100), pair=LOTS, rules=CopyRules(max_slippage_bps=5000))
    order = user.ordered(master.buy("O1", "1", "100", LOTS))
    assert order.volume.amount == Decimal("0.06")  # 10 at 150
    user.settle(order, price=Decimal(100))
    again = user.ordered(master.buy("O1", "1", "100", LOTS))
    assert again.volume.amount == Decimal("0.02")  # 4 at 150


def test_a_refused_order_gives_its_room_back() -> None:
    master, user = TradingMaster(equity=Decimal(100)), Follower(equity=Decimal(100), pair=LOTS)
    order = user.ordered(master.buy("O1", "1", "100", LOTS))
    user.settle(order, filled=Decimal(0))
    assert user.ordered(master.buy("O1", "1", "100", LOTS)).volume == order.volume


def test_lots_that_waited_while_the_price_rose_are_cut_to_the_cap_of_their_order() -> None:
    pair = replace(LOTS, ordermin=Decimal("0.1"))
    master, user = TradingMaster(equity=Decimal(100)), Follower(equity=Decimal(100), pair=pair)
    (carry,) = user.decide(master.buy("O1", "0.09", "100", pair)).decisions
    assert isinstance(carry, Carry)
    order = user.ordered(master.buy("O2", "0.09", "120", pair))
    # 10 at 120.6 for each of the two.
    assert {piece.order_id: str(piece.volume) for piece in order.slices} == {"O1": "0.08", "O2": "0.08"}
    assert order.carried_in == ("c1",)


# -- small orders ------------------------------------------------------------------------------------------


@dataclass
class _Small:
    order_id: str
    side: Side
    volume: Decimal
    price: Decimal


smalls = st.builds(
    _Small,
    order_id=st.sampled_from("ABC"),
    side=st.sampled_from([Side.BUY, Side.BUY, Side.SELL]),
    volume=st.integers(1, 200_000).map(lambda number: Decimal(number).scaleb(-8)),
    price=st.integers(5_000, 50_000).map(Decimal),
)


@given(st.lists(st.lists(smalls, min_size=1, max_size=4), min_size=1, max_size=12))
def test_nothing_below_a_minimum_is_ordered_and_nothing_is_ordered_twice(runs: list[list[_Small]]) -> None:
    master, user = TradingMaster(equity=Decimal(10**6)), Follower(equity=Decimal(600_000))
    answered: list[int] = []
    waiting: set[str] = set()
    for run in runs:
        side = run[0].side
        fills = [
            master.fill(f"{side}{small.order_id}", side, small.volume, small.price)
            for small in run
            if side is Side.BUY or small.volume <= master.position.get(BTC.base, 0)
        ]
        if not fills:
            continue
        before = user.carried(side)
        verdict = user.copy(*fills)
        for gone in verdict.exited_copies:
            waiting.remove(gone)
        for decision in verdict.decisions:
            answered += [fill.seq for fill in decision.fills]
            if isinstance(decision, Order):
                assert decision.volume.amount >= BTC.ordermin
                assert decision.volume.amount * fills[-1].price.amount >= BTC.costmin
                assert len(set(decision.carried_in)) == len(decision.carried_in)
                for joined in decision.carried_in:
                    waiting.remove(joined)
                assert user.carried(side) == 0
            if isinstance(decision, Carry):
                assert volume_of(decision.slices) > 0
                assert user.carried(side) == before + volume_of(decision.slices)
                waiting.add(copy_id_of(decision.fills))
        in_book = {piece.copy_id for pieces in user.book.carried.values() for piece in pieces}
        assert in_book == waiting
    assert sorted(answered) == list(range(1, master.seq + 1))


def test_a_small_entry_waits_and_joins_the_next_of_its_pair_and_side() -> None:
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(10), rules=UNCAPPED)
    (carry,) = user.decide(master.buy("O1", "0.004", "50000")).decisions
    assert isinstance(carry, Carry)
    assert (carry.reason, carry.planned.amount) == (Reason.BELOW_ORDERMIN, Decimal("0.00004"))
    user.pair = ETH
    elsewhere = user.ordered(master.buy("O2", "1", "50", ETH))
    assert elsewhere.carried_in == ()
    user.pair = BTC
    order = user.ordered(master.buy("O3", "0.001", "50000"))
    assert order.volume.amount == order.planned.amount == Decimal("0.00005")
    assert order.carried_in == ("c1",)
    assert [piece.order_id for piece in order.slices] == ["O1", "O3"]
    assert user.carried(Side.BUY) == 0


def test_a_cheap_entry_waits_for_the_least_cost() -> None:
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100))
    (carry,) = user.decide(master.buy("O1", "0.001", "4000")).decisions
    assert isinstance(carry, Carry)
    assert carry.reason is Reason.BELOW_COSTMIN
    # A later fill of the same order, for which the cheap one makes up the rest.
    assert user.ordered(master.buy("O1", "0.0005", "4000")).carried_in == ("c1",)


def test_a_fill_that_adds_no_whole_lot_is_skipped_and_not_carried_for_ever() -> None:
    pair = replace(LOTS, ordermin=Decimal(1))
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(100), pair=pair)
    first, second, third = (
        user.decide(master.buy("O1", volume, "1", pair)).decisions[0] for volume in ("1", "0.05", "0.05")
    )
    assert isinstance(first, Carry)
    assert isinstance(second, Skip)
    assert second.reason is Reason.NOTHING_LEFT_OF_ORDER
    assert isinstance(third, Carry)  # the two halves make a lot
    assert user.carried(Side.BUY) == Decimal("0.11")


# -- cash --------------------------------------------------------------------------------------------------


@given(volumes, prices, cents, slippages)
def test_an_entry_never_costs_more_than_the_cash_and_the_highest_fee(
    volume: Decimal, price: Decimal, cash: Decimal, bps: int
) -> None:
    rules = CopyRules(max_user_risk=Decimal(1), max_slippage_bps=bps)
    user = Follower(equity=Decimal(10) ** 9, rules=rules, cash=cash)
    (decision,) = user.decide(TradingMaster(equity=Decimal(10) ** 9).buy("O1", volume, price)).decisions
    if isinstance(decision, Order):
        cost = Fraction(decision.volume.amount) * bound(price, bps)
        assert cost * Fraction("1.008") <= Fraction(cash)
        limited = decision.volume < decision.planned
        assert limited == (decision.reason is Reason.CASH_LIMITED)
        lot = Fraction(1, 10**BTC.lot_decimals)
        assert not limited or cost + lot * bound(price, bps) > Fraction(cash) * Fraction("0.99")


def test_an_entry_for_which_the_cash_does_not_reach_is_skipped_and_takes_no_room() -> None:
    master, user = TradingMaster(equity=Decimal(1000)), Follower(equity=Decimal(1000), cash=Decimal(1))
    (skip,) = user.decide(master.buy("O1", "0.002", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.CASH_LIMITED
    assert user.carried(Side.BUY) == 0
    user.cash = Decimal(1000)
    order = user.ordered(master.buy("O1", "0.0019", "50000"))
    assert (order.reason, order.volume.amount) == (Reason.SCALED, Decimal("0.0019"))


# -- other ways to size ------------------------------------------------------------------------------------


def test_the_free_cash_may_be_what_a_trade_is_scaled_by() -> None:
    master = TradingMaster(equity=Decimal(1000), cash=Decimal(200))
    user = Follower(rules=CopyRules(balance=BalanceBasis.CASH), equity=Decimal(100), cash=Decimal(50))
    order = user.ordered(master.buy("O1", "0.0002", "50000"))
    assert order.volume.amount == Decimal("0.00005")  # 50 of 200, not 100 of 1000
    user.cash = Decimal(10)
    user.settle(order)
    assert user.ordered(master.buy("O1", "0.0002", "50000")).volume.amount == Decimal("0.00005")


def test_the_cap_is_a_share_of_equity_also_when_cash_scales() -> None:
    master = TradingMaster(equity=Decimal(1000), cash=Decimal(100))
    user = Follower(rules=CopyRules(balance=BalanceBasis.CASH), equity=Decimal(100), cash=Decimal(100))
    order = user.ordered(master.buy("O1", "0.001", "50000"))
    assert order.reason is Reason.CAPPED
    assert Decimal("9.99") < cost_of(order.slices) <= 10


@given(st.lists(volumes, min_size=1, max_size=4))
def test_what_is_planned_is_what_the_rules_asked_for_before_cash_cut_it(fills: list[Decimal]) -> None:
    master, user = TradingMaster(equity=Decimal(100)), Follower(rules=UNCAPPED, equity=Decimal(10))
    user.cash = Decimal("0.9")
    sent: list[MasterFill] = [master.buy("O1", volume, "0.1") for volume in fills]
    verdict = user.decide(*sent)
    order = only_order(verdict)
    if order is not None and order.reason is not Reason.CAPPED:
        assert order.planned.amount <= sum(fills, Decimal(0)) / 10
        assert order.volume <= order.planned
