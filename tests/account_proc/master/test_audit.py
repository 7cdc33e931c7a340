"""What the feed has left out is found in the history, and balances are read when they are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.master import audit
from krakencopy.account_proc.master.audit import Audit
from krakencopy.account_proc.master.fill_maker import HISTORY_OVERLAP_S
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.copying import NOW
from tests.support.master_parts import LAG_S, MasterParts, history, trade
from tests.support.scripted_kraken import run, until


@pytest.fixture
def master(tmp_path: Path) -> Iterator[MasterParts]:
    with closing(Ledger(tmp_path / "master.db", "master")) as ledger:
        made = MasterParts(ledger)
        made.wallet.believe_balances({"USD": Decimal(1000)}, NOW - LAG_S)
        yield made


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CONFIRM_S", 0.0)


def test_a_trade_that_was_not_streamed_is_a_hole_once_it_is_not_just_on_its_way(master: MasterParts) -> None:
    async def steps() -> None:
        master.kraken.always["TradesHistory"] = history(trade("T1"))
        looking = asyncio.ensure_future(master.audit.until_hole())
        await until(lambda: master.kraken.times_asked("TradesHistory") > 2)
        assert not looking.done()
        master.now += audit.AUDIT_AGE_S + 0.1
        await looking

    run(steps())


def test_trades_from_before_the_journal_are_no_hole(master: MasterParts) -> None:
    async def steps() -> None:
        master.maker.since = NOW - 1
        master.kraken.always["TradesHistory"] = history(trade("T1", at=NOW - 2))
        looking = asyncio.ensure_future(master.audit.until_hole())
        await until(lambda: master.kraken.times_asked("TradesHistory") > 2)
        assert not looking.done()
        looking.cancel()

    run(steps())


def test_balances_that_are_wanted_are_read_before_the_history(master: MasterParts) -> None:
    async def steps() -> None:
        await master.portfolio.refresh()
        master.wallet.refresh_wanted.set()
        slow = Audit(master.history, master.maker, master.wallet, lambda: master.now, 3600.0)
        looking = asyncio.ensure_future(slow.until_hole())
        await until(lambda: not master.wallet.refresh_wanted.is_set())
        assert (master.kraken.times_asked("BalanceEx"), master.kraken.times_asked("TradesHistory")) == (2, 0)
        looking.cancel()

    run(steps())


def test_balances_are_read_when_they_are_due(master: MasterParts) -> None:
    async def steps() -> None:
        await master.portfolio.refresh()
        master.now += 301
        looking = asyncio.ensure_future(master.audit.until_hole())
        await until(lambda: not master.wallet.is_refresh_due)
        assert master.kraken.times_asked("TradesHistory") >= 1
        looking.cancel()

    run(steps())


def test_an_exchange_that_does_not_answer_is_asked_again(master: MasterParts) -> None:
    async def steps() -> None:
        master.now += 10
        master.kraken.next["TradesHistory"] = [OutcomeUnknown("TradesHistory", "no answer")] * 2
        master.kraken.always["TradesHistory"] = history(trade("T1"))
        await master.audit.until_hole()
        assert master.kraken.times_asked("TradesHistory") == 3

    run(steps())


def test_the_history_is_late_while_it_lacks_what_a_later_snapshot_told(master: MasterParts) -> None:
    master.audit.expect_trades({"T1"})
    # From before this process.
    assert not master.audit._is_history_late()
    master.audit.expect_trades({"T1", "T2"})
    assert master.audit._is_history_late()
    master.now += HISTORY_OVERLAP_S
    assert not master.audit._is_history_late()
    master.audit.expect_trades({"T1", "T2"})
    master.maker.make_fill(
        trade("T2"), master.portfolio.wallet, master.portfolio.prices.marks, master.portfolio.pairs.table, NOW
    )
    assert not master.audit._is_history_late()
