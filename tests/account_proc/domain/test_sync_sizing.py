"""A user's share of what the master holds, against a model in fractions; within caps and bounds; nothing is
carried, and nothing is left behind by what is not bought.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Order, Skip, Slice, UserBalances
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Price, QuoteAmount, Side
from krakencopy.account_proc.domain.sync_sizing import (
    SyncAnswer,
    SyncItem,
    answer_item,
    items_from,
    items_text,
)
from tests.support.copying import BTC, NOW, MemoryPlans
from tests.support.sync_orders import RULES

ASK = Price(Decimal(50_000))
ITEM = SyncItem(
    number=1, as_of_seq=7, index=1, coin="BTC", pair="BTC/USD", volume=Decimal("0.1"),
    costs={"USD": Decimal(4_000)}, equity=Decimal(100_000), equity_asset="USD",
    cash={"USD": Decimal(50_000)}, source="resync", sells=True, taken_at=NOW,
)  # fmt: skip


def holdings(equity: str = "10000", cash: str = "10000") -> UserBalances:
    return UserBalances(
        equity=QuoteAmount(Decimal(equity)), cash=QuoteAmount(Decimal(cash)), base=BaseVolume(Decimal(0)),
        rate={"USD": Decimal(1), "EUR": Decimal("1.25")}.get,
    )  # fmt: skip


def book_with(volume: str = "0", cost: str = "1") -> CopyBook:
    book = CopyBook(MemoryPlans())
    if Decimal(volume):
        book.coins.bought(
            Exchanged(base="BTC", quote="USD", volume=Decimal(volume), cost=Decimal(cost), fees={})
        )
    return book


def answered(
    item: SyncItem = ITEM, rules: CopyRules = RULES, has: UserBalances | None = None,
    book: CopyBook | None = None, ask: Price = ASK,
) -> SyncAnswer:  # fmt: skip
    return answer_item(book or book_with(), item, BTC, rules, has or holdings(), ask, NOW)


def reason_of(answer: SyncAnswer) -> str:
    assert answer.decision is not None
    return answer.decision.reason


def test_the_share_is_the_masters_volume_times_the_ratio_of_the_two_equities() -> None:
    answer = answered()
    assert isinstance(answer.decision, Order)
    assert answer.decision.volume == BaseVolume(Decimal("0.01"))
    assert answer.target == BaseVolume(Decimal("0.01"))
    assert answer.decision.limit_price == Price(Decimal("50250.0"))
    assert "the master held 0.1 BTC with an equity of 100000 USD as of fill 7" in answer.decision.detail


def test_what_copying_holds_already_is_not_bought_again() -> None:
    answer = answered(book=book_with("0.004"))
    assert isinstance(answer.decision, Order)
    assert answer.decision.volume == BaseVolume(Decimal("0.006"))


@pytest.mark.parametrize(
    ("rules", "volume"),
    [
        (replace(RULES, multiplier=Decimal("0.5")), "0.005"),
        (replace(RULES, sizing=Sizing.FIXED_RATIO, ratio=Decimal("0.02")), "0.002"),
        (
            replace(
                RULES,
                sizing=Sizing.FIXED_NOTIONAL,
                notional=Decimal(100),
                notional_asset="",
                multiplier=Decimal(2),
            ),
            "0.004",
        ),
        (replace(RULES, balance=BalanceBasis.ALLOCATED, allocated_capital=Decimal("0.5")), "0.005"),
        # What the master had in cash before it bought: 50,000 left, as its item says.
        (replace(RULES, balance=BalanceBasis.CASH), "0.0196"),
    ],
)
def test_it_is_sized_as_the_users_entries_are(rules: CopyRules, volume: str) -> None:
    has = holdings(cash="9800") if rules.balance is BalanceBasis.CASH else holdings()
    answer = answered(rules=rules, has=has)
    assert isinstance(answer.decision, Order)
    assert answer.decision.volume == BaseVolume(Decimal(volume))


def test_a_fixed_notional_leaves_a_coin_that_is_held_as_it_is() -> None:
    rules = replace(RULES, sizing=Sizing.FIXED_NOTIONAL, notional=Decimal(100))
    assert reason_of(answered(rules=rules, book=book_with("0.001"))) == Reason.SYNC_NOT_NEEDED


def test_the_cap_of_an_order_holds_and_is_named() -> None:
    answer = answered(rules=replace(RULES, max_user_risk=Decimal("0.01")))
    assert isinstance(answer.decision, Order)
    assert answer.decision.reason == Reason.CAPPED
    assert answer.decision.volume * Price(Decimal(50_250)) <= QuoteAmount(Decimal(100))
    assert "max_user_risk" in answer.decision.detail


def test_only_what_is_not_worse_is_bought_and_never_above_what_the_master_has_paid() -> None:
    careful = replace(ITEM, not_worse=True)
    assert reason_of(answered(careful)) == Reason.SYNC_WORSE  # it paid 40,000
    answer = answered(replace(careful, costs={"USD": Decimal(5_010)}))
    assert isinstance(answer.decision, Order)
    assert answer.decision.limit_price == Price(Decimal("50100.0"))
    assert reason_of(answered(replace(careful, costs={}))) == Reason.SYNC_WORSE
    assert reason_of(answered(replace(careful, costs={"XYZ": Decimal(9_000)}))) == Reason.SYNC_WORSE
    # In another currency: 4,020 EUR are 5,025 USD.
    assert isinstance(answered(replace(careful, costs={"EUR": Decimal(4_020)})).decision, Order)


def test_what_copying_holds_beyond_its_share_is_sold_but_for_what_is_owed_already() -> None:
    book = book_with("0.03")
    assert answered(book=book).sell == BaseVolume(Decimal("0.02"))
    book.carry(
        "BTC/USD", Side.SELL, [Slice(order_id="", volume=BaseVolume(Decimal("0.005")), cost=NO_AMOUNT)], "x1"
    )
    assert answered(book=book).sell == BaseVolume(Decimal("0.015"))
    assert reason_of(answered(replace(ITEM, sells=False), book=book)) == Reason.SYNC_NOT_NEEDED


def test_of_a_coin_that_the_master_has_left_everything_is_sold() -> None:
    gone = replace(ITEM, volume=Decimal(0), costs={})
    assert answered(gone, book=book_with("0.03")).sell == BaseVolume(Decimal("0.03"))
    assert reason_of(answered(gone)) == Reason.SYNC_NOT_NEEDED


@pytest.mark.parametrize("held", ["0.0096", "0.0104"])
def test_what_is_near_enough_stays_as_it_is(held: str) -> None:
    answer = answered(book=book_with(held))
    assert (reason_of(answer), answer.sell) == (Reason.SYNC_NOT_NEEDED, BaseVolume(Decimal(0)))


def test_what_is_too_small_is_not_carried_and_leaves_nothing_behind() -> None:
    book = book_with()
    answer = answered(has=holdings(equity="10"), book=book)
    assert isinstance(answer.decision, Skip)
    assert answer.decision.reason == Reason.BELOW_ORDERMIN
    assert not book.carried
    plan = book.plans.get_plan(ITEM.order_id)
    assert plan is not None
    assert plan.cost == NO_AMOUNT


@pytest.mark.parametrize(
    ("item", "rules", "has", "reason"),
    [
        (replace(ITEM, equity=Decimal(0)), RULES, holdings(), Reason.MASTER_EQUITY_UNKNOWN),
        (replace(ITEM, equity_asset="XYZ"), RULES, holdings(), Reason.MASTER_EQUITY_UNKNOWN),
        (
            replace(ITEM, cash={}), replace(RULES, balance=BalanceBasis.CASH), holdings(),
            Reason.MASTER_EQUITY_UNKNOWN,
        ),
        (ITEM, RULES, replace(holdings(), equity=None), Reason.NO_EQUITY),
        (
            ITEM, replace(RULES, balance=BalanceBasis.ALLOCATED, allocated_capital=Money(Decimal(5), "XYZ")),
            holdings(), Reason.NO_MARK,
        ),
        (
            ITEM, replace(RULES, sizing=Sizing.FIXED_NOTIONAL, notional=Decimal(5), notional_asset="XYZ"),
            holdings(), Reason.NO_MARK,
        ),
        (
            ITEM, replace(RULES, min_copy_notional=Money(Decimal(600), "USD")), holdings(),
            Reason.BELOW_MIN_COPY,
        ),
        (ITEM, RULES, holdings(cash="1"), Reason.CASH_LIMITED),
    ],
)  # fmt: skip
def test_what_is_not_known_or_not_allowed_buys_nothing(
    item: SyncItem, rules: CopyRules, has: UserBalances, reason: Reason
) -> None:
    answer = answered(item, rules, has)
    assert isinstance(answer.decision, Skip)
    assert answer.decision.reason == reason


def test_who_refuses_is_said_and_does_not_keep_from_selling() -> None:
    refused = (Reason.TRADING_REDUCING, "exit-only")
    answer = answer_item(book_with(), ITEM, BTC, RULES, holdings(), ASK, NOW, refused=refused)
    assert reason_of(answer) == Reason.TRADING_REDUCING
    answer = answer_item(book_with("0.03"), ITEM, BTC, RULES, holdings(), ASK, NOW, refused=refused)
    assert answer.sell == BaseVolume(Decimal("0.02"))


def test_items_are_kept_as_they_are() -> None:
    assert items_from(items_text([ITEM, replace(ITEM, index=2, coin="ETH")])) == [
        ITEM,
        replace(ITEM, index=2, coin="ETH"),
    ]


amounts = st.decimals("0.001", "1000", places=3)


@given(
    master=st.decimals("0.001", "50", places=8), master_equity=st.decimals("100", "1000000", places=2),
    equity=st.decimals("100", "1000000", places=2), held=st.decimals("0", "5", places=8),
    price=st.decimals("1", "90000", places=1), multiplier=st.decimals("0.1", "5", places=1),
    risk=st.decimals("0.01", "1", places=2),
)  # fmt: skip
def test_it_never_leaves_the_share_nor_the_cap(
    master: Decimal, master_equity: Decimal, equity: Decimal, held: Decimal, price: Decimal,
    multiplier: Decimal, risk: Decimal,
) -> None:  # fmt: skip
    item = replace(ITEM, volume=master, equity=master_equity)
    rules = CopyRules(max_user_risk=risk, multiplier=multiplier)
    book = book_with(str(held))
    answer = answered(item, rules, holdings(str(equity), str(equity)), book, Price(price))
    target = Fraction(master) * Fraction(equity) / Fraction(master_equity) * Fraction(multiplier)
    if master < BTC.ordermin:
        target = Fraction(0)
    slack = Fraction(1, 10**10) * (1 + target)
    assert answer.target is not None
    assert abs(Fraction(answer.target.amount) - target) <= slack
    if answer.sell:
        after = Fraction(held) - Fraction(answer.sell.amount)
        assert abs(after - target) <= slack
        assert Fraction(held) > target
    elif isinstance(answer.decision, Order):
        bought = Fraction(answer.decision.volume.amount)
        worst = Fraction(price) * Fraction(10_050, 10_000)
        cap = Fraction(equity) * Fraction(risk)
        wanted = target - Fraction(held)
        assert bought <= wanted + slack
        assert bought * worst <= cap + slack
        # Whole lots below the smallest of what is wanted, the cap, and the cash without the fee's reserve.
        most = min(wanted, cap / worst, Fraction(equity) * Fraction(99, 100) / worst)
        assert bought > most - Fraction(2, 10**8) - slack
    else:
        assert isinstance(answer.decision, Skip)
        small = Fraction(BTC.ordermin) * Fraction(price)
        if answer.decision.reason == Reason.SYNC_NOT_NEEDED:
            assert abs(target - Fraction(held)) <= target / 20 + slack
        else:
            wanted = min(target - Fraction(held), Fraction(equity) * Fraction(risk) / Fraction(price))
            assert wanted * Fraction(price) < max(small, Fraction(1)) * Fraction(102, 100)
