"""What an account has is never less than the exchange says, and what cannot be read is not zero."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.kraken.account_reads import LEDGER_PAGES_MAX
from krakencopy.account_proc.kraken.api import KrakenExchange
from tests.support.kraken_steps import odd
from tests.support.odd_exchange import (
    answer,
)


@pytest.mark.parametrize("result", [[], "none", 7])
def test_what_is_no_balances_is_not_taken_for_none(tmp_path: Path, result: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown):
            await exchange.account.balances()

    odd(tmp_path, steps, answer(result))


@pytest.mark.parametrize("row", ["1", [], {}, {"balance": "1", "hold_trade": "much"}, {"balance": None}])
def test_holdings_of_an_unexpected_form_are_not_known_and_not_zero(tmp_path: Path, row: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        balances, holds = await exchange.account.holdings()
        assert balances == {"BTC": 1}
        assert balances.unknown == {"USD"}
        assert holds == {}

    odd(tmp_path, steps, answer({"ZUSD": row, "XXBT": {"balance": "1"}}))


def test_holdings_are_balances_and_what_open_orders_hold_of_them(tmp_path: Path) -> None:
    rows = {
        "ZUSD": {"balance": "25435.21", "hold_trade": "8249.76"},
        "XXBT": {"balance": 1.5},
        "USD.F": {"balance": "2", "hold_trade": "0"},
    }

    async def steps(exchange: KrakenExchange) -> None:
        balances, holds = await exchange.account.holdings()
        assert balances == {"USD": Decimal("25435.21"), "BTC": Decimal("1.5"), "USD.F": 2}
        assert holds == {"USD": Decimal("8249.76")}

    odd(tmp_path, steps, answer(rows))


@pytest.mark.parametrize("amount", ["much", "NaN", None, True, [], {}, "1e999999999"])
def test_a_balance_that_cannot_be_read_is_not_known_and_not_zero(tmp_path: Path, amount: object) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        balances = await exchange.account.balances()
        assert balances == {"BTC": 1}
        assert balances.unknown == {"USD"}

    odd(tmp_path, steps, answer({"ZUSD": amount, "XXBT": "1"}))


def test_kinds_of_an_asset_and_unknown_ones_stand_by_themselves(tmp_path: Path) -> None:
    async def steps(exchange: KrakenExchange) -> None:
        assert await exchange.account.balances() == {"USD": 1, "USD.F": 2, "NEW": 3, "BTC.HOLD": 4}

    odd(tmp_path, steps, answer({"ZUSD": "1", "USD.F": "2", "NEW": 3, "XXBT.HOLD": "4"}))


def test_numbers_of_the_answer_never_become_floats(tmp_path: Path) -> None:
    body = json.dumps({"error": [], "result": {"ZUSD": 0}}).replace("0}", "0.10000000000000000001}").encode()

    async def steps(exchange: KrakenExchange) -> None:
        assert (await exchange.account.balances())["USD"] == Decimal("0.10000000000000000001")

    odd(tmp_path, steps, answer(body=body))


def test_the_ledger_of_balances_is_read_with_fees_taken_off_oldest_first(tmp_path: Path) -> None:
    row = {"refid": "R1", "type": "spend", "asset": "ZUSD", "amount": "-5.5", "fee": "0.5"}
    rows = {
        "L2": {**row, "time": 1688464485.5},
        "L1": {**row, "time": 1688464484.5, "type": "receive", "asset": "XXBT", "amount": "1", "fee": "0"},
    }

    async def steps(exchange: KrakenExchange) -> None:
        found = await exchange.account.ledger_entries(1688464480.9)
        assert [(one.id, one.refid, one.kind, one.asset, one.change) for one in found] == [
            ("L1", "R1", "receive", "BTC", Decimal(1)),
            ("L2", "R1", "spend", "USD", Decimal(-6)),
        ]

    odd(tmp_path, steps, answer({"ledger": rows, "count": 2}))


@pytest.mark.parametrize("change", [{"amount": "much"}, {"refid": None}, {"time": "x"}, {"type": 7}])
def test_a_ledger_with_a_row_that_cannot_be_read_is_no_answer(
    tmp_path: Path, change: dict[str, object]
) -> None:
    row = {"refid": "R1", "type": "spend", "asset": "ZUSD", "amount": "-5.5", "fee": "0.5", "time": 1.5}

    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown):
            await exchange.account.ledger_entries(0.0)

    odd(tmp_path, steps, answer({"ledger": {"L1": {**row, **change}}, "count": 1}))


def test_more_of_a_ledger_than_is_read_is_no_answer(tmp_path: Path) -> None:
    row = {"refid": "R1", "type": "spend", "asset": "ZUSD", "amount": "-5.5", "fee": "0.5", "time": 1.5}
    pages = (answer({"ledger": {f"L{page}": row}, "count": 1000}) for page in range(LEDGER_PAGES_MAX))

    async def steps(exchange: KrakenExchange) -> None:
        with pytest.raises(OutcomeUnknown, match="more than 4 pages"):
            await exchange.account.ledger_entries(0.0)

    odd(tmp_path, steps, *pages)
