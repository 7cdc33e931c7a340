"""What an account is worth by prices of now that have two sides, and what keeps it from being known."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.trading.right_marks import RightMarks, is_right
from tests.support.limited_user import limited
from tests.support.scripted_kraken import run


@pytest.mark.parametrize(
    ("bid", "ask", "right"),
    [("100", "101", True), ("100", "100", True), ("100", "110", True), ("100", "111", False),
     ("101", "100", False), ("0", "1", False)],
)  # fmt: skip
def test_a_price_has_two_sides_that_belong_together(bid: str, ask: str, right: bool) -> None:
    quote = Quote(bid=Decimal(bid), ask=Decimal(ask), last=Decimal(100))
    assert is_right(quote) is right
    assert not is_right(Quote(bid=quote.bid, ask=quote.ask, last=quote.last, one_sided=True))


def test_what_is_held_is_worth_what_is_told_now(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path) as anna:
            portfolio, right = (
                anna.user.portfolio,
                RightMarks(anna.user.portfolio, anna.user.kraken.exchange.market),
            )
            portfolio.wallet.replace({"USD": Decimal(10), "BTC": Decimal(1), "BTC.S": Decimal(1)})
            anna.price(40_000)
            worth = await right.read(())
            assert worth.equity("USD") == 80_010
            assert worth.equity("USD", without={"BTC": Decimal(1), "USD": Decimal(-5)}) == 40_015
            assert worth.missing("USD") == []
            assert worth.missing("EUR") == ["USD", "BTC"]
            anna.user.kraken.always["Ticker"] = {}
            worth = await right.read(["ETH"])
            assert worth.missing("USD", ["ETH", "XYZ"]) == ["BTC", "ETH"]
            assert worth.rate("BTC", "USD") is None
            # What is kept out needs no price.
            portfolio.kept_out = {"BTC": Decimal(2)}
            assert worth.missing("USD") == []

    run(steps())


def test_nothing_is_asked_where_nothing_is_held_that_has_prices(tmp_path: Path) -> None:
    async def steps() -> None:
        async with limited(tmp_path) as anna:
            tables: Any = anna.user.portfolio.prices
            tables.pricing_pairs = lambda _: ()
            anna.user.kraken.every.clear()
            worth = await RightMarks(anna.user.portfolio, anna.user.kraken.exchange.market).read(())
            assert anna.user.kraken.every == []
            assert worth.equity("USD") == 100

    run(steps())
