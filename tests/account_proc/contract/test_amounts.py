"""A number without a currency is understood where the quote is money, and nowhere else."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.amounts import FIAT, MONEY, needs_currency


@pytest.mark.parametrize("quote", sorted(MONEY))
def test_an_amount_of_a_pair_that_is_quoted_in_money_needs_no_currency(quote: str) -> None:
    assert not needs_currency(f"BTC/{quote}")


@pytest.mark.parametrize("pair", ["ETH/BTC", "SOL/ETH", "USD/BTC", "BTC", "BTC/", "BTC/usd", "BTC/NEWUSD"])
def test_any_other_amount_has_to_name_its_currency(pair: str) -> None:
    assert needs_currency(pair)


def test_national_currencies_are_money() -> None:
    assert FIAT < MONEY
