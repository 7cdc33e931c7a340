"""Orders of the WebSocket in the words of REST: the pure part."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.paper_exchange.values.errors import KrakenError
from krakencopy.paper_exchange.values.exact_json import loads
from krakencopy.paper_exchange.websocket.messages import MessageRefusal, pair_of
from krakencopy.paper_exchange.websocket.order_fields import (
    amendment,
    batch,
    cancels,
    edit,
    new_order,
    recorded,
    timeout,
)
from tests.support.paper_venue import CATALOGUE

LIMIT = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "limit_price": 26500.4, "order_qty": 1.2}


def sent(**fields: Any) -> Any:
    """Fields as they are after the trip over the wire."""
    return loads(json.dumps(fields))


def order(**fields: Any) -> dict[str, Any]:
    return new_order(sent(**fields), "add_order")


def test_a_limit_order_is_spelt_as_in_rest() -> None:
    found = order(
        **LIMIT, time_in_force="gtc", order_userref=7, post_only=True, stp_type="cancel_both", validate=True
    )
    assert found == {
        "pair": "BTC/USD",
        "type": "buy",
        "ordertype": "limit",
        "price": "26500.4",
        "volume": "1.2",
        "timeinforce": "gtc",
        "userref": "7",
        "oflags": "post",
        "stptype": "cancel-both",
        "validate": "true",
    }


def test_a_small_number_that_python_writes_with_an_exponent_is_plain() -> None:
    assert json.dumps(0.00001) == "1e-05"
    assert order(**LIMIT | {"order_qty": 0.00001})["volume"] == "0.00001"


def test_a_market_buy_in_quote_is_a_viqc_order() -> None:
    found = order(
        symbol="BTC/USD", side="buy", order_type="market", cash_order_qty=100, fee_preference="quote"
    )
    assert (found["volume"], found["oflags"]) == ("100", "fciq,viqc")


@pytest.mark.parametrize(
    ("fields", "price", "price2"),
    [
        ({"order_type": "stop-loss", "triggers": {"price": 45000}}, "45000", None),
        ({"order_type": "stop-loss", "triggers": {"price": -5, "price_type": "pct"}}, "-5%", None),
        ({"order_type": "take-profit", "triggers": {"price": 150, "price_type": "quote"}}, "+150", None),
        (
            {"order_type": "stop-loss-limit", "triggers": {"price": 45000}, "limit_price": 44900.5},
            "45000",
            "44900.5",
        ),
        ({"order_type": "trailing-stop", "triggers": {"price": 2, "price_type": "pct"}}, "+2%", None),
        ({"order_type": "trailing-stop", "triggers": {"price": 500, "price_type": "quote"}}, "+500", None),
        (
            {
                "order_type": "trailing-stop-limit",
                "triggers": {"price": 1, "price_type": "pct"},
                "limit_price": -10,
            },
            "+1%",
            "-10",
        ),
        (
            {
                "order_type": "trailing-stop-limit",
                "triggers": {"price": 1, "price_type": "pct"},
                "limit_price": 0.5,
                "limit_price_type": "pct",
            },
            "+1%",
            "+0.5%",
        ),
    ],
)
def test_triggers_become_the_first_price_and_limits_the_second(
    fields: dict[str, Any], price: str, price2: str | None
) -> None:
    found = order(symbol="BTC/USD", side="sell", order_qty=1, **fields)
    assert (found["price"], found.get("price2")) == (price, price2)


def test_a_conditional_close_is_a_close() -> None:
    close = {"order_type": "stop-loss-limit", "trigger_price": 22000, "limit_price": 21000}
    assert order(**LIMIT, conditional=close)["close"] == {
        "ordertype": "stop-loss-limit",
        "price": "22000",
        "price2": "21000",
    }


def test_an_amend_names_what_it_changes() -> None:
    fields = sent(order_id="O", limit_price=61031.3, post_only=True, deadline="2024-07-21T09:53:59.050Z")
    assert amendment(fields) == {
        "txid": "O", "limit_price": "61031.3", "post_only": "true", "deadline": "2024-07-21T09:53:59.050Z",
    }  # fmt: skip


def test_the_limit_of_an_edited_order_with_a_trigger_is_its_second_price() -> None:
    fields = sent(order_id="O", symbol="BTC/USD", limit_price=10)
    assert edit(fields, triggered=False) == {"txid": "O", "pair": "BTC/USD", "price": "10"}
    assert edit(fields, triggered=True) == {"txid": "O", "pair": "BTC/USD", "price2": "10"}


def test_a_batch_is_of_one_pair_and_its_lines_have_none() -> None:
    line = {"side": "buy", "order_type": "limit", "limit_price": 1, "order_qty": 2}
    found = batch(sent(symbol="BTC/USD", orders=[line, line]), "batch_add")
    assert found["pair"] == "BTC/USD"
    assert found["orders"] == [{"type": "buy", "ordertype": "limit", "price": "1", "volume": "2"}] * 2
    with pytest.raises(MessageRefusal, match="Unsupported field: 'symbol' for the given msg type: batch add"):
        batch(sent(symbol="BTC/USD", orders=[line | {"symbol": "BTC/USD"}]), "batch_add")


def test_ids_and_userrefs_to_cancel_are_one_list() -> None:
    assert cancels(sent(orders=["O", 7], cl_ord_id=["mine"]), "batch_cancel") == {
        "orders": ["O", "7"],
        "cl_ord_ids": ["mine"],
    }
    assert timeout(sent(timeout=60)) == {"timeout": "60"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"order_qty": "1.2"}, "Order_qty field must be a number_float"),
        ({"order_qty": True}, "Order_qty field must be a number_float"),
        ({"limit_price": "5"}, "Limit_price field must be a number_float"),
        ({"cash_order_qty": "5"}, "Cash_order_qty field must be a number_float"),
        ({"side": 1}, "EGeneral:Invalid arguments:side"),
        ({"post_only": "true"}, "EGeneral:Invalid arguments:post_only"),
        ({"order_userref": 1.5}, "EGeneral:Invalid arguments:order_userref"),
        ({"triggers": {"price": 1, "price_type": "x"}}, "EGeneral:Invalid arguments:price_type"),
        ({"triggers": []}, "EGeneral:Invalid arguments:triggers"),
        ({"fee_preference": "usd"}, "EGeneral:Invalid arguments:fee_preference"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_its_name(fields: dict[str, Any], text: str) -> None:
    with pytest.raises((KrakenError, MessageRefusal)) as refused:
        order(**LIMIT | fields)
    assert str(refused.value) == text


def test_a_number_that_would_be_a_megabyte_of_digits_is_refused() -> None:
    fields = loads(
        '{"symbol":"BTC/USD","side":"buy","order_type":"limit","order_qty":1e999999,"limit_price":1}'
    )
    with pytest.raises(KrakenError):
        new_order(fields, "add_order")
    assert recorded(fields)["order_qty"] == "1E+999999"


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("XBT/USD", "Currency pair not supported XBT/USD"),
        ("XBTUSD", "Currency pair not in ISO 4217-A3 format XBTUSD"),
    ],
)
def test_only_v2_symbols_are_taken(symbol: str, words: str) -> None:
    with pytest.raises(MessageRefusal) as refused:
        pair_of(CATALOGUE, symbol)
    assert refused.value.text == words


@given(st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=8))
def test_numbers_keep_all_their_digits(number: Decimal) -> None:
    fields = loads(f'{{"order_qty":{number:f}}}')
    assert Decimal(new_order(fields, "add_order")["volume"]) == number
