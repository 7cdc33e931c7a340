"""How much of a strategy's intent is ordered: never more than its risk, the cash and what it holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.strategy.api import OrderIntent
from krakencopy.account_proc.strategy.risk import allowed
from krakencopy.account_proc.trading.broker import Holdings, Market, Quote
from tests.support.strategy_user import BUY, LIMITS, PAIR, SELL

MARKET = Market(
    name=PAIR,
    base="BTC",
    quote="USD",
    lot=Decimal("0.00000001"),
    tick=Decimal("0.1"),
    ordermin=Decimal("0.00005"),
    costmin=Decimal("0.5"),
)
QUOTE = Quote(bid=Decimal(49_999), ask=Decimal(50_001), last=Decimal(50_000))

amounts = st.decimals(0, 1_000_000, places=4)
shares = st.decimals("0.0001", 1, places=4)


@given(
    amounts,
    amounts,
    amounts,
    amounts,
    st.one_of(shares.map(lambda s: ("share", s)), amounts.map(lambda v: ("volume", v))),
)
def test_an_entry_never_costs_more_than_the_risk_or_the_cash_and_is_in_whole_lots(
    equity: Decimal, cash: Decimal, held: Decimal, cost: Decimal, wanted: tuple[str, Decimal]
) -> None:
    intent = OrderIntent(pair=PAIR, side=Side.BUY, **{wanted[0]: wanted[1]})  # type: ignore[arg-type]  # one of two names
    holdings = Holdings(equity=equity, cash=cash, base=held)
    verdict = allowed(intent, MARKET, holdings, held, cost, QUOTE, LIMITS)
    worst = verdict.volume * QUOTE.ask * Decimal("1.005")
    if verdict.volume:
        assert worst <= equity * LIMITS.risk - cost
        assert worst <= cash
        assert verdict.volume % MARKET.lot == 0
        assert verdict.volume >= MARKET.ordermin
    else:
        assert verdict.reason
    if wanted[0] == "volume":
        assert verdict.volume <= wanted[1]


@given(amounts, amounts, st.one_of(shares.map(lambda s: ("share", s)), amounts.map(lambda v: ("volume", v))))
def test_an_exit_never_sells_what_the_strategy_did_not_buy(
    held: Decimal, base: Decimal, wanted: tuple[str, Decimal]
) -> None:
    intent = OrderIntent(pair=PAIR, side=Side.SELL, **{wanted[0]: wanted[1]})  # type: ignore[arg-type]  # one of two names
    verdict = allowed(
        intent, MARKET, Holdings(equity=None, cash=Decimal(0), base=base), held, Decimal(0), QUOTE, LIMITS
    )
    assert verdict.volume <= min(held, base)


@pytest.mark.parametrize(
    ("intent", "equity", "says"),
    [
        (OrderIntent(pair=PAIR, side=Side.BUY), Decimal(1000), "either volume or share"),
        (BUY, None, "equity is not known"),
        (OrderIntent(pair=PAIR, side=Side.BUY, volume=Decimal("0.00001")), Decimal(1000), "minimum"),
        (OrderIntent(pair=PAIR, side=Side.BUY, volume=Decimal(-1)), Decimal(1000), "nothing to order"),
        (SELL, Decimal(1000), "nothing to order"),
    ],
)
def test_what_is_not_ordered_has_a_reason(intent: OrderIntent, equity: Decimal | None, says: str) -> None:
    holdings = Holdings(equity=equity, cash=Decimal(1000), base=Decimal(1))
    verdict = allowed(intent, MARKET, holdings, Decimal(0), Decimal(0), QUOTE, LIMITS)
    assert not verdict.volume
    assert says in verdict.reason
