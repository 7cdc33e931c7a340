"""What there is when an entry is decided about, and what there would be after some that are only planned."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.copying.holdings import Holdings
from krakencopy.account_proc.domain.quantities import QuoteAmount
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import BTC, NOW
from tests.support.copying_user import copying
from tests.support.scripted_kraken import run


def test_cash_and_equity_are_the_accounts_and_of_a_trial_less_what_it_spent(ledger: Ledger) -> None:
    rules = CopyRules(sizing=Sizing.FIXED_NOTIONAL, notional=Decimal(5), notional_asset="BTC")

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            holdings = Holdings(user.context)
            found = holdings.of(BTC, (), NOW)
            assert (found.equity, found.cash) == (QuoteAmount(Decimal(100)), QuoteAmount(Decimal(100)))
            assert found.notional == QuoteAmount(Decimal(250_000))
            trial = holdings.trial()
            assert trial.made is None
            trial.spent["USD"] = Decimal(30)
            assert holdings.of(BTC, (), NOW, trial).cash == QuoteAmount(Decimal(70))

    run(steps())


def test_prices_are_looked_up_where_they_are_needed_or_asked_for(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            holdings = Holdings(user.context)
            assert holdings.of(BTC, (), NOW).rate("USD") is None
            assert holdings.of(BTC, (), NOW, priced=True).rate("USD") == 1

    run(steps())


def test_caps_are_those_in_use_or_of_the_trial(ledger: Ledger) -> None:
    rules = replace(CopyRules(), max_daily_notional=Money(Decimal(20), "USD"))

    async def steps() -> None:
        async with copying(ledger, rules=rules) as user:
            holdings = Holdings(user.context)
            caps = user.context.by_pair.of("BTC/USD").caps
            found, trial = holdings.of(BTC, caps, NOW).caps, holdings.trial()
            tried = holdings.of(BTC, caps, NOW, trial).caps
            assert found is not None
            assert tried is not None
            assert (found.book, tried.book, tried.made) == (user.book, trial.book, trial.made)

    run(steps())
