"""All trades of the past and a wallet to count them into, whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OtherAccount, OutcomeUnknown
from krakencopy.account_proc.master import catch_up, master_wallet
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW
from tests.support.master_parts import LAG_S, MasterParts, history, scripted, trade
from tests.support.scripted_kraken import order_row, run, until


@pytest.fixture
def master(tmp_path: Path) -> Iterator[MasterParts]:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        yield MasterParts(ledger)


@pytest.fixture(autouse=True)
def _readings_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_wallet, "CONFIRM_S", 0.0)
    monkeypatch.setattr(catch_up, "HISTORY_RETRY_S", 0.0)


def test_the_first_balances_are_the_wallet(master: MasterParts) -> None:
    async def steps() -> None:
        old = trade("T0", at=NOW - LAG_S - 1)
        master.kraken.always["TradesHistory"] = history(old)
        assert [one.exec_id for one in await master.catch_up.read_trades([])] == ["T0"]
        assert (master.holds("USD"), master.wallet.is_counted, master.wallet.is_compared) == (
            1000,
            True,
            True,
        )
        assert (master.wallet.newest_trade_at, master.ours) == (NOW - LAG_S, 1)

    run(steps())


def test_the_first_balances_are_waited_for_while_they_may_trail_behind_a_trade(master: MasterParts) -> None:
    async def steps() -> None:
        master.portfolio.lag_s = 0.01
        master.kraken.always["TradesHistory"] = history(trade("T1"))
        reading = asyncio.ensure_future(master.catch_up.read_trades([]))
        await until(lambda: master.kraken.times_asked("TradesHistory") > 2)
        assert not reading.done()
        master.now += 0.02
        assert len(await reading) == 1
        assert master.holds("USD") == 1000
        assert master.wallet.newest_trade_at == pytest.approx(NOW + 0.01)

    run(steps())


def test_a_master_that_never_stops_trading_is_not_waited_for_for_ever(master: MasterParts) -> None:
    async def steps() -> None:
        master.portfolio.lag_s = 0.01
        reading = asyncio.ensure_future(master.catch_up.read_trades([]))
        for number in range(50):
            master.kraken.always["TradesHistory"] = history(trade("T1", at=master.now))
            master.now += 0.002
            await asyncio.sleep(0.001)
            if reading.done():
                assert number > 5
                return
        await reading

    run(steps())


def test_a_wallet_that_was_counted_takes_what_came_in_unseen(master: MasterParts) -> None:
    async def steps() -> None:
        master.wallet.believe_balances({"USD": Decimal(900)}, NOW - LAG_S)
        master.wallet.is_compared = False
        await master.catch_up.read_trades([])
        assert (master.holds("USD"), master.wallet.is_compared) == (1000, True)
        asked = master.kraken.times_asked("BalanceEx")
        await master.catch_up.read_trades([])
        assert master.kraken.times_asked("BalanceEx") == asked

    run(steps())


def test_what_is_told_while_it_reads_is_among_the_trades(master: MasterParts) -> None:
    async def steps() -> None:
        master.wallet.believe_balances({"USD": Decimal(1000)}, NOW - LAG_S)
        master.kraken.held["TradesHistory"] = asyncio.Event()
        reading = asyncio.ensure_future(master.catch_up.read_trades([trade("T1", at=NOW + 1)]))
        await asyncio.sleep(0)
        master.held.hold(trade("T2", at=NOW + 2), NOW + 2)
        master.kraken.held["TradesHistory"].set()
        assert [one.exec_id for one in await reading] == ["T1", "T2"]

    run(steps())


def test_an_exchange_that_does_not_answer_is_asked_again(master: MasterParts) -> None:
    async def steps() -> None:
        master.kraken.next["TradesHistory"] = [OutcomeUnknown("TradesHistory", "no answer")] * 3
        assert await master.catch_up.read_trades([]) == []

    run(steps())


def test_the_journal_of_another_account_is_found_out_before_anything_is_streamed(
    master: MasterParts,
) -> None:
    async def steps() -> None:
        master.portfolio.lag_s = -1.0  # nothing trails
        master.catch_up.check_orders(["O7"])
        with pytest.raises(OtherAccount):
            await master.catch_up.read_trades([])
        assert (master.ours, master.kraken.times_asked("TradesHistory")) == (0, 0)

    run(steps())


def test_a_journal_that_the_exchange_knows_an_order_of_is_asked_about_once(master: MasterParts) -> None:
    async def steps() -> None:
        master.kraken.always["QueryOrders"] = {"O7": order_row("closed", "1", "1")}
        master.catch_up.check_orders(["O7"])
        for _ in range(2):
            await master.catch_up.read_trades([])
        assert master.kraken.times_asked("QueryOrders") == 1

    run(steps())


def test_a_wallet_that_was_kept_says_whose_journal_it_is(master: MasterParts) -> None:
    async def steps() -> None:
        master.wallet.believe_balances({"USD": Decimal(1000)}, NOW - LAG_S)
        master.catch_up.check_orders(["O7"])
        await master.catch_up.read_trades([])
        assert master.kraken.times_asked("QueryOrders") == 0

    run(steps())


def test_income_that_explains_a_trade_ends_the_doubt(tmp_path: Path) -> None:
    async def steps() -> None:
        with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
            master = MasterParts(ledger, scripted("1500"))
            master.wallet.believe_balances({"USD": Decimal(0)}, NOW - LAG_S)
            master.wallet.is_doubted = True
            master.held.hold(trade("T1", at=NOW + 1), NOW + 1)
            master.kraken.next["Balance"] = [OutcomeUnknown("Balance", "no answer")]
            await master.catch_up.find_income()
            assert (master.wallet.is_doubted, master.holds("USD")) == (True, 0)
            await master.catch_up.find_income()
            assert (master.wallet.is_doubted, master.holds("USD")) == (False, 1500)

    run(steps())
