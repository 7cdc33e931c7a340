"""Prices of what is held are read against every bridge, and what has none is said."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from tests.support.scripted_kraken import run
from tests.support.wallet_account import account


def test_a_pair_without_a_price_is_an_error_and_one_with_a_price_is_bid_and_ask() -> None:
    async def steps() -> None:
        prices = (await account()).portfolio.prices
        quote = await prices.ticker("BTC/USD")
        assert (quote.bid, quote.ask) == (Decimal(49_999), Decimal(50_001))
        with pytest.raises(OutcomeUnknown, match="tells no price of ETH/USD"):
            await prices.ticker("ETH/USD")

    run(steps())


def test_what_came_in_without_a_price_is_waited_for_until_prices_were_read() -> None:
    async def steps() -> None:
        prices = (await account()).portfolio.prices
        prices.expect("BTC")
        prices.expect("NOBODY")
        assert prices.unpriced == set(), "one has a price, the other is in no pair"
        prices.expect("ETH")
        assert prices.unpriced == {"ETH"}
        await prices.refresh()
        assert prices.unpriced == set()

    run(steps())


def test_prices_of_the_master_and_wanted_ones_follow_a_coin_to_its_new_name() -> None:
    async def steps() -> None:
        prices = (await account()).portfolio.prices
        prices.set_marks("USD", {"MATIC": "0.5"})
        prices.priced = ("MATIC",)
        prices.rename("MATIC", "POL")
        assert prices.marks.rate("POL", "USD") == Decimal("0.5")
        assert prices.priced == ("POL",)

    run(steps())
