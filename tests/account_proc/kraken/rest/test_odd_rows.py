"""Rows with fields dropped and types swapped, through every reader: a row that cannot be read costs that
row, and raises nothing.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    OutcomeUnknown,
)
from krakencopy.account_proc.domain.pairs import NOT_LISTED
from krakencopy.account_proc.domain.sent_values import number
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import Execution, ExecutionsMerge, Incomplete
from krakencopy.account_proc.kraken.pair_rows import TOKENIZED, pair_table
from krakencopy.account_proc.kraken.rest.messages import OddRow, api_key_info
from krakencopy.account_proc.kraken.rest.request_queue import RequestQueue
from tests.support.scripted_kraken import ASSETS, PAIRS, TABLE, ScriptedKraken, order_row, run

NOTHING: Any = object()
ODD_VALUES = st.sampled_from(
    [
        NOTHING,
        None,
        "",
        "much",
        "NaN",
        "1e999999999",
        "1e-8",
        0,
        -1,
        7,
        True,
        [],
        {},
        ["1"],
        {"a": {}},
        Decimal("2.5"),
        "settle",
        "held",
    ]
)

TRADE: dict[str, Any] = {
    "ordertxid": "O1",
    "postxid": "TKH2SE",
    "pair": "XXBTZUSD",
    "aclass": "forex",
    "time": Decimal("1782587828.68"),
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
TICKER: dict[str, Any] = {"b": ["49999", "1", "1"], "a": ["50001", "1", "1"], "c": ["50000", "1"]}
EXECUTION: dict[str, Any] = {
    "order_id": "O1",
    "exec_id": "T1",
    "exec_type": "trade",
    "trade_id": 1,
    "symbol": "BTC/USD",
    "side": "sell",
    "last_qty": Decimal("0.005"),
    "last_price": Decimal("26599.9"),
    "cost": Decimal("132.9"),
    "order_type": "limit",
    "liquidity_ind": "t",
    "timestamp": "2023-09-22T10:33:05.709993Z",
    "order_status": "filled",
    "order_qty": Decimal("0.005"),
    "fees": [{"asset": "USD", "qty": Decimal("0.3458")}],
    "cum_qty": Decimal("0.005"),
    "margin": False,
}


def paths(row: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something can be put in a row; the empty path is the row itself."""
    found = [before]
    if isinstance(row, dict | list):
        for key, value in row.items() if isinstance(row, dict) else enumerate(row):
            found += paths(value, (*before, key))
    return found


