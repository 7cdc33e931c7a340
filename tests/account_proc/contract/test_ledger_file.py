"""What others read in a ledger is what its own process has written, and reading leaves no trace."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.ledger_file import (
    BALANCES,
    READABLE_SCHEMA,
    Held,
    KeptPair,
    LedgerUnreadable,
    balances_text,
    copied_volume,
    ledger_view,
    owner_in,
)
from krakencopy.account_proc.contract.loss_counting import Hit, LimitState
from krakencopy.account_proc.contract.loss_limits import Action, LossLimit, Metric, Window
from krakencopy.account_proc.copying.limit_book import LimitBook
from krakencopy.account_proc.domain.copy_plan import Slice
from krakencopy.account_proc.domain.quantities import NO_AMOUNT, BaseVolume, Side
from krakencopy.account_proc.kraken.pair_rows import pair_table
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.account_proc.state.ledger_schema import SCHEMA_VERSION
from krakencopy.account_proc.state.pair_memory import PairMemory
from krakencopy.supervisor.journal.journal import Journal
from tests.support.scripted_kraken import ASSETS, PAIRS


def limit_hit() -> LimitState:
    limit = LossLimit("day", Metric.EQUITY, Window.DAY, Decimal("0.05"), Decimal("0.8"), Action.HALTED)
    hit = Hit(number=3, at=10.0, loss=Decimal("0.06"), words="limit day: 6% lost")
    return LimitState(limit=limit, since=5.0, window=5.0, high=Decimal(100), warned_at=9.0, hit=hit)


OWNER = "a paper run at http://127.0.0.1:1"


def buy(ledger: Ledger, volume: str) -> None:
    book = ledger.load_book()
    book.coins.bought(Exchanged(base="BTC", quote="USD", volume=Decimal(volume), cost=Decimal(100), fees={}))
    ledger.commit(book=book)


@pytest.mark.parametrize("runs", [True, False])
def test_what_copying_holds_is_read_while_the_process_runs_and_when_it_does_not(
    tmp_path: Path, runs: bool
) -> None:
    path = tmp_path / "anna.db"
    with closing(Ledger(path, "anna")) as ledger:
        buy(ledger, "0.002")
        if runs:
            assert copied_volume(path, "BTC") == Decimal("0.002")
    files = sorted(tmp_path.iterdir())
    assert copied_volume(path, "BTC") == Decimal("0.002")
    assert copied_volume(path, "ETH") == 0
    assert sorted(tmp_path.iterdir()) == files


def test_without_a_ledger_nothing_is_held(tmp_path: Path) -> None:
    assert copied_volume(tmp_path / "anna.db", "BTC") == 0


def test_whose_a_ledger_and_a_journal_are(tmp_path: Path) -> None:
    Ledger(tmp_path / "anna.db", "anna", OWNER).close()
    Journal(tmp_path / "journal.db", OWNER).close()
    assert owner_in(tmp_path / "anna.db") == owner_in(tmp_path / "journal.db") == OWNER


def test_what_is_no_ledger_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    path.write_bytes(b"no database")
    with pytest.raises(LedgerUnreadable):
        copied_volume(path, "BTC")
    with pytest.raises(LedgerUnreadable):
        owner_in(path)


@pytest.mark.parametrize("runs", [True, False])
def test_all_that_others_may_know_of_it_is_read_and_leaves_no_trace(tmp_path: Path, runs: bool) -> None:
    path = tmp_path / "anna.db"
    table = pair_table(PAIRS, ASSETS)
    rules = table.pair("BTC/USD")
    held = {"BTC": Held(Decimal("0.5"), Decimal("0.1")), "USD": Held(Decimal(7))}

    def judge() -> None:
        files = sorted((file.name, file.stat().st_mtime_ns) for file in tmp_path.iterdir())
        view = ledger_view(path)
        assert view is not None
        assert (view.positions["BTC"].volume, view.cursor) == (Decimal("0.002"), 7)
        assert view.carried == {("ETH/USD", "sell"): Decimal(3)}
        assert (view.balances, view.balances_at) == (held, 12.5)
        btc = KeptPair(
            name="BTC/USD", ordermin=str(rules.ordermin), costmin=str(rules.costmin),
            tick_size=str(rules.tick_size), lot_decimals=rules.lot_decimals, status=rules.status,
        )  # fmt: skip
        assert view.pairs == {"BTC/USD": btc}
        assert view.limits == {"day": limit_hit()}
        newest = max(file.stat().st_mtime for file in tmp_path.iterdir() if "shm" not in file.name)
        assert view.written_at == newest
        read = sorted((file.name, file.stat().st_mtime_ns) for file in tmp_path.iterdir())
        assert [each for each in read if "shm" not in each[0]] == [
            each for each in files if "shm" not in each[0]
        ]

    with closing(Ledger(path, "anna")) as ledger:
        ledger.join("journal", 7)
        buy(ledger, "0.002")
        book = ledger.load_book()
        owed = Slice(order_id="", volume=BaseVolume(Decimal(3)), cost=NO_AMOUNT)
        book.carry("ETH/USD", Side.SELL, [owed], "c1")
        ledger.commit(book=book)
        ledger.beside = lambda: {BALANCES: balances_text(12.5, held)}
        ledger.put_reconciled(1.0, [])
        PairMemory(ledger).keep_asked(table)
        limits = LimitBook([limit_hit().limit], ledger, totals=[("equity", "USD")])
        limits.states["day"] = limit_hit()
        limits.write()
        if runs:
            judge()
    judge()


def test_there_may_be_no_ledger_and_one_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    assert ledger_view(path) is None
    with closing(Ledger(path, "anna")) as ledger:
        view = ledger_view(path)
        assert view is not None
        assert (view.balances_at, view.positions) == (None, {})
        ledger.keep_value("pairs", '[["BTC"]]')
        view = ledger_view(path)
        assert view is not None
        assert view.pairs == {}, "the exchange tells them again"
        ledger.beside = dict
        ledger.keep_beside()
    assert READABLE_SCHEMA == SCHEMA_VERSION, "what it says of this schema is to be looked through"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerUnreadable, match="ledger of schema 99, this version reads 4: a later version"):
        ledger_view(path)
    path.write_bytes(b"no database")
    with pytest.raises(LedgerUnreadable):
        ledger_view(path)
