"""Of an order and another one of its account that would meet, one ends; what the market has comes first."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest, SelfTrade
from krakencopy.paper_exchange.engine.self_trade import Contact, meet_own
from krakencopy.paper_exchange.values.sides import OrderType, Side
from tests.support.paper_venue import XBTUSD

#: What the market has for a buyer of 3: 1 at 100, 1 at 101, 1 at 102.
FILLS = [(Decimal(price), Decimal(1)) for price in (100, 101, 102)]


def resting(price: int, side: Side = Side.SELL) -> Order:
    request = OrderRequest(XBTUSD, side, OrderType.LIMIT, Decimal(1), Decimal(price))
    return Order(f"O{price}", "a", request, 0)


def meet(policy: SelfTrade, *own: Order, volume: int = 3) -> Contact:
    return meet_own(Side.BUY, Decimal(volume), FILLS[:volume], own, policy)


def test_what_is_filled_before_the_own_order_is_reached_ends_nothing() -> None:
    assert meet(SelfTrade.CANCEL_NEWEST, resting(101), volume=2) == Contact(FILLS[:2], [], ends_newest=False)


def test_the_market_comes_first_at_the_very_price_of_the_own_order() -> None:
    assert meet(SelfTrade.CANCEL_NEWEST, resting(101)) == Contact(FILLS[:2], [], ends_newest=True)


def test_the_newest_ends_and_keeps_what_it_took() -> None:
    assert meet(SelfTrade.CANCEL_NEWEST, resting(99)) == Contact([], [], ends_newest=True)


def test_the_oldest_end_one_after_another_and_the_new_order_goes_on() -> None:
    first, second = resting(100), resting(101)
    assert meet(SelfTrade.CANCEL_OLDEST, first, second) == Contact(FILLS, [first, second], ends_newest=False)


def test_both_end_at_the_first_contact() -> None:
    first, second = resting(100), resting(101)
    assert meet(SelfTrade.CANCEL_BOTH, first, second) == Contact(FILLS[:1], [first], ends_newest=True)


def test_a_seller_meets_its_own_buys_from_above() -> None:
    own = resting(101, Side.BUY)
    fills = list(reversed(FILLS))
    contact = meet_own(Side.SELL, Decimal(3), fills, [own], SelfTrade.CANCEL_NEWEST)
    assert contact == Contact(fills[:2], [], ends_newest=True)


@pytest.mark.parametrize("policy", SelfTrade)
def test_without_own_orders_nothing_changes(policy: SelfTrade) -> None:
    assert meet(policy) == Contact(FILLS, [], ends_newest=False)