def damaged(row: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The row with something else at a place, or without what was there."""
    if not path:
        return None if value is NOTHING else value
    made = copy.deepcopy(row)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    if value is NOTHING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return made


def odd(row: Any) -> st.SearchStrategy[Any]:
    return st.builds(lambda path, value: damaged(row, path, value), st.sampled_from(paths(row)), ODD_VALUES)


def read(always: dict[str, Any], ask: Callable[[KrakenExchange], Awaitable[Any]]) -> tuple[Any, list[OddRow]]:
    told: list[OddRow] = []
    kraken = ScriptedKraken(always)
    exchange = KrakenExchange(cast("RequestQueue", kraken), odd=lambda _, row: told.append(row))
    exchange.market.read_names_by(TABLE)
    return asyncio.run(ask(exchange)), told  # type: ignore[arg-type]


GOOD_ORDER = order_row("closed", "2", "2")


@given(odd(GOOD_ORDER))
def test_an_order_beside_an_odd_row_is_read(row: Any) -> None:
    rows = {"OODD": row, "OGOOD": GOOD_ORDER}
    always = {
        "OpenOrders": {"open": rows}, "ClosedOrders": {"closed": rows, "count": 2}, "QueryOrders": rows,
    }  # fmt: skip
    for ask in (
        lambda exchange: exchange.record.open_orders(),
        lambda exchange: exchange.record.closed_orders(None, 0.0),
        lambda exchange: exchange.record.query_orders(["OODD", "OGOOD"]),
    ):
        found, told = read(always, ask)
        found = found if isinstance(found, list) else list(found.values())
        assert "OGOOD" in [order.txid for order in found]
        assert sorted([*(order.txid for order in found), *(row.key for row in told)]) == ["OGOOD", "OODD"]


@given(odd(TRADE))
def test_a_trade_beside_an_odd_row_is_read(row: Any) -> None:
    always = {"TradesHistory": {"trades": {"TODD": row, "TGOOD": TRADE}, "count": 2}}
    found, told = read(always, lambda exchange: exchange.record.trades_since(0.0))
    assert "TGOOD" in [trade.txid for trade in found]
    assert sorted([*(trade.txid for trade in found), *(row.key for row in told)]) == ["TGOOD", "TODD"]
    assert all(trade.price > 0 and trade.vol > 0 and plain(trade.cost) for trade in found)


@pytest.mark.parametrize("at", [1_782_587_828_680, "9e11", 4_000_000_000, "1782587828680000000"])
def test_a_trade_of_the_time_to_come_is_no_trade_and_hides_none(at: object) -> None:
    always = {"TradesHistory": {"trades": {"TODD": TRADE | {"time": at}, "TGOOD": TRADE}, "count": 2}}
    found, told = read(always, lambda exchange: exchange.record.trades_since(0.0))
    assert [trade.txid for trade in found] == ["TGOOD"]
    assert [row.key for row in told] == ["TODD"]


@pytest.mark.parametrize("at", [1_782_587_828_680, 0, -1, "soon"])
def test_an_order_of_no_time_is_told_as_odd(at: object) -> None:
    rows = {"O1": GOOD_ORDER | {"opentm": at}, "O2": GOOD_ORDER}
    found, told = read({"QueryOrders": rows}, lambda exchange: exchange.record.query_orders(["O1", "O2"]))
    assert list(found) == ["O2"]
    assert [row.key for row in told] == ["O1"]


@given(odd(TICKER))
def test_a_price_beside_an_odd_row_is_read(row: Any) -> None:
    always = {"Ticker": {"XXBTZUSD": row, "XETHZUSD": TICKER}}
    quotes, told = read(always, lambda exchange: exchange.market.ticker(["BTC/USD", "ETH/USD"]))
    assert "ETH/USD" in quotes
    assert ("BTC/USD" in quotes) is (not told)
    assert all(quote.bid > 0 for quote in quotes.values())


@given(ODD_VALUES.filter(lambda value: value is not NOTHING))
def test_a_balance_beside_an_odd_row_is_read_and_the_odd_one_is_not_zero(amount: Any) -> None:
    balances, told = read(
        {"Balance": {"XXBT": amount, "ZUSD": "5"}}, lambda exchange: exchange.account.balances()
    )
    assert balances["USD"] == 5
    assert ("BTC" in balances) is ("BTC" not in balances.unknown) is (not told)


@given(odd({"fee": "0.8000", "nextfee": None}))
def test_a_fee_beside_an_odd_row_is_read(row: Any) -> None:
    always = {"TradeVolume": {"fees": {"XXBTZUSD": row, "XETHZUSD": {"fee": "0.4"}}, "fees_maker": None}}
    fees, told = read(always, lambda exchange: exchange.account.trade_fees(["BTC/USD", "ETH/USD"]))
    assert "ETH/USD" in [fee.pair for fee in fees]
    assert len(fees) + len(told) == 2


@given(odd(PAIRS["XXBTZUSD"]), odd(ASSETS["XXBT"]))
def test_a_pair_beside_an_odd_row_is_listed_and_an_odd_one_is_remembered(pair: Any, asset: Any) -> None:
    always = {"AssetPairs": PAIRS | {"XXBTZUSD": pair}, "Assets": ASSETS | {"XXBT": asset}}
    table, told = read(always, lambda exchange: exchange.market.asset_pairs())
    assert table.pair("ETH/USD") == TABLE.pair("ETH/USD")
    assert table.skipped == tuple(row.key for row in told)
    joined = table.remembering([TABLE.pair("BTC/USD")])
    known = joined.pair("BTC/USD")
    if table.find("BTC/USD") is None and "XXBTZUSD" in table.skipped:
        # It is listed; only its row is odd.
        assert known.status == "online"


@pytest.mark.parametrize("answer", [[], "none", 7, None, OutcomeUnknown("AssetPairs", "HTTP 502")])
def test_without_an_answer_about_tokenised_assets_everything_else_is_listed(answer: Any) -> None:
    class Listing(ScriptedKraken):
        def answer_public(self, method: str, params: dict[str, str]) -> Any:
            return answer if TOKENIZED in params.values() else super().answer_public(method, params)

    async def steps() -> None:
        table = await Listing().exchange.market.asset_pairs()
        assert table.pair("BTC/USD") == TABLE.pair("BTC/USD")

    run(steps())


def test_a_pair_that_is_gone_keeps_its_rules_and_says_so() -> None:
    table = pair_table({"XETHZUSD": PAIRS["XETHZUSD"]}, ASSETS).remembering(
        [TABLE.pair("BTC/USD"), TABLE.pair("ETH/USD")]
    )
    gone = table.pair("XBTUSD")
    assert (gone.name, gone.status, gone.ordermin) == ("BTC/USD", NOT_LISTED, Decimal("0.00005"))
    assert table.pair("ETH/USD").status == "online"


@given(st.lists(odd(EXECUTION), max_size=3))
def test_an_execution_beside_odd_rows_is_told(rows: list[Any]) -> None:
    parsed = ExecutionsMerge().parse([*rows, EXECUTION | {"exec_id": "TGOOD", "order_id": "OGOOD"}])
    assert len(parsed) == len(rows) + 1
    assert isinstance(parsed[-1], Execution)
    assert parsed[-1].exec_id == "TGOOD"
    for row in parsed:
        assert isinstance(row, Incomplete) or row.exec_type != "trade" or (row.last_qty > 0 and row.exec_id)


@given(
    odd(
        {
            "permissions": ["query-funds"],
            "nonce": "5",
            "nonceWindow": 0,
            "validUntil": "0",
            "ipAllowlist": [""],
        }
    )
)
def test_what_a_key_may_do_is_known_or_not(row: Any) -> None:
    try:
        info = api_key_info(row)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return
    assert info.permissions <= {"query-funds", "settle", "held", "1", "7"} or info.permissions


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12),
        lambda inner: st.lists(inner, max_size=2),
    )
)
def test_a_number_is_a_number_of_a_size_that_money_has(value: Any) -> None:
    try:
        found = number(value)
    except (TypeError, ValueError, ArithmeticError):
        return
    assert len(plain(found)) < 200
