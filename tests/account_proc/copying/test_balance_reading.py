"""Balances are read out of turn one reading at a time, again where one may be too old, and not too often."""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.copying import balance_reading
from krakencopy.account_proc.copying.balance_reading import BalanceReading
from krakencopy.account_proc.trading.portfolio import Portfolio
from tests.support.copying import NOW
from tests.support.scripted_kraken import ScriptedKraken, run, until


@pytest.fixture(autouse=True)
def _readings_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance_reading, "REREAD_S", 0.0)
    monkeypatch.setattr(balance_reading, "HOLDS_SOON_S", 0.0)


class Account:
    """A wallet and its readings before a scripted exchange."""

    def __init__(self, holds_pause_s: float = 0.0) -> None:
        self.kraken = ScriptedKraken({"Balance": {"ZUSD": "1000"}})
        self.now = NOW
        self.portfolio = Portfolio(self.kraken.exchange, lambda: None, lambda: self.now, 60.0)
        self.balances = BalanceReading(self.portfolio, holds_pause_s)

    def times_read(self) -> int:
        return self.kraken.times_asked("BalanceEx")

    async def done(self) -> None:
        await until(lambda: self.balances._reading is not None and self.balances._reading.done())


def test_one_reading_follows_another_that_may_be_older_than_what_was_missed() -> None:
    async def steps() -> None:
        account = Account()
        await account.portfolio.load()
        before = account.times_read()
        account.kraken.held["BalanceEx"] = asyncio.Event()
        account.balances.read_now()
        await asyncio.sleep(0)  # it is being read
        account.balances.read_now()
        account.balances.read_now()
        account.kraken.held.pop("BalanceEx").set()
        await account.done()
        assert account.times_read() == before + 2

    run(steps())


def test_readings_go_on_until_none_can_miss_a_trade_from_before_this_process() -> None:
    async def steps() -> None:
        account = Account()
        await account.portfolio.load()
        before = account.times_read()
        account.balances.certain_at = NOW + 10
        account.balances.read_now()
        await until(lambda: account.times_read() > before + 3)
        account.now += 10
        await account.done()

    run(steps())


def test_balances_that_cannot_be_read_are_left_to_the_next_reading(caplog: pytest.LogCaptureFixture) -> None:
    async def steps() -> None:
        account = Account()
        await account.portfolio.load()
        before = account.times_read()
        account.kraken.next["Balance"] = [OutcomeUnknown("Balance", "timeout")]
        account.balances.read_now()
        await account.done()
        assert account.times_read() == before + 1
        assert "the next refresh corrects them" in caplog.text

    run(steps())


def test_after_orders_of_the_accounts_own_balances_are_read_once_in_a_while() -> None:
    async def steps() -> None:
        account = Account(holds_pause_s=60.0)
        await account.portfolio.load()
        before = account.times_read()
        account.balances._holds_read_at = asyncio.get_running_loop().time() - 60
        account.balances.read_soon()
        account.balances.read_soon()
        await until(lambda: account.times_read() == before + 1)
        account.balances.read_soon()
        assert account.balances._holds_due is not None
        assert account.balances._holds_due.when() > asyncio.get_running_loop().time() + 50

    run(steps())
