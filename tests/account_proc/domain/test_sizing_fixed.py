"""Copies of a fixed ratio and of a fixed amount."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import Decision, Order, Skip, UserBalances
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import BaseVolume, QuoteAmount
from krakencopy.account_proc.domain.sizing import decide
from tests.support.copying import (
    BTC,
    NOW,
    PLENTY,
    Follower,
    MemoryPlans,
    TradingMaster,
)
from tests.support.entries import (
    NO_MINIMUM,
    assert_is_share,
    batches_of_fills,
    bought,
    prices,
    risks,
)


@given(batches_of_fills, risks)
def test_a_fixed_ratio_scales_the_masters_volume_whatever_anyone_owns(
    batches: list[list[Decimal]], ratio: Decimal
) -> None:
    rules = CopyRules(sizing=Sizing.FIXED_RATIO, ratio=ratio, max_user_risk=Decimal(1))
    user = Follower(rules=rules, equity=Decimal(10) ** 9, pair=NO_MINIMUM)
    total = bought(user, TradingMaster(equity=Decimal(0)), batches, Decimal("0.1"))
    assert_is_share(total, Fraction(sum(map(sum, batches))) * Fraction(ratio), NO_MINIMUM)


@given(batches_of_fills, prices, st.integers(1, 5_000).map(Decimal))
def test_a_fixed_notional_is_bought_once_for_each_master_order(
    batches: list[list[Decimal]], price: Decimal, notional: Decimal
) -> None:
    rules = CopyRules(sizing=Sizing.FIXED_NOTIONAL, notional=notional, max_slippage_bps=0)
    user = Follower(rules=rules, equity=Decimal(20_000), pair=NO_MINIMUM)
    total = bought(user, TradingMaster(), batches, price)
    assert_is_share(total, min(Fraction(notional), Fraction(2_000)) / Fraction(price), NO_MINIMUM)


def test_a_later_fill_of_a_fixed_notional_has_nothing_left() -> None:
    rules = CopyRules(sizing=Sizing.FIXED_NOTIONAL, notional=Decimal(5))
    user, master = Follower(rules=rules), TradingMaster()
    assert user.ordered(master.buy("O1", "1", "50000")).volume.amount == Decimal("0.0001")
    (skip,) = user.decide(master.buy("O1", "1", "50000")).decisions
    assert isinstance(skip, Skip)
    assert skip.reason is Reason.NOTHING_LEFT_OF_ORDER
    assert user.ordered(master.buy("O2", "1", "50000")).volume.amount == Decimal("0.0001")


CROSS = replace(
    BTC,
    altname="ETHXBT",
    name="ETH/BTC",
    base="ETH",
    quote="BTC",
    ordermin=Decimal("0.0001"),
    costmin=Decimal(0),
)


IN_DOLLARS = CopyRules(
    sizing=Sizing.FIXED_NOTIONAL,
    notional=Decimal(50),
    notional_asset="USD",
    max_slippage_bps=0,
    max_user_risk=Decimal(1),
)


def decided(rules: CopyRules, notional: str | None, pair: PairRules = CROSS) -> Decision:
    """What a rich user makes of the master's entry; ``notional``: what its amount is worth in the quote."""
    holdings = UserBalances(
        equity=QuoteAmount(PLENTY), cash=QuoteAmount(PLENTY), base=BaseVolume(PLENTY),
        notional=None if notional is None else QuoteAmount(Decimal(notional)),
    )  # fmt: skip
    fill = TradingMaster().buy("O1", "1", "0.04", pair)
    (decision,) = decide(CopyBook(MemoryPlans()), [fill], pair, rules, holdings, NOW).decisions
    return decision


def test_a_notional_in_another_currency_is_what_it_is_worth_in_the_quote() -> None:
    decision = decided(IN_DOLLARS, "0.001")
    assert isinstance(decision, Order)
    assert decision.volume.amount == Decimal("0.025")


def test_a_notional_whose_worth_is_not_known_buys_nothing_and_is_not_carried() -> None:
    decision = decided(IN_DOLLARS, None)
    assert isinstance(decision, Skip)
    assert (decision.reason, decision.detail) == (Reason.NO_MARK, "what 50 USD are in BTC is not known")


@pytest.mark.parametrize(
    ("pair", "is_money"), [(CROSS, False), (BTC, True), (replace(CROSS, name="ETH/USDT"), True)]
)
def test_a_notional_without_a_currency_is_taken_where_the_quote_is_money(
    pair: PairRules, is_money: bool
) -> None:
    decision = decided(replace(IN_DOLLARS, notional_asset=""), None, pair)
    assert isinstance(decision, Order) == is_money
    assert is_money or decision.reason is Reason.NOTIONAL_NEEDS_CURRENCY
