"""What a copy is sized on: the capital that is allocated to copying, and a multiplier on all of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import BalanceBasis, CopyRules, Sizing
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.domain.quantities import Side
from tests.support.copying import Follower, TradingMaster, only_order
from tests.support.entries import (
    UNCAPPED,
    assert_is_share,
    batches_of_fills,
    bought,
    bound,
    cents,
    pairs,
    prices,
    risks,
    volumes,
)

# -- allocated capital -------------------------------------------------------------------------------------


@given(
    volumes, prices, cents, cents, risks, pairs, cents | st.integers(1, 100).map(lambda n: f"{n}%"),
    st.sampled_from([Sizing.BALANCE_RATIO, Sizing.FIXED_RATIO]),
)  # fmt: skip
def test_ratio_and_risk_refer_to_what_is_allocated_and_never_to_more_than_is_there(
    volume: Decimal,
    price: Decimal,
    master_equity: Decimal,
    equity: Decimal,
    risk: Decimal,
    pair: PairRules,
    allocated: Decimal | str,
    sizing: Sizing,
) -> None:
    percent = isinstance(allocated, str)
    capital = Decimal(str(allocated).rstrip("%"))
    rules = CopyRules(
        sizing=sizing, ratio=Decimal(1), max_user_risk=risk, balance=BalanceBasis.ALLOCATED,
        allocated_capital=capital / 100 if percent else Money(capital, "USD"),
    )  # fmt: skip
    user = Follower(equity=equity, pair=pair, rules=rules, cash=Decimal(10) ** 15)
    verdict = user.decide(TradingMaster(equity=master_equity).buy("O1", volume, price, pair))
    base = Fraction(equity) * Fraction(capital) / 100 if percent else min(Fraction(capital), Fraction(equity))
    share = Fraction(volume) * (base / Fraction(master_equity) if sizing is Sizing.BALANCE_RATIO else 1)
    paid_for = base * Fraction(risk) / bound(price, rules.max_slippage_bps)
    order = only_order(verdict)
    asked = (order.volume.amount if order else Decimal(0)) + user.carried(Side.BUY)
    assert_is_share(asked, min(share, paid_for), pair)
    assert verdict.user_equity is not None
    assert Fraction(verdict.user_equity.amount) == base


def test_an_entry_is_skipped_while_nobody_knows_what_is_allocated() -> None:
    rules = CopyRules(balance=BalanceBasis.ALLOCATED, allocated_capital=Money(Decimal(50), "EUR"))
    user = Follower(rules=rules)
    (skip,) = user.decide(TradingMaster().buy("O1", "1", "100")).decisions
    assert skip.reason is Reason.NO_MARK
    assert skip.detail == "what allocated_capital = 50 EUR is in USD is not known"


# -- the multiplier ----------------------------------------------------------------------------------------


@given(
    batches_of_fills,
    prices,
    cents,
    cents,
    risks,
    pairs,
    st.integers(1, 10_000).map(lambda number: Decimal(number).scaleb(-2)),
)
def test_a_multiplier_scales_what_is_wanted_and_no_cap(
    batches: list[list[Decimal]],
    price: Decimal,
    master_equity: Decimal,
    equity: Decimal,
    risk: Decimal,
    pair: PairRules,
    times: Decimal,
) -> None:
    master = TradingMaster(equity=master_equity)
    rules = CopyRules(max_user_risk=risk, multiplier=times)
    user = Follower(equity=equity, pair=pair, rules=rules, cash=Decimal(10) ** 15)
    share = Fraction(sum(map(sum, batches))) * Fraction(equity) / Fraction(master_equity) * Fraction(times)
    paid_for = Fraction(equity) * Fraction(risk) / bound(price, rules.max_slippage_bps)
    assert_is_share(bought(user, master, batches, price), min(share, paid_for), pair)


def test_the_words_of_a_copy_say_its_multiplier() -> None:
    master, user = TradingMaster(equity=Decimal(1000)), Follower(rules=CopyRules(multiplier=Decimal("0.5")))
    order = user.ordered(master.buy("O1", "0.001", "50000"))
    assert (order.volume.amount, order.reason) == (Decimal("0.00005"), Reason.SCALED)
    assert order.detail.endswith("so 0.00005 (times the multiplier 0.5)")


def test_a_multiplier_scales_a_fixed_ratio_and_a_fixed_notional() -> None:
    for sizing, volume in (
        ({"sizing": Sizing.FIXED_RATIO, "ratio": Decimal("0.1")}, "0.0003"),
        ({"sizing": Sizing.FIXED_NOTIONAL, "notional": Decimal(2)}, "0.00012"),
    ):
        user = Follower(
            equity=Decimal(1000),
            rules=replace(UNCAPPED, multiplier=Decimal(3), **sizing),  # type: ignore[arg-type]
        )
        assert user.ordered(TradingMaster().buy("O1", "0.001", "50000")).volume.amount == Decimal(volume)
