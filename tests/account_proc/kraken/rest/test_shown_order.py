"""What people are shown of an order: all that its row tells, and nothing that it does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import UNREADABLE
from krakencopy.account_proc.kraken.rest.shown_order import ShownOrder, shown_order
from tests.support.scripted_kraken import TABLE

#: As a client has recorded it from Kraken (2026-06).
ROW: dict[str, Any] = {
    "refid": None, "userref": None, "status": "open", "opentm": 1782587828.68, "starttm": 0, "expiretm": 0,
    "descr": {
        "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "48000.0", "price2": "0",
        "leverage": "none", "order": "buy 0.00200000 XBTUSD @ limit 48000.0", "close": "",
    },
    "vol": "0.00200000", "vol_exec": "0.00050000", "cost": "24.0", "fee": "0.1", "price": "48000.0",
    "stopprice": "0.0", "limitprice": "0.0", "misc": "partial", "oflags": "fciq", "cl_ord_id": "mine",
}  # fmt: skip


def read(**changes: Any) -> ShownOrder:
    return shown_order("O1", ROW | changes, TABLE)


def test_an_open_order_is_shown_with_what_was_filled() -> None:
    order = read()
    assert (order.txid, order.cl_ord_id, order.pair, order.side) == ("O1", "mine", "BTC/USD", Side.BUY)
    assert (order.type, order.price, order.price2, order.close) == ("limit", "48000.0", "", "")
    assert (order.volume, order.filled) == (Decimal("0.002"), Decimal("0.0005"))
    assert (order.closetm, order.expiretm, order.is_over, order.in_quote) == (None, None, False, False)


def test_a_conditional_order_has_both_prices_and_what_follows_it() -> None:
    descr = ROW["descr"] | {
        "ordertype": "stop-loss-limit", "price": "+5.0%", "price2": "47000.0", "close": "close position @ x",
    }  # fmt: skip
    order = read(descr=descr, expiretm=1782590000)
    assert (order.type, order.price, order.price2) == ("stop-loss-limit", "+5.0%", "47000.0")
    assert (order.close, order.expiretm) == ("close position @ x", Decimal(1782590000))


def test_an_order_that_is_over_says_when_and_why() -> None:
    order = read(status="canceled", closetm=1782587900.5, reason="User requested")
    assert (order.is_over, order.closetm, order.reason) == (True, Decimal("1782587900.5"), "User requested")


def test_a_purchase_for_an_amount_of_money_has_its_volume_in_quote() -> None:
    assert read(oflags="fciq,viqc").in_quote


def test_a_pair_that_is_not_listed_keeps_the_exchanges_name() -> None:
    assert read(descr=ROW["descr"] | {"pair": "GONEUSD"}).pair == "GONEUSD"


@pytest.mark.parametrize(
    "changes",
    [
        {"descr": {}}, {"vol": "x"}, {"vol_exec": None}, {"opentm": -1}, {"status": ""},
        {"descr": ROW["descr"] | {"type": "hold"}}, {"descr": ROW["descr"] | {"pair": "\x1b[31m"}},
    ],
)  # fmt: skip
def test_a_row_without_what_an_order_is_known_by_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        read(**changes)


@given(st.sampled_from(["expiretm", "closetm", "reason", "price", "oflags", "cl_ord_id"]), st.data())
def test_what_is_only_shown_costs_no_order_whatever_it_is(name: str, data: st.DataObject) -> None:
    odd = st.none() | st.text(max_size=9) | st.integers() | st.floats() | st.lists(st.text(), max_size=2)
    order = read(**{name: data.draw(odd)})
    assert order.txid == "O1"
    assert order.reason.isprintable()
    assert order.cl_ord_id.isprintable()
