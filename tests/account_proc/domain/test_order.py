"""What one is worth by a quote, and which orders have ended."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.order import ENDED, WIDE, Quote

PRICES = st.decimals(min_value="0.01", max_value=10**6, places=4)


def quote(bid: int, ask: int, last: int) -> Quote:
    return Quote(bid=Decimal(bid), ask=Decimal(ask), last=Decimal(last))


def test_where_bid_and_ask_are_near_one_is_worth_their_middle_whatever_was_last() -> None:
    assert quote(100, 110, 500).worth == 105


def test_where_they_are_far_apart_the_last_trade_counts_within_them() -> None:
    assert quote(100, 111, 103).worth == 103
    assert quote(100, 200, 500).worth == 200
    assert quote(100, 200, 1).worth == 100


@given(PRICES, PRICES, PRICES)
def test_a_worth_is_never_outside_of_bid_and_ask(one: Decimal, other: Decimal, last: Decimal) -> None:
    bid, ask = sorted((one, other))
    worth = Quote(bid=bid, ask=ask, last=last).worth
    assert bid <= worth <= ask
    if ask > bid * WIDE and bid <= last <= ask:
        assert worth == last


def test_an_order_that_is_pending_or_open_may_still_trade() -> None:
    assert {"open", "pending"}.isdisjoint(ENDED)
