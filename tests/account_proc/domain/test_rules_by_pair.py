"""What holds for a pair: the most specific pattern that says a key, caps of the pair beside those of the
account, and exclude before include.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.account_proc.contract.money import Money
from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.account_proc.domain.caps import Cap
from krakencopy.account_proc.domain.copy_plan import Order
from krakencopy.account_proc.domain.rules_by_pair import RulesByPair, amounts_of, patterns_of
from krakencopy.account_proc.domain.sizing import decide
from tests.support.copying import BTC, NOW, Follower, TradingMaster

D = Decimal
USD_5 = Money(D(5), "USD")


def by_pair(**rules: Any) -> RulesByPair:
    return RulesByPair(replace(CopyRules(), **rules), str)


def test_without_any_all_pairs_have_the_same_rules() -> None:
    rules = by_pair(max_open_pairs=2)
    assert rules.of("BTC/USD") is rules.of("ETH/USD")
    assert rules.of("BTC/USD").caps == (Cap("max_open_pairs", 2),)


def test_each_key_is_that_of_the_most_specific_pattern_that_says_it() -> None:
    rules = by_pair(
        multiplier=D(9),
        pairs={
            "*/USD": {"multiplier": D(1), "max_slippage_bps": 10},
            "BTC/*": {"multiplier": D(2), "max_entry_age_s": 5.0},
            "XBTUSD": {"multiplier": D(3)},
        },
    )
    for pair, expected in (
        ("BTC/USD", (D(3), 10, 5.0)), ("BTC/EUR", (D(2), 50, 5.0)), ("ETH/USD", (D(1), 10, 30.0)),
        ("ETH/EUR", (D(9), 50, 30.0)),
    ):  # fmt: skip
        found = rules.of(pair).rules
        assert (found.multiplier, found.max_slippage_bps, found.max_entry_age_s) == expected


def test_caps_of_a_pair_hold_beside_those_of_the_account() -> None:
    rules = by_pair(
        max_daily_notional=USD_5,
        max_position_notional=USD_5,
        pairs={
            "BTC/USD": {"max_daily_notional": Money(D(3), "USD"), "max_position_notional": Money(D(9), "USD")}
        },
    )
    assert sorted(map(str, rules.of("BTC/USD").caps)) == [
        "max_daily_notional = 3 USD of the pair", "max_daily_notional = 5 USD",
        "max_position_notional = 5 USD", "max_position_notional = 9 USD of the pair",
    ]  # fmt: skip
    assert rules.cap_keys == {"max_daily_notional", "max_position_notional"}
    assert by_pair(pairs={"BTC/*": {"max_orders_per_day": 1}}).cap_keys == {"max_orders_per_day"}


def test_a_renamed_coin_keeps_its_rules() -> None:
    names = {"OLD": "OLD"}
    rules = RulesByPair(replace(CopyRules(), exclude=("OLD/*",)), lambda name: names.get(name, name))
    assert rules.of("OLD/USD").excluded
    assert not rules.of("NEW/USD").excluded
    names["OLD"] = "NEW"
    rules.forget()
    assert rules.of("NEW/USD").excluded


def test_why_a_pair_is_not_copied_names_the_pattern() -> None:
    rules = by_pair(include=("BTC/*", "*/EUR"), exclude=("BTC/EUR",))
    assert rules.of("BTC/USD").excluded == ""
    assert rules.of("BTC/EUR").excluded == 'entries in BTC/EUR are not copied: exclude has "BTC/EUR"'
    assert rules.of("ETH/USD").excluded == (
        'entries in ETH/USD are not copied: include has only "BTC/*", "*/EUR"'
    )


NAMES = st.sampled_from(["BTC/USD", "BTC/EUR", "ETH/USD", "ETH/EUR", "SOL/USD"])
PATTERNS = st.sampled_from(["*", "BTC/*", "*/EUR", "ETH/USD", "[BE]*/USD", "S*"])


@given(st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3), NAMES)
def test_exclude_wins_and_include_lets_in_what_it_names(
    include: list[str], exclude: list[str], name: str
) -> None:
    excluded = by_pair(include=tuple(include), exclude=tuple(exclude)).of(name).excluded
    lets_in = not include or any(fnmatchcase(name, pattern) for pattern in include)
    assert bool(excluded) is (any(fnmatchcase(name, pattern) for pattern in exclude) or not lets_in)


def test_only_entries_are_left_out() -> None:
    master, user = TradingMaster(), Follower()
    user.holds(D(1))
    verdict = decide(
        user.book, [master.buy("O1", "1", "100")], BTC, user.rules, user.holdings, NOW, excluded="so"
    )
    (skip,) = verdict.decisions
    assert (skip.reason, skip.detail) == (Reason.PAIR_EXCLUDED, "so")
    verdict = decide(
        user.book, [master.sell("O2", "1", "100")], BTC, user.rules, user.holdings, NOW, excluded="so"
    )
    (exit_of,) = verdict.decisions
    assert isinstance(exit_of, Order)


@pytest.mark.parametrize(
    ("rules", "amounts"),
    [
        ({}, {}),
        ({"min_copy_notional": USD_5}, {"min_copy_notional": USD_5}),
        ({"pairs": {"BTC/*": {"max_order_notional": USD_5}}}, {'pairs."BTC/*".max_order_notional': USD_5}),
    ],
)
def test_every_amount_is_named_by_its_key(rules: dict[str, Any], amounts: dict[str, Money]) -> None:
    assert amounts_of(replace(CopyRules(), **rules)) == amounts


def test_every_pattern_is_named_with_its_key() -> None:
    rules = replace(CopyRules(), include=("A/*",), exclude=("B/*",), pairs={"C/*": {}})
    assert patterns_of(rules) == {"A/*": "include", "B/*": "exclude", "C/*": "pairs"}


@pytest.mark.parametrize(
    ("of_account", "of_pair", "holds"),
    [
        (None, Money(D(9), "USD"), Money(D(9), "USD")),
        (USD_5, Money(D(9), "USD"), USD_5),
        (USD_5, Money(D(3), "USD"), Money(D(3), "USD")),
        (USD_5, Money(D(3), "EUR"), USD_5),
    ],
)
def test_no_pair_loosens_the_cap_of_an_order(of_account: Money | None, of_pair: Money, holds: Money) -> None:
    rules = by_pair(max_order_notional=of_account, pairs={"BTC/USD": {"max_order_notional": of_pair}})
    assert rules.of("BTC/USD").rules.max_order_notional == holds
    assert rules.of("ETH/USD").rules.max_order_notional == of_account
