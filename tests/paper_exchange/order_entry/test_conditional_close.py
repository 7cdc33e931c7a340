"""Conditional closes, from their fields to the order that a fill places."""

from decimal import Decimal

import pytest

from krakencopy.paper_exchange.accounts.orders import CloseTerms, OrderStatus
from krakencopy.paper_exchange.order_entry.conditional_close import read_close_terms
from krakencopy.paper_exchange.rest.rows import order_row
from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.params import Params
from krakencopy.paper_exchange.values.sides import OrderType
from krakencopy.paper_exchange.venue import order_api as trading
from tests.support.paper_venue import order_params, venue

TERMS = CloseTerms(OrderType.STOP_LOSS, "-2%", "")


@pytest.mark.parametrize(
    "fields",
    [
        {"close": {"ordertype": "stop-loss", "price": "-2%"}},
        {"close[ordertype]": "stop-loss", "close[price]": "-2%"},
    ],
)
def test_terms_are_read_of_an_object_and_of_a_form(fields: dict[str, object]) -> None:
    assert read_close_terms(Params(fields)) == TERMS


@pytest.mark.parametrize("fields", [{}, {"close": ""}, {"close": {}}, {"close[ordertype]": ""}])
def test_without_kind_and_price_there_is_no_close(fields: dict[str, object]) -> None:
    assert read_close_terms(Params(fields)) is None


@pytest.mark.parametrize("kind", ["market", "iceberg", "settle-position", ""])
def test_a_close_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(KrakenError, match=r"Invalid arguments:close\[ordertype\]"):
        read_close_terms(Params({"close[ordertype]": kind, "close[price]": "1"}))


def test_a_close_that_is_no_object_is_refused() -> None:
    with pytest.raises(KrakenError, match="Invalid arguments:close"):
        read_close_terms(Params({"close": "limit"}))


def test_an_order_for_an_amount_of_quote_has_no_close() -> None:
    close = {"close[ordertype]": "limit", "close[price]": "60000"}
    with pytest.raises(KrakenError, match="Invalid arguments:close"):
        venue().add("buy 100 market", oflags="viqc", **close)


def test_each_fill_places_the_close_that_was_asked_for() -> None:
    market = venue()
    close = {"ordertype": "stop-loss-limit", "price": "-2%", "price2": "45000"}
    params = Params({**order_params("buy 1.5 limit 50005.2").values, "close": close})
    order = trading.add_order(market.caller, params).order
    assert order is not None
    closes = [other for other in market.account.open_orders.values() if other.request.refid == order.txid]
    assert [(other.request.volume, f"{other.stop_price:f}") for other in closes] == [
        (Decimal(1), "49000.1"),
        (Decimal("0.5"), "49005.1"),
    ]
    row = order_row(order, trades=False)
    assert row["descr"]["close"] == "close position @ stop loss -2% -> limit 45000"
    assert order_row(closes[0], trades=False)["refid"] == order.txid


def test_a_close_that_cannot_be_paid_is_accepted_and_cancelled() -> None:
    market = venue(usd="51000", xbt="0")
    rest = {"close[ordertype]": "limit", "close[price]": "60000", "oflags": "fcib"}
    order = market.add("buy 1 market", **rest)
    (close,) = [other for other in market.account.closed_orders if other.request.refid == order.txid]
    assert (close.status, close.reason) == (OrderStatus.CANCELED, "Insufficient funds")
