"""Relative prices: read as Kraken writes them, and put on the grid of their pair."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.pairs import PAIRS
from krakencopy.paper_exchange.values.relative_price import Offset, goes_up, is_offset, on_grid, parse_offset
from krakencopy.paper_exchange.values.sides import OrderType, Side


@pytest.mark.parametrize(
    ("text", "offset", "shown"),
    [
        ("+5", Offset("+", Decimal(5), percent=False), "+5"),
        ("-0.5%", Offset("-", Decimal("0.5"), percent=True), "-0.5000%"),
        ("#50%", Offset("#", Decimal(50), percent=True), "#50.0000%"),
    ],
)
def test_a_relative_price_is_read_and_shown(text: str, offset: Offset, shown: str) -> None:
    assert parse_offset(text) == offset
    assert str(offset) == shown


@pytest.mark.parametrize(
    ("text", "meant"), [("5", False), ("5%", True), ("+", True), ("-x", True), ("#1e2", True)]
)
def test_what_is_malformed_is_none_though_it_may_be_meant_as_one(text: str, *, meant: bool) -> None:
    assert parse_offset(text) is None
    assert is_offset(text) is meant


@pytest.mark.parametrize(
    ("text", "upwards", "price"),
    [
        ("+5", False, "105"), ("-5", True, "95"), ("#5", True, "105"), ("#5", False, "95"),
        ("+10%", False, "110"), ("#10%", False, "90"),
    ],
)  # fmt: skip
def test_the_sign_says_to_which_side_and_the_order_what_a_hash_means(
    text: str, *, upwards: bool, price: str
) -> None:
    offset = parse_offset(text)
    assert offset is not None
    assert offset.from_price(Decimal(100), upwards=upwards) == Decimal(price)


@pytest.mark.parametrize(
    ("kind", "buyer_goes_up"),
    [
        (OrderType.LIMIT, False),
        (OrderType.STOP_LOSS, True),
        (OrderType.STOP_LOSS_LIMIT, True),
        (OrderType.TRAILING_STOP, True),
        (OrderType.TAKE_PROFIT, False),
        (OrderType.TAKE_PROFIT_LIMIT, False),
    ],
)
def test_a_hash_is_away_from_the_market_for_limits_and_into_it_for_stops(
    kind: OrderType, *, buyer_goes_up: bool
) -> None:
    assert goes_up(kind, Side.BUY) is buyer_goes_up
    assert goes_up(kind, Side.SELL) is not buyer_goes_up


@given(st.sampled_from(PAIRS), st.decimals(min_value=-(10**6), max_value=10**6, places=9))
def test_a_computed_price_is_on_the_grid_and_above_zero(pair: object, price: Decimal) -> None:
    assert pair in PAIRS
    for known in PAIRS:
        tick = known.tick_size
        placed = on_grid(price, tick, known)
        assert placed % tick == 0
        assert placed >= tick
        assert placed == tick or abs(placed - price) * 2 <= tick
