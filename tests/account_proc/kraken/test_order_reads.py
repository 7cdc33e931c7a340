"""The record of orders and trades is read in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.calls import UnexpectedForm
from tests.support.kraken_steps import odd, trades
from tests.support.odd_exchange import (
    answer,
)
from tests.support.scripted_kraken import ScriptedKraken, order_row


def test_trades_of_one_instant_are_ordered_by_their_number(tmp_path: Path) -> None:
    rows = {key: row | {"time": 1_000} for key, row in trades(3, 1, 2).items()}

    async def steps(exchange: KrakenExchange) -> None:
        assert [trade.trade_id for trade in await exchange.record.trades_since(1_000.7)] == [1, 2, 3]

    asked = odd(tmp_path, steps, answer({"trades": rows, "count": 3})).asked
    assert asked[-1].params["start"] == "999"


MINE = "6b3a0e0e-54f4-5d0c-9a53-0f1b8a6f2d11"


def shown_row(opentm: float = 1_000.0, **more: Any) -> dict[str, Any]:
    return order_row("open", "0.002", "0") | {"opentm": opentm} | more


def test_open_orders_are_shown_by_age_and_those_that_cannot_be_read_by_their_ids() -> None:
    rows = {"O2": shown_row(1_002.0), "O1": shown_row(1_001.0), "O3": {"status": "open"}}
    kraken = ScriptedKraken({"OpenOrders": {"open": rows}})
    shown, unreadable = asyncio.run(kraken.exchange.record.shown_open_orders())
    assert ([order.txid for order in shown], unreadable) == (["O1", "O2"], ["O3"])


def test_an_order_is_shown_by_its_id_or_not_at_all() -> None:
    kraken = ScriptedKraken({"QueryOrders": {"O1": shown_row(), "O9": shown_row()}})
    record = kraken.exchange.record
    found = asyncio.run(record.shown_order("O1"))
    assert found is not None
    assert found.txid == "O1"
    assert asyncio.run(record.shown_order("O2")) is None


def test_an_order_that_cannot_be_read_is_not_said_to_be_none() -> None:
    kraken = ScriptedKraken({"QueryOrders": {"O1": {"status": "open"}}})
    with pytest.raises(UnexpectedForm, match="O1 cannot be read"):
        asyncio.run(kraken.exchange.record.shown_order("O1"))


def test_by_a_client_order_id_the_newest_order_is_shown_open_ones_first() -> None:
    closed = {
        name: shown_row(at, cl_ord_id=MINE.replace("-", "").upper())
        for name, at in (("O1", 1.0), ("O2", 2.0))
    }
    answers = {"OpenOrders": {"open": {}}, "ClosedOrders": {"closed": closed, "count": 2}}
    kraken = ScriptedKraken(dict(answers))
    found = asyncio.run(kraken.exchange.record.shown_order(cl_ord_id=MINE))
    assert found is not None
    assert found.txid == "O2"
    kraken = ScriptedKraken(answers | {"OpenOrders": {"open": {"O3": shown_row(cl_ord_id=MINE)}}})
    found = asyncio.run(kraken.exchange.record.shown_order(cl_ord_id=MINE))
    assert found is not None
    assert found.txid == "O3"
    assert kraken.times_asked("ClosedOrders") == 0
