"""Who holds a coin by copying is read from the users' ledgers, whoever runs."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.accounts.holders import holders


def bought(ledger: Ledger, volume: str) -> None:
    book = ledger.load_book()
    trade = Exchanged(base="BTC", quote="USD", volume=Decimal(volume), cost=Decimal(100), fees={})
    book.coins.bought(trade)
    ledger.commit(book=book)


@pytest.mark.parametrize("runs", [True, False])
def test_what_ledgers_say_of_users_that_run_and_that_do_not(tmp_path: Path, runs: bool) -> None:
    path = tmp_path / "anna.db"
    with closing(Ledger(path, "anna")) as ledger:
        bought(ledger, "0.002")
        if runs:
            assert holders({"anna": path}, "BTC") == {"anna": Decimal("0.002")}
    files = sorted(tmp_path.iterdir())
    assert holders({"anna": path, "ben": tmp_path / "ben.db"}, "BTC") == {"anna": Decimal("0.002")}
    assert holders({"anna": path}, "ETH") == {}
    assert sorted(tmp_path.iterdir()) == files


def test_a_ledger_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "anna.db"
    path.write_bytes(b"no database")
    assert holders({"anna": path}, "BTC") == {"anna": None}
