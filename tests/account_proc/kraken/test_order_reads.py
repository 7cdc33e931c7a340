"""The record of orders and trades is read in order."""

from __future__ import annotations

from pathlib import Path

from krakencopy.account_proc.kraken.api import KrakenExchange
from tests.support.kraken_steps import odd, trades
from tests.support.odd_exchange import (
    answer,
)


def test_trades_of_one_instant_are_ordered_by_their_number(tmp_path: Path) -> None:
    rows = {key: row | {"time": 1_000} for key, row in trades(3, 1, 2).items()}

    async def steps(exchange: KrakenExchange) -> None:
        assert [trade.trade_id for trade in await exchange.record.trades_since(1_000.7)] == [1, 2, 3]

    asked = odd(tmp_path, steps, answer({"trades": rows, "count": 3})).asked
    assert asked[-1].params["start"] == "999"
