"""Kinds of orders: each says what it waits for and what it becomes."""

from __future__ import annotations

import pytest

from krakencopy.paper_exchange.values.sides import OrderType


@pytest.mark.parametrize("kind", OrderType)
def test_an_order_becomes_one_that_the_market_knows(kind: OrderType) -> None:
    becomes = kind.executes_as
    assert becomes in {OrderType.MARKET, OrderType.LIMIT}
    if kind.is_triggered:
        assert becomes is (OrderType.LIMIT if kind.endswith("-limit") else OrderType.MARKET)


def test_what_waits_for_a_price_is_named_for_it() -> None:
    assert {kind for kind in OrderType if not kind.is_triggered} == {"market", "limit", "iceberg"}
    assert {kind for kind in OrderType if kind.trails} == {"trailing-stop", "trailing-stop-limit"}
    assert {kind for kind in OrderType if kind.takes_profit} == {"take-profit", "take-profit-limit"}
