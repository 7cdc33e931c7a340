"""What ccxt says becomes our values and errors: nothing is guessed, and an order is only gone when that is
certain.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.ccxt_broker.messages import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    Balance,
    Sent,
    balances_of,
    cause,
    ending_of,
    equity_in,
    error_of,
    found_order,
    markets_of,
    number,
    order_id_of,
    price_or_none,
    with_client_id,
)
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.trading.broker import Market


def raised(*names: str) -> Exception:
    """An exception of ccxt: the last name is its class, those before it are its bases."""
    kind: type[Exception] = Exception
    for name in names:
        kind = type(name, (kind,), {})
    return kind("said so")


ANSWERED, FAILED, SILENT, NOT_SENT = Sent(True, 200), Sent(True, 500), Sent(True, None), Sent(False, None)


@pytest.mark.parametrize(
    ("error", "sent", "kind"),
    [
        (raised("ExchangeError", "InsufficientFunds"), ANSWERED, ExchangeRefused),
        (raised("ExchangeError", "BadRequest", "BadSymbol"), ANSWERED, ExchangeRefused),
        (raised("ExchangeError", "OperationRejected", "MarketClosed"), ANSWERED, ExchangeRefused),
        (raised("ExchangeError", "AuthenticationError", "PermissionDenied"), ANSWERED, KeyRefused),
        (raised("NetworkError", "RateLimitExceeded"), ANSWERED, RateLimited),
        # An answer of a server that failed proves nothing, whatever it says.
        (raised("ExchangeError", "InsufficientFunds"), FAILED, OutcomeUnknown),
        (raised("ExchangeError", "AuthenticationError"), FAILED, OutcomeUnknown),
        (raised("NetworkError", "RateLimitExceeded"), FAILED, OutcomeUnknown),
        (raised("NetworkError", "DDoSProtection"), SILENT, OutcomeUnknown),
        # The exchange knows our id already: the order may be there.
        (raised("ExchangeError", "InvalidOrder", "DuplicateOrderId"), ANSWERED, OutcomeUnknown),
        (raised("ExchangeError", "InvalidOrder", "OrderNotFound"), ANSWERED, OutcomeUnknown),
        # Names for whatever has no better one.
        (raised("ExchangeError"), ANSWERED, OutcomeUnknown),
        (raised("NetworkError", "InvalidNonce"), ANSWERED, OutcomeUnknown),
        (raised("NetworkError", "RequestTimeout"), SILENT, OutcomeUnknown),
        (raised("NetworkError", "ExchangeNotAvailable", "OnMaintenance"), ANSWERED, OutcomeUnknown),
        (KeyError("price"), ANSWERED, OutcomeUnknown),
        # What never left did nothing.
        (raised("NetworkError"), NOT_SENT, ExchangeRefused),
        (ValueError("no"), NOT_SENT, ExchangeRefused),
        (raised("ExchangeError"), Sent(True, 200, refused=True), ExchangeRefused),
        (raised("ExchangeError"), Sent(True, 502, refused=True), OutcomeUnknown),
    ],
)  # fmt: skip
def test_only_what_is_certain_is_a_refusal(error: Exception, sent: Sent, kind: type[ExchangeError]) -> None:
    assert type(error_of("createOrder", error, sent)) is kind


def test_a_cause_is_one_short_line_without_what_was_signed() -> None:
    told = cause(ValueError("GET https://x.test/order?signature=abc&t=1 <html>\n\n" + "x" * 500))
    assert "signature" not in told
    assert "https://x.test/order" in told
    assert len(told) <= 200
    assert told.isprintable()


@given(st.decimals(-(10**16), 10**16, places=20))
def test_a_number_is_the_number_that_was_written(value: Decimal) -> None:
    assert number(str(value)) == value


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1,5", "abc"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        number(value)


def row(**more: Any) -> dict[str, Any]:
    return {
        "id": "XXBTZUSD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "spot": True, "active": True,
        "precision": {"amount": "1e-8", "price": "0.1"},
        "limits": {"amount": {"min": "0.00005"}, "cost": {"min": None}}, **more,
    }  # fmt: skip


def test_a_market_is_known_by_all_its_spellings() -> None:
    markets = markets_of({"BTC/USD": row()}, TICK_SIZE)
    assert markets["BTC/USD"] is markets["XXBTZUSD"]
    assert markets["BTC/USD"] == Market(
        name="BTC/USD",
        base="BTC",
        quote="USD",
        lot=Decimal("1e-8"),
        tick=Decimal("0.1"),
        ordermin=Decimal("0.00005"),
        costmin=Decimal(0),
    )


def test_rules_are_read_as_the_exchange_counts_them() -> None:
    precision = {"amount": 8, "price": 5}
    assert markets_of({"": row(precision=precision)}, DECIMAL_PLACES)["BTC/USD"].tick == Decimal("0.00001")
    # Significant digits of a volume are no lot.
    assert markets_of({"": row(precision=precision)}, SIGNIFICANT_DIGITS) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"spot": False},
        {"active": False},
        {"precision": {"amount": None, "price": "1"}},
        {"limits": {"amount": {"min": "?"}}},
    ],
)
def test_a_market_that_takes_no_orders_or_tells_no_rules_is_left_out(more: dict[str, Any]) -> None:
    assert markets_of({"BTC/USD": row(**more)}, TICK_SIZE) == {}


def no_odd(asset: str, error: Exception) -> None:
    raise AssertionError(asset) from error


def test_equity_is_known_when_every_price_is() -> None:
    told = {"free": {"USD": "10", "BTC": "1"}, "total": {"USD": "10", "BTC": "2", "EUR": "0", "DUST": "5"}}
    balances = balances_of(told, no_odd)
    assert balances == {
        "USD": Balance(Decimal(10), Decimal(10)),
        "BTC": Balance(Decimal(1), Decimal(2)),
        "DUST": Balance(Decimal(0), Decimal(5)),
    }
    assert equity_in("USD", balances, {"BTC/USD": Decimal(100)}, ["BTC/USD"]) == 210
    assert equity_in("USD", balances, {}, ["BTC/USD"]) is None
    assert equity_in("BTC", balances, {"BTC/USD": Decimal(100)}, ["BTC/USD"]) == Decimal("2.1")


def told(status: str | None, **more: Any) -> dict[str, Any]:
    return {"id": "1", "clientOrderId": "mine", "status": status, "side": "buy", "symbol": "BTC/USD", **more}


def test_an_order_that_can_still_trade_has_no_ending() -> None:
    assert ending_of(told("open", filled="1", cost="5"), "1") is None
    assert ending_of(told(None), "1") is None
    # Over, but what it cost is not told yet.
    assert ending_of(told("closed", filled="1", cost=None), "1") is None


def test_an_ending_has_its_fees_by_asset() -> None:
    fees = [
        {"currency": "USD", "cost": "0.1"},
        {"currency": "BNB", "cost": "0.2"},
        {"currency": "USD", "cost": "0.3"},
    ]
    ending = ending_of(told("closed", filled="2", average="50", fees=fees), "1")
    assert ending is not None
    assert (ending.filled, ending.cost) == (Decimal(2), Decimal(100))
    assert ending.fees == {"USD": Decimal("0.4"), "BNB": Decimal("0.2")}


def test_an_order_is_ours_by_its_id_alone_and_its_end_counts() -> None:
    rows = [
        told("canceled", filled="0") | {"clientOrderId": "x"},
        told("open"),
        told("closed", filled="1", cost="9"),
    ]
    mine = with_client_id(rows, "mine")
    assert mine is rows[2]
    assert found_order(mine).ending is not None
    assert with_client_id(rows, "other") is None


def test_a_balance_that_cannot_be_read_costs_that_balance() -> None:
    odd: list[str] = []
    rows = {
        "total": {"USD": "10", "BTC": "-1", "ETH": "1e400", "a\u202eb": "1", "EUR": "NaN"},
        "free": {"USD": "9"},
    }
    balances = balances_of(rows, lambda asset, _: odd.append(asset))
    assert balances == {"USD": Balance(Decimal(9), Decimal(10))}
    assert odd == ["BTC", "ETH", "a b", "EUR"]


def test_where_there_is_no_price_an_asset_counts_nothing() -> None:
    balances = {"USD": Balance(Decimal(1), Decimal(1)), "BTC": Balance(Decimal(1), Decimal(1))}
    for symbol in ("BTC/USD", "USD/BTC"):
        assert equity_in("USD", balances, {symbol: Decimal(0)}, [symbol]) == 1
    assert price_or_none("0") is None
    assert price_or_none(None) is None
    assert price_or_none("50000") == 50_000
    with pytest.raises(ValueError, match="not a price"):
        price_or_none("-1")


@pytest.mark.parametrize(
    "row", [None, {}, {"id": None}, {"id": ""}, {"id": 7}, {"id": "a\ud800"}, {"id": "x" * 65}]
)
def test_an_answer_without_an_id_that_can_be_written_down_says_nothing_of_the_order(row: Any) -> None:
    assert order_id_of({"id": "O1"}) == "O1"
    with pytest.raises(OutcomeUnknown):
        order_id_of(row)
