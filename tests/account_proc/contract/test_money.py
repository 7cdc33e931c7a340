"""An amount with its currency travels as it is, and reads as it is written."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.money import Money, share_or_money

MONEY = st.builds(
    Money, st.decimals(min_value=0, max_value=10**9, places=8), st.sampled_from(["USD", "EUR", "BTC"])
)


@given(MONEY | st.decimals(min_value=0, max_value=1, places=4))
def test_money_and_shares_arrive_as_they_were_sent(value: Money | Decimal) -> None:
    sent = asdict(value) if isinstance(value, Money) else value
    assert share_or_money(json.loads(json.dumps(sent, default=str))) == value


def test_money_reads_as_it_is_written() -> None:
    assert str(Money(Decimal("100.50"), "USD")) == "100.5 USD"


@pytest.mark.parametrize("raw", [{}, {"amount": "x", "asset": "USD"}, {"amount": "1"}])
def test_anything_else_is_no_money(raw: dict[str, str]) -> None:
    with pytest.raises((KeyError, ArithmeticError)):
        Money.from_raw(raw)
