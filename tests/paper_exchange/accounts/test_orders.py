"""Orders are records: what they say of themselves follows from what was asked and what was done."""

from __future__ import annotations

from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.orders import (
    Order,
    OrderRequest,
    OrderStatus,
    TimeInForce,
    Trigger,
    average,
    revision_of,
)
from krakencopy.paper_exchange.values.sides import OrderType, Side
from tests.support.paper_venue import XBTUSD


def order(**more: object) -> Order:
    request = OrderRequest(XBTUSD, Side.BUY, OrderType.LIMIT, Decimal(2), Decimal(100), **more)  # type: ignore[arg-type]
    return Order("O1", "a", request, opened_us=7)


def test_an_order_rests_where_it_waits_for_what_it_did_not_get() -> None:
    assert {kind for kind in TimeInForce if kind.rests} == {"gtc", "gtd"}
    assert {status for status in OrderStatus if status.is_open} == {"pending", "open"}


def test_an_order_waits_until_its_trigger_has_fired() -> None:
    trigger = Trigger(Decimal(90))
    fired = order(trigger=trigger)
    fired.triggered_us = 9
    assert [one.waits for one in (order(trigger=trigger), fired, order())] == [True, False, False]


def test_it_counts_as_touched_when_it_was_opened_until_its_owner_amends_it() -> None:
    made = order()
    assert (made.touched_us, made.amended) == (7, False)
    made.vol_exec = Decimal("0.5")
    made.revisions.append(revision_of(made, "A1", "amended", 9, "why"))
    (revision,) = made.revisions
    assert made.amended
    assert (revision.volume, revision.remaining) == (Decimal(2), Decimal("1.5"))
    assert revision.price == 100
    assert (revision.amend_id, revision.kind, revision.at_us, revision.reason) == ("A1", "amended", 9, "why")


@pytest.mark.parametrize(("cost", "volume", "price"), [("0", "0", "0"), ("10", "4", "2.5")])
def test_an_average_of_nothing_is_zero(cost: str, volume: str, price: str) -> None:
    assert average(Decimal(cost), Decimal(volume)) == Decimal(price)
