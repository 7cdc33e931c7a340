"""What others read in a ledger is what its own process has written, and reading leaves no trace."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, copied_volume, owner_in
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.journal.journal import Journal

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
