"""Sparse rows become whole executions; what cannot be made whole is kept as Incomplete, and nothing is
dropped.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.errors import loads
from krakencopy.account_proc.kraken.feed import executions as executions_module
from krakencopy.account_proc.kraken.feed.executions import Execution, ExecutionsMerge, Incomplete

# Kraken: the life of an order as its documentation shows it.
PENDING: dict[str, Any] = {
    "order_id": "OK4GJX-KSTLS-7DZZO5",
    "order_userref": 3,
    "cl_ord_id": "mine",
    "symbol": "BTC/USD",
    "order_qty": Decimal("0.005"),
    "cum_cost": 0,
    "time_in_force": "GTC",
    "exec_type": "pending_new",
    "side": "sell",
    "order_type": "limit",
    "limit_price_type": "static",
    "limit_price": 26500,
    "order_status": "pending_new",
    "timestamp": "2023-09-22T10:33:05.709950Z",
}
NEW = {
    "timestamp": "2023-09-22T10:33:05.709982Z",
    "order_status": "new",
    "exec_type": "new",
    "order_userref": 3,
    "order_id": "OK4GJX-KSTLS-7DZZO5",
}
TRADE = loads(
    b"""{"order_id":"OK4GJX-KSTLS-7DZZO5","order_userref":3,"exec_id":"TGBB7L-HT5LX-J3BZ4A","exec_type":"trade",
    "trade_id":62887576,"symbol":"BTC/USD","side":"sell","last_qty":0.005,"last_price":26599.9,"liquidity_ind":"t",
    "cost":132.9995,"order_type":"limit","timestamp":"2023-09-22T10:33:05.709993123Z","order_status":"partially_filled",
    "cum_qty":0.005,"cum_cost":132.9995,"avg_price":26599.9,"fee_usd_equiv":0.3458,"fees":[{"asset":"USD","qty":0.3458}]}"""
)
FILLED = {
    "timestamp": "2023-09-22T10:33:05.710000Z",
    "order_status": "filled",
    "exec_type": "filled",
    "order_id": "OK4GJX-KSTLS-7DZZO5",
}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def one(merge: ExecutionsMerge, row: Any) -> Execution:
    (execution,) = merge.parse([row])
    assert isinstance(execution, Execution), execution
    return execution


def test_the_life_of_an_order_is_read_as_documented() -> None:
    pending, new, trade, filled = ExecutionsMerge().parse([PENDING, NEW, TRADE, FILLED])
    assert all(isinstance(row, Execution) for row in (pending, new, trade, filled))
    assert trade == Execution(
        exec_type="trade",
        order_id="OK4GJX-KSTLS-7DZZO5",
        cl_ord_id="mine",
        pair="BTC/USD",
        side=Side.SELL,
        order_type="limit",
        order_status="partially_filled",
        order_qty=Decimal("0.005"),
        exec_id="TGBB7L-HT5LX-J3BZ4A",
        trade_id=62887576,
        last_qty=Decimal("0.005"),
        last_price=Decimal("26599.9"),
        cost=Decimal("132.9995"),
        fees=(("USD", Decimal("0.3458")),),
        liquidity="t",
        cum_qty=Decimal("0.005"),
        margin=False,
        reason="",
        timestamp=datetime(2023, 9, 22, 10, 33, 5, 709993, UTC),
    )
    assert isinstance(filled, Execution)
    assert (filled.pair, filled.order_status, filled.exec_id) == ("BTC/USD", "filled", "")
    assert filled.last_qty == Decimal(0)
    assert filled.cum_qty == Decimal("0.005")


@given(st.sets(st.sampled_from(["symbol", "side", "order_type", "order_qty", "cl_ord_id", "cum_qty"])))
def test_what_a_trade_leaves_out_is_taken_from_earlier_rows(left_out: set[str]) -> None:
    whole = ExecutionsMerge()
    whole.parse([PENDING | {"cum_qty": TRADE["cum_qty"]}])
    sparse = ExecutionsMerge()
    sparse.parse([PENDING | {"cum_qty": TRADE["cum_qty"]}])
    assert one(sparse, without(TRADE, *left_out)) == one(whole, TRADE)


@pytest.mark.parametrize(
    "name", ["symbol", "side", "exec_id", "last_qty", "last_price", "timestamp", "order_id", "exec_type"]
)
def test_a_trade_that_cannot_be_made_whole_is_kept_as_incomplete(name: str) -> None:
    (row,) = ExecutionsMerge().parse([without(TRADE, name)])
    assert isinstance(row, Incomplete)
    assert name in row.missing
    assert row.exec_id == ("" if name == "exec_id" else "TGBB7L-HT5LX-J3BZ4A")


@pytest.mark.parametrize(
    "damage",
    [
        {"side": "up"},
        {"last_qty": "much"},
        {"last_qty": 0},
        {"last_price": -1},
        {"cost": []},
        {"fees": [{"asset": "USD"}]},
        {"fees": "none"},
        {"timestamp": "yesterday"},
        {"timestamp": 5},
    ],
)
def test_a_trade_that_cannot_be_read_is_kept_as_incomplete(damage: dict[str, Any]) -> None:
    (row,) = ExecutionsMerge().parse([TRADE | damage])
    assert isinstance(row, Incomplete)
    assert row.missing


@pytest.mark.parametrize(
    "damage",
    [
        {"trade_id": "x"},
        {"order_qty": {}},
        {"cum_qty": "1e999999999"},
        {"order_type": 5},
        {"order_status": []},
    ],
)
def test_a_trade_is_one_whatever_is_odd_about_what_it_does_not_need(damage: dict[str, Any]) -> None:
    (row,) = ExecutionsMerge().parse([TRADE | damage])
    assert isinstance(row, Execution)
    assert (row.exec_id, row.last_qty) == ("TGBB7L-HT5LX-J3BZ4A", Decimal("0.005"))


def test_a_row_of_an_unknown_order_is_incomplete_until_the_order_is_told() -> None:
    merge = ExecutionsMerge()
    (row,) = merge.parse([NEW])
    assert row == Incomplete(
        exec_type="new", order_id=str(NEW["order_id"]), exec_id="", missing=("symbol", "side")
    )
    merge.parse([PENDING])
    assert one(merge, NEW).pair == "BTC/USD"


def test_numbers_may_come_as_strings_or_whole_numbers() -> None:
    row = one(ExecutionsMerge(), TRADE | {"last_qty": "0.005", "last_price": 26599, "cost": None})
    assert (row.last_qty, row.last_price, row.cost) == (Decimal("0.005"), Decimal(26599), Decimal("132.995"))


def test_a_trade_without_fees_has_none() -> None:
    assert one(ExecutionsMerge(), without(TRADE, "fees")).fees == ()


@pytest.mark.parametrize("sign", [{"margin": True}, {"margin_borrow": True}, {"position_status": "opened"}])
def test_a_margin_order_stays_one_in_all_its_rows(sign: dict[str, Any]) -> None:
    merge = ExecutionsMerge()
    merge.parse([PENDING | sign])
    assert one(merge, TRADE).margin
    assert not one(ExecutionsMerge(), TRADE | {"margin": False, "margin_borrow": False}).margin


def test_a_cancelled_order_tells_why() -> None:
    cancelled = FILLED | {"exec_type": "canceled", "order_status": "canceled", "reason": "User requested"}
    merge = ExecutionsMerge()
    merge.parse([PENDING])
    assert one(merge, cancelled).reason == "User requested"
    assert one(merge, without(cancelled, "reason") | {"cancel_reason": "STP"}).reason == "STP"


def test_ended_orders_are_remembered_for_a_while_and_open_ones_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executions_module, "ENDED_ORDERS_MAX", 3)
    merge = ExecutionsMerge()
    merge.parse([PENDING | {"order_id": "open"}])
    for number in range(10):
        merge.parse([PENDING | {"order_id": f"O{number}"}, FILLED | {"order_id": f"O{number}"}])
    assert len(merge) == 4
    assert one(merge, NEW | {"order_id": "open"}).pair == "BTC/USD"
    assert one(merge, without(TRADE, "symbol", "side") | {"order_id": "O9"}).side is Side.SELL
    assert isinstance(merge.parse([NEW | {"order_id": "O1"}])[0], Incomplete)


def test_memory_is_bounded_also_when_orders_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executions_module, "OPEN_ORDERS_MAX", 5)
    merge = ExecutionsMerge()
    for number in range(50):
        merge.parse([PENDING | {"order_id": f"O{number}"}])
    assert len(merge) == 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(json_values | st.dictionaries(st.sampled_from(sorted(TRADE)), json_values)))
def test_any_rows_give_as_many_executions_or_incomplete_ones(rows: list[Any]) -> None:
    found = ExecutionsMerge().parse(rows)
    assert len(found) == len(rows)
