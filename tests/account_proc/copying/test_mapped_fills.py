"""A user's copies are traded in another quote than the master's: sizes, bounds and reasons follow the rate,
exits bring in what was spent, and what the map cannot mean is said and bought by nobody.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules, Sizing
from krakencopy.account_proc.copying import mapped_fills as module
from krakencopy.account_proc.copying.asked_fills import Asked, Outcome
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.mapped_user import DOLLARS, EUROS, TO_EUROS, Mapped, listed, mapped_user
from tests.support.scripted_kraken import run, until
from tests.support.trading_states import order_flatten

BOUGHT, SOLD = ("buy", "BTC/EUR", "0.0001"), ("sell", "BTC/EUR", "0.0001")


def copy_of(user: Mapped, number: int = 1) -> tuple[str, str, str, str]:
    copy = user.copy(number)
    return copy.state, copy.reason, copy.pair, copy.master_pair


def test_a_user_with_euros_follows_a_master_with_dollars_in_and_out(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade()
            await user.done()
            user.trade(Side.SELL)
            await user.done()
            assert user.orders == [BOUGHT, SOLD]
            # 50000 dollars at 0.8 euros for a dollar, and half a percent.
            assert [order.get("price") for order in user.kraken.sent] == ["40200", None]
            assert copy_of(user) == (CopyState.FILLED, "SCALED", "BTC/EUR", "BTC/USD")
            copy = user.copy()
            assert copy.detail.startswith("BTC/USD is copied in BTC/EUR at 0.8 EUR for a USD; ")
            assert list(map(int, (copy.master_price, copy.user_equity, copy.cost))) == [40_000, 80, 4]
            assert copy_of(user, 2) == (CopyState.FILLED, "EXIT_FULL", "BTC/EUR", "BTC/USD")
            assert user.held() == 0
            assert copy.to_proto("anna").master_pair == "BTC/USD"

    run(steps())


def test_of_several_patterns_the_most_specific_counts_and_what_none_means_stays(ledger: Ledger) -> None:
    rules = CopyRules(map={"*/USD": "*/GBP", "BTC/USD": "*/EUR", "ETH/*": "ETH/USD"})

    async def steps() -> None:
        async with mapped_user(ledger, rules, listed("BTC/EUR", "ETH/EUR", "EUR/USD")) as user:
            for pair in ("BTC/USD", "ETH/EUR", "BTC/EUR", "SOL/USD"):
                user.trade(pair=pair, marks={"EUR": DOLLARS, "USD": "0.8"})
                await user.done()
            pairs = [copy.pair for copy in user.copies]
            assert pairs == ["BTC/EUR", "ETH/USD", "BTC/EUR", "SOL/GBP"]
            last = user.copy(4)
            assert last.reason == "UNKNOWN_PAIR"
            assert "SOL/GBP is not listed at the exchange, and SOL/USD is copied in it (map)" in last.detail

    run(steps())


def test_without_a_rate_nothing_is_bought_and_an_exit_is_owed_until_there_is_one(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, pairs=listed("BTC/EUR")) as user:
            user.trade()
            await user.done()
            user.portfolio.prices.marks = type(user.portfolio.prices.marks)()
            user.trade(marks={})
            await user.done()
            assert copy_of(user, 2)[:2] == (CopyState.SKIPPED, "NO_MARK")
            assert "what a USD is worth in EUR is not known" in user.copy(2).detail
            user.trade(Side.SELL, marks={})
            assert copy_of(user, 3) == (CopyState.CARRIED, "NO_MARK", "BTC/EUR", "BTC/USD")
            assert user.orders == [BOUGHT]
            user.start_selling()
            await until(lambda: not user.held())
            assert user.orders == [BOUGHT, SOLD]

    run(steps())


@pytest.mark.parametrize(("age_s", "reason"), [(-1.0, "SCALED"), (1.0, "NO_MARK")])
def test_where_no_rate_comes_with_a_fill_the_users_own_counts_unless_it_is_old(
    ledger: Ledger, age_s: float, reason: str
) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.portfolio.prices.marks.set("EUR", "USD", Decimal(DOLLARS))
            user.now = user.portfolio.read_at + module.RATE_AGE_MAX_S + age_s
            user.trade(marks={})
            await user.done()
            assert user.copy().reason == reason

    run(steps())


def test_filters_are_about_the_masters_pair_and_rules_and_caps_about_that_of_the_copies(
    ledger: Ledger,
) -> None:
    rules = replace(
        TO_EUROS, include=("*/USD",), exclude=("ETH/USD", "BTC/EUR"),
        pairs={"BTC/EUR": {"multiplier": Decimal(2)}, "BTC/USD": {"multiplier": Decimal(9)}},
        max_daily_notional=Money(Decimal(9), "USD"),
    )  # fmt: skip

    async def steps() -> None:
        async with mapped_user(ledger, rules) as user:
            user.trade()
            await user.done()
            user.trade(pair="ETH/USD")
            await user.done()
            assert copy_of(user, 2)[1] == "PAIR_EXCLUDED"
            assert 'entries in ETH/USD are not copied: exclude has "ETH/USD"' in user.copy(2).detail
            # Twice the master's, and nine dollars are 7.2 euros, at 40200 each.
            assert user.copy().reason == "CAPPED"
            assert user.orders == [("buy", "BTC/EUR", "0.0001791")]

    run(steps())


def test_a_fixed_notional_and_a_fixed_ratio_need_no_balance_of_the_master(ledger: Ledger) -> None:
    async def steps() -> None:
        fixed = replace(TO_EUROS, sizing=Sizing.FIXED_NOTIONAL, notional=Decimal(5), notional_asset="USD")
        async with mapped_user(ledger, fixed) as user:
            user.trade()
            await user.done()
            # Five dollars are four euros.
            assert user.orders == [BOUGHT]
        ratio = replace(TO_EUROS, sizing=Sizing.FIXED_RATIO, ratio=Decimal("0.2"), max_user_risk=Decimal(1))
        async with mapped_user(ledger, ratio) as user:
            user.trade(master_equity="")
            await user.done()
            assert user.orders == [("buy", "BTC/EUR", "0.0002")]

    run(steps())


@pytest.mark.parametrize(
    ("rules", "pairs", "sold_in"),
    [
        (CopyRules(), EUROS, "BTC/EUR"),
        (CopyRules(map={"*/USD": "*/GBP"}), listed("BTC/EUR", "BTC/GBP"), "BTC/EUR"),
        # Where it is not listed any more, it goes wherever it can.
        (TO_EUROS, listed(), "BTC/USD"),
    ],
)
def test_what_is_held_is_sold_where_it_was_bought_whatever_became_of_the_map(
    ledger: Ledger, rules: CopyRules, pairs: dict[str, Any], sold_in: str
) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade()
            await user.done()
        async with mapped_user(ledger, rules, pairs) as again:
            again.trade(Side.SELL, marks={"EUR": DOLLARS})
            await again.done()
            assert again.orders == [("sell", sold_in, "0.0001")]
            assert again.held() == 0

    run(steps())


def test_what_was_bought_before_there_was_a_map_is_sold_where_it_was_bought(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, CopyRules(), ZUSD="100") as user:
            user.trade()
            await user.done()
        async with mapped_user(ledger) as again:
            again.trade(Side.SELL)
            await again.done()
            assert [order[1] for order in (*user.orders, *again.orders)] == ["BTC/USD", "BTC/USD"]

    run(steps())


def test_without_a_map_an_exit_goes_where_the_master_sells_once_it_has_bought_there(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade()
            await user.done()
        async with mapped_user(ledger, CopyRules(), ZUSD="100") as again:
            again.trade()
            await again.done()
            assert again.book.mapped == set()
            again.trade(Side.SELL)
            await again.done()
            assert [order[:2] for order in again.orders] == [("buy", "BTC/USD"), ("sell", "BTC/USD")]
        assert ledger.load_book().mapped == set()

    run(steps())


def test_an_order_of_the_master_goes_on_where_its_first_fill_went(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade(order_id="O")
            await user.done()
        async with mapped_user(ledger, CopyRules()) as again:
            again.trade(order_id="O")
            again.trade(order_id="P")
            await again.done()
            assert [copy.pair for copy in again.copies] == ["BTC/EUR", "BTC/EUR", "BTC/USD"]

    run(steps())


SMALL = replace(TO_EUROS, sizing=Sizing.FIXED_RATIO, ratio=Decimal("0.03"))


def test_what_is_carried_goes_with_the_next_fill_in_the_pair_of_the_copies(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, SMALL) as user:
            user.trade()
            await user.done()
            assert copy_of(user)[:3] == (CopyState.CARRIED, "BELOW_ORDERMIN", "BTC/EUR")
        async with mapped_user(ledger, SMALL) as again:
            # Filters are about the master's pair: this one lets dollars in.
            again.trade()
            await again.done()
            assert again.orders == [("buy", "BTC/EUR", "0.00006")]
            assert again.copy().joined_copy_id == "c2"

    run(steps())


@pytest.mark.parametrize(
    ("rules", "reason", "words"),
    [
        (CopyRules(), "MAP_CHANGED", "given up, as BTC/USD is copied in BTC/USD from now on (map)"),
        (replace(SMALL, exclude=("BTC/USD",)), "PAIR_EXCLUDED", 'exclude has "BTC/USD"'),
        (replace(SMALL, exclude=("BTC/EUR",)), "BELOW_ORDERMIN", "0.00003"),
        (replace(SMALL, include=("*/USD",)), "BELOW_ORDERMIN", "0.00003"),
    ],
)
def test_what_is_carried_is_given_up_where_no_fill_takes_it_along_any_more(
    ledger: Ledger, rules: CopyRules, reason: str, words: str
) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, SMALL) as user:
            user.trade()
            await user.done()
        async with mapped_user(ledger, rules) as again:
            copy = again.copy()
            assert copy.reason == reason
            assert words in copy.detail
            assert bool(again.book.carried) == (reason == "BELOW_ORDERMIN")

    run(steps())


def test_fills_of_two_quotes_that_lead_to_one_pair_are_not_one_order(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger, CopyRules(map={"*/*": "*/EUR"})) as user:
            user.kraken.held["AddOrder"] = held = asyncio.Event()
            user.trade()
            user.trade()
            user.trade()
            user.trade(pair="BTC/EUR", marks={"USD": "0.8"}, price="40000")
            held.set()
            await user.done()
            assert [copy.fill_seqs for copy in user.copies] == [(1,), (2, 3), (4,)]
            assert {copy.pair for copy in user.copies} == {"BTC/EUR"}

    run(steps())


def test_a_coin_that_gets_another_name_is_mapped_and_sold_under_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade()
            await user.done()
            user.kraken.held["AddOrder"] = held = asyncio.Event()
            user.trade()
            user.trade()
            user.copier.rename_coin(1, "BTC", "XBTC")
            assert user.book.mapped == {"XBTC"}
            assert [fill.pair for fill in user.copier._turns.fills_waiting("XBTC")] == ["XBTC/EUR"]
            assert [fill.master_pair for fill in user.copier._turns.fills_waiting("XBTC")] == ["XBTC/USD"]
            held.set()

    run(steps())


def test_flatten_and_a_copy_on_demand_go_by_the_map(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            fill = user.made(Side.BUY)
            fill.marks["EUR"] = DOLLARS
            answer = await user.copier.copy_asked_fill(Asked(fill=fill, by="x"))
            assert answer.outcome is Outcome.COPIED
            await user.done()
            order_flatten(user.states_path, ["anna"])
            user.guard.look()
            user.start_selling()
            await until(lambda: not user.held())
            assert user.orders == [BOUGHT, SOLD]

    run(steps())


def test_the_money_that_is_missing_is_that_of_the_copies(ledger: Ledger) -> None:
    async def steps() -> None:
        async with mapped_user(ledger) as user:
            user.trade()
            await user.done()
            assert (user.copier.master_pairs, user.copier.copied_pairs) == ({"BTC/USD"}, {"BTC/EUR"})

    run(steps())
