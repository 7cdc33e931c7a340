"""Histories are read page by page, whole, and each row once."""

from __future__ import annotations

from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import RateLimited
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.calls import PAGE_TRIES
from tests.support.kraken_steps import TABLE, odd, trades
from tests.support.odd_exchange import (
    answer,
)


def test_pages_that_shift_while_they_are_read_lose_and_double_nothing(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        found = await exchange.record.trades_since(0.0, 5_000.5)
        assert [trade.trade_id for trade in found] == list(range(1, 101))

    first = {"trades": trades(*range(51, 101)), "count": 100}
    shifted = {"trades": trades(*range(2, 52)), "count": 101}
    last = {"trades": trades(1), "count": 101}
    asked = odd(tmp_path, steps, answer(first), answer(shifted), answer(last)).asked[len(TABLE) :]
    assert [request.params["ofs"] for request in asked] == ["0", "50", "100"]
    assert {request.params["end"] for request in asked} == {"5001"}
    assert {request.params["consolidate_taker"] for request in asked} == {"false"}


def test_pages_without_a_count_end_with_a_short_one(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert len(await exchange.record.trades_since(0.0)) == 51

    odd(tmp_path, steps, answer({"trades": trades(*range(50))}), answer({"trades": trades(50)}))


def test_a_count_of_more_than_there_is_ends_with_an_empty_page(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert len(await exchange.record.trades_since(0.0)) == 2

    asked = odd(
        tmp_path, steps, answer({"trades": trades(1, 2), "count": 900}), answer({"trades": {}, "count": 900})
    )
    assert len(asked.asked) == len(TABLE) + 2


def test_a_page_that_is_refused_for_the_rate_is_asked_for_again_but_not_for_ever(tmp_path: Path) -> None:
    limited = answer(None, "EAPI:Rate limit exceeded")

    async def patient(exchange: KrakenExchange) -> None:
        assert len(await exchange.record.trades_since(0.0)) == 1

    odd(tmp_path, patient, limited, limited, answer({"trades": trades(1), "count": 1}))

    async def stopped(exchange: KrakenExchange) -> None:
        with pytest.raises(RateLimited):
            await exchange.record.trades_since(0.0)

    asked = odd(tmp_path, stopped, *[limited] * (PAGE_TRIES + 1)).asked
    assert len(asked) == len(TABLE) + PAGE_TRIES + 1
