"""Rows as Kraken has been seen to send them, and orders as it must get them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from krakencopy.account_proc.domain.order import Quote
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import UNREADABLE, number
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.kraken.rest.messages import (
    OddRow,
    PairFee,
    api_key_info,
    hold_of,
    order_row,
    pair_fees,
    quote_of,
    trade_row,
)

RULES = {
    "cost_decimals": 5,
    "pair_decimals": 2,
    "lot_decimals": 8,
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.01",
}
TABLE = pair_table(
    {"XBTUSDC": RULES | {"altname": "XBTUSDC", "wsname": "XBT/USDC", "base": "XXBT", "quote": "USDC"}},
    {"XXBT": {"altname": "XBT"}, "USDC": {"altname": "USDC"}},
)
# Kraken: an open order as captured in 2026-06.
ORDER: dict[str, Any] = {
    "cl_ord_id": "9ce3b826-0000-0000-0000-000000000000",
    "cost": "0.00000",
    "descr": {
        "aclass": "forex",
        "close": "",
        "leverage": "none",
        "order": "buy 0.00010000 XBTUSDC @ limit 20000.00",
        "ordertype": "limit",
        "pair": "XBTUSDC",
        "price": "20000.00",
        "price2": "0",
        "type": "buy",
    },
    "expiretm": 0,
    "fee": "0.00000",
    "limitprice": "0.00000",
    "misc": "",
    "oflags": "post,fciq",
    "opentm": Decimal("1780582233.729133"),
    "price": "0.00000",
    "refid": None,
    "starttm": 0,
    "status": "open",
    "stopprice": "0.00000",
    "time_in_force": "gtc",
    "userref": None,
    "vol": "0.00010000",
    "vol_exec": "0.00000000",
}
TRADE: dict[str, Any] = {
    "ordertxid": "OXXXXX-XXXXX-XXXXXX",
    "postxid": "TKH2SE-M7IF5-CFI7LT",
    "pair": "XBTUSDC",
    "aclass": "forex",
    "time": Decimal("1782587828.681409"),
    "type": "buy",
    "ordertype": "limit",
    "price": "60508.75000",
    "cost": "3.63053",
    "fee": "0.02904",
    "vol": "0.00006000",
    "margin": "0.00000",
    "leverage": "0",
    "misc": "",
    "trade_id": 6820254,
    "maker": False,
}


def test_an_open_order_is_read() -> None:
    order = order_row("OABCDE-12345-FGHIJK", ORDER, TABLE)
    assert (order.txid, order.pair, order.side, order.status) == (
        "OABCDE-12345-FGHIJK",
        "BTC/USDC",
        Side.BUY,
        "open",
    )
    assert (order.vol, order.vol_exec, order.quote) == (Decimal("0.0001"), Decimal(0), "USDC")
    assert (order.closetm, order.reason, order.trades) == (None, None, ())
    assert order.description == "buy 0.00010000 XBTUSDC @ limit 20000.00"


def test_a_closed_order_tells_when_why_and_in_what_the_fee_was_taken() -> None:
    closed = ORDER | {
        "status": "canceled",
        "closetm": 1780582300,
        "reason": "User requested",
        "oflags": "fcib",
    }
    del closed["cl_ord_id"]
    order = order_row("O", closed | {"trades": ["TA", "TB"]}, TABLE)
    assert (order.closetm, order.reason, order.fee_in_base) == (Decimal(1780582300), "User requested", True)
    assert (order.cl_ord_id, order.trades) == (None, ("TA", "TB"))


def test_an_order_of_a_pair_that_is_not_listed_any_more_is_still_read() -> None:
    order = order_row("O", ORDER | {"descr": ORDER["descr"] | {"pair": "LUNAUSD"}}, TABLE)
    assert (order.pair, order.quote) == ("LUNAUSD", "")


def test_a_trade_is_read() -> None:
    trade = trade_row("TKH2SE-M7IF5-CFI7LT", TRADE, TABLE)
    assert (trade.pair, trade.side, trade.margin, trade.trade_id) == ("BTC/USDC", Side.BUY, False, 6820254)
    assert (trade.price, trade.vol, trade.fee) == (
        Decimal("60508.75"),
        Decimal("0.00006"),
        Decimal("0.02904"),
    )


@pytest.mark.parametrize("sign", [{"margin": "12.5"}, {"posstatus": "open"}])
def test_a_margin_trade_is_told_apart(sign: dict[str, str]) -> None:
    assert trade_row("T", TRADE | sign, TABLE).margin


def test_a_ticker_row_is_read() -> None:
    row = {"a": ["68342.4", "1", "1.000"], "b": ["68342.3", "6", "6.000"], "c": ["68365.1", "0.002"]}
    quote = quote_of(row)
    assert (quote.bid, quote.ask, quote.last) == (Decimal("68342.3"), Decimal("68342.4"), Decimal("68365.1"))


@pytest.mark.parametrize(
    ("bid", "ask", "last", "seen"),
    [
        ("0.00000", "3", "2", (2, 3, 2)),
        ("1", "0", "2", (1, 2, 2)),
        ("0", "0", "2", (2, 2, 2)),
        ("1", "0", "0", (1, 1, 1)),
    ],
)
def test_where_nobody_bids_or_asks_the_last_trade_stands_for_it(
    bid: str, ask: str, last: str, seen: tuple[int, ...]
) -> None:
    quote = quote_of({"a": [ask, "0", "0"], "b": [bid, "0", "0"], "c": [last, "1"]})
    assert list(map(int, (quote.bid, quote.ask, quote.last))) == list(seen)
    assert quote.one_sided == (0 in {Decimal(bid), Decimal(ask)})


@pytest.mark.parametrize("row", [{"a": ["9"], "b": ["0"], "c": ["0"]}, {"a": ["1"], "b": ["x"], "c": ["1"]}])
def test_a_ticker_row_without_any_price_is_none(row: dict[str, list[str]]) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        quote_of(row)


@pytest.mark.parametrize(
    ("bid", "ask", "last", "worth"),
    [(10, 11, 3, "10.5"), (10, 1000, 12, "12"), (10, 1000, 3, "10"), (10, 12, 30, "12"), (12, 10, 11, "11")],
)
def test_a_coin_is_worth_the_middle_unless_nobody_means_it(bid: int, ask: int, last: int, worth: str) -> None:
    quote = Quote(bid=Decimal(bid), ask=Decimal(ask), last=Decimal(last))
    assert quote.worth == Decimal(worth)


@pytest.mark.parametrize(
    ("descr", "more", "held"),
    [
        ({}, {}, ("USDC", Decimal("2.016"))),
        ({}, {"vol_exec": "0.00004"}, ("USDC", Decimal("1.2096"))),
        ({"type": "sell"}, {"vol_exec": "0.00004"}, ("BTC", Decimal("0.00006"))),
        ({"ordertype": "stop-loss-limit", "price2": "21000.00"}, {}, ("USDC", Decimal("2.1168"))),
        ({"ordertype": "market", "price": "0"}, {"vol": "5", "oflags": "viqc"}, ("USDC", Decimal("5.04"))),
        ({"leverage": "5:1"}, {}, ("USDC", 0)),
    ],
)
def test_what_an_open_order_holds(
    descr: dict[str, str], more: dict[str, str], held: tuple[str, Decimal]
) -> None:
    assert hold_of(ORDER | more | {"descr": ORDER["descr"] | descr}, TABLE) == held


@pytest.mark.parametrize("descr", [{"price": "+5.0%"}, {"price": "0"}, {"pair": "LUNAUSD"}])
def test_what_an_open_order_without_a_price_holds_is_not_known(descr: dict[str, str]) -> None:
    with pytest.raises(UNREADABLE):
        hold_of(ORDER | {"descr": ORDER["descr"] | descr}, TABLE)


@pytest.mark.parametrize(
    "row",
    [
        {
            "apiKeyName": "k",
            "nonce": "17",
            "nonceWindow": 5,
            "permissions": ["a", "b"],
            "validUntil": "0",
            "ipAllowlist": ["192.0.2.7"],
        },
        {
            "api_key_name": "k",
            "nonce": "17",
            "nonce_window": "5",
            "permissions": ["a", "b"],
            "valid_until": "0",
            "ip_allowlist": ["192.0.2.7"],
        },
    ],
)
def test_a_key_is_read_in_both_styles(row: dict[str, Any]) -> None:
    info = api_key_info(row)
    assert (info.name, info.nonce, info.nonce_window, info.valid_until) == ("k", 17, 5, 0)
    assert info.permissions == {"a", "b"}
    assert info.allowed_addresses == ("192.0.2.7",)


@pytest.mark.parametrize("odd", ["soon", {}, -1, 10**30, 1_790_000_000_000, "1e5", Decimal("1e400")])
def test_a_time_or_a_window_that_cannot_be_read_costs_itself_and_not_the_accounts_number(odd: Any) -> None:
    info = api_key_info({"permissions": [], "iban": "AA11", "validUntil": odd})
    assert (info.account_number, info.valid_until) == ("AA11", 0)
    info = api_key_info({"permissions": [], "iban": "AA11", "nonceWindow": {"of": odd}, "nonce": odd})
    assert (info.account_number, info.nonce_window) == ("AA11", 0)


@pytest.mark.parametrize("addresses", [{}, {"ipAllowlist": None}, {"ipAllowlist": []}, {"ipAllowlist": [""]}])
def test_a_key_without_a_list_of_addresses_works_from_all(addresses: dict[str, Any]) -> None:
    assert api_key_info({"permissions": []} | addresses).allowed_addresses == ()


@pytest.mark.parametrize(
    "row", [{"permissions": "query-funds"}, {"permissions": [], "ipAllowlist": "192.0.2.7"}]
)
def test_what_is_no_list_is_not_taken_for_none(row: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        api_key_info(row)


def test_fees_are_read_and_makers_pay_as_takers_where_nothing_else_is_said() -> None:
    # Kraken: the rest of a row is about the next tier.
    told = {
        "fees": {"XBTUSDC": {"fee": "0.8000", "nextfee": None}},
        "fees_maker": {"XBTUSDC": {"fee": "0.4000"}},
    }
    odd: list[OddRow] = []
    assert pair_fees(told, TABLE, odd.append) == (
        PairFee(pair="BTC/USDC", maker=Decimal("0.4"), taker=Decimal("0.8")),
    )
    assert pair_fees({"fees": told["fees"]}, TABLE, odd.append)[0].maker == Decimal("0.8")
    assert pair_fees({"currency": "ZUSD", "volume": "0"}, TABLE, odd.append) == ()
    assert pair_fees({"fees": {"LUNAUSD": {"fee": "0.1"}}}, TABLE, odd.append) == ()
    assert not odd
    assert pair_fees({"fees": {"XBTUSDC": {"fee": None}}}, TABLE, odd.append) == ()
    assert [row.key for row in odd] == ["XBTUSDC"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "", "1,5", None, True, []])
def test_what_is_no_number_is_not_taken_for_one(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, ArithmeticError)):
        number(value)
