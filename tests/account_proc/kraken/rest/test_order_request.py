"""An order is written as Kraken reads it, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest


def test_a_market_order_is_written() -> None:
    order = OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal("5E-5"))
    assert order.params("XBTUSD") == {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "market",
        "oflags": "fciq",
        "volume": "0.00005",
    }


def test_a_limit_order_with_everything_is_written() -> None:
    order = OrderRequest(
        pair="BTC/USD",
        side=Side.SELL,
        volume=Decimal("1E+2"),
        limit_price=Decimal("20000.10"),
        time_in_force="IOC",
        cl_ord_id="abc",
        deadline=datetime(2026, 11, 22, 10, 0, 0, 123_999, timezone(timedelta(hours=1))),
        validate=True,
    )
    assert order.params("XBTUSD") == {
        "pair": "XBTUSD",
        "type": "sell",
        "ordertype": "limit",
        "oflags": "fciq",
        "volume": "100",
        "price": "20000.1",
        "timeinforce": "IOC",
        "cl_ord_id": "abc",
        "deadline": "2026-11-22T09:00:00.123Z",
        "validate": "true",
    }


@given(st.decimals(min_value="1E-12", max_value="1E+12", allow_nan=False, allow_infinity=False))
def test_numbers_are_plain_decimals_of_the_same_value(volume: Decimal) -> None:
    text = OrderRequest(pair="BTC/USD", side=Side.BUY, volume=volume).params("XBTUSD")["volume"]
    assert Decimal(text) == volume
    assert set(text) <= set("0123456789.")


@pytest.mark.parametrize("volume", ["0", "-1", "NaN", "Infinity"])
def test_an_order_without_a_volume_cannot_be_written(volume: str) -> None:
    with pytest.raises(ValueError, match="volume"):
        OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal(volume))


def test_a_deadline_without_a_time_zone_cannot_be_written() -> None:
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        OrderRequest(pair="BTC/USD", side=Side.BUY, volume=Decimal(1), deadline=naive)
