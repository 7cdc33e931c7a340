"""Orders are found by price and then by time, and only where they are."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

from krakencopy.paper_exchange.accounts.orders import Order, OrderRequest
from krakencopy.paper_exchange.engine.resting_orders import Books
from krakencopy.paper_exchange.values.sides import OrderType, Side
from tests.support.paper_venue import XBTUSD, pair_named

numbers = count(1)


def request(side: Side, price: int | None) -> OrderRequest:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return OrderRequest(XBTUSD, side, kind, Decimal(1), None if price is None else Decimal(price))


def order(side: Side, price: int) -> Order:
    return Order(f"O{next(numbers)}", "a", request(side, price), 0)


def books(*orders: Order) -> Books:
    made = Books()
    for one in orders:
        made.rest(one)
    return made


def test_orders_are_touched_by_price_then_by_time() -> None:
    low, first, second = order(Side.BUY, 99), order(Side.BUY, 100), order(Side.BUY, 100)
    sells = [order(Side.SELL, price) for price in (103, 102)]
    made = books(low, first, second, *sells)
    assert made.touched(XBTUSD, Decimal(99), Decimal(101)) == [first, second, low]
    assert made.touched(XBTUSD, Decimal(101), Decimal(103)) == [sells[1], sells[0]]
    assert made.touched(XBTUSD, Decimal(101), Decimal(101)) == []
    assert made.touched(pair_named("ETHUSD"), Decimal(0), Decimal(1000)) == []


def test_an_order_that_is_there_keeps_its_place() -> None:
    first, second = order(Side.BUY, 100), order(Side.BUY, 100)
    made = books(first, second, first)
    assert made.touched(XBTUSD, Decimal(100), Decimal(101)) == [first, second]


def test_an_order_that_left_is_nowhere() -> None:
    resting, waiting = order(Side.BUY, 100), order(Side.BUY, 100)
    made = books(resting)
    made.wait(waiting)
    assert list(made.waiting(XBTUSD)) == [waiting]
    for one in (resting, waiting, resting):
        made.leave(one)
    assert list(made.waiting(XBTUSD)) == made.touched(XBTUSD, Decimal(0), Decimal(1000)) == []


def test_own_orders_of_the_other_side_are_found_within_the_limit_best_price_first() -> None:
    sells = [order(Side.SELL, price) for price in (102, 100, 101)]
    buy, elsewhere = order(Side.BUY, 99), order(Side.SELL, 100)
    made, own = books(*sells, buy), [*sells, buy, elsewhere]
    assert made.own_against(own, request(Side.BUY, 101)) == [sells[1], sells[2]]
    assert made.own_against(own, request(Side.BUY, None)) == [sells[1], sells[2], sells[0]]
    assert made.own_against(own, request(Side.SELL, 99)) == [buy]
    assert made.own_against(own, request(Side.SELL, 100)) == []
    assert Books().own_against(own, request(Side.BUY, None)) == []
