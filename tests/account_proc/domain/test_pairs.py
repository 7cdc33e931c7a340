"""The rules of a pair are read as they were written; a pair without rules is counted and not ordered."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from krakencopy.account_proc.domain.pairs import NOT_LISTED, PairRules, rules_from, rules_line, without_rules
from tests.support.pair_samples import TABLE


@pytest.mark.parametrize("symbol", ["BTC/USD", "XTZ/USD"])
def test_rules_are_read_as_they_were_written(symbol: str) -> None:
    rules = TABLE.pair(symbol)
    for each in (rules, replace(rules, tick_size=Decimal("0.00000001"), asset_class="tokenized_asset")):
        assert rules_from(json.loads(json.dumps(rules_line(each)))) == each


@pytest.mark.parametrize("row", [[], ["XXBTZUSD"], [None] * len(PairRules.__slots__)])
def test_what_is_no_rules_is_refused(row: list[object]) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        rules_from(row)


def test_a_pair_whose_rules_nobody_knows_has_names_and_is_not_listed() -> None:
    rules = without_rules("BTC/USD")
    assert (rules.name, rules.base, rules.quote) == ("BTC/USD", "BTC", "USD")
    assert (rules.status, rules.lot_decimals, rules.ordermin) == (NOT_LISTED, 8, Decimal("1e-8"))
