"""What others than its own process may read in an account's ledger: which coins copying holds there, and
whose the ledger is. The supervisor's journal says in the same way whose it is.

Tables and columns are those of account_proc/state/ledger.py; this module's tests read real ones. Nothing here
changes a file, makes one beside it, or waits for the ledger's process. Who reads by this must not know more
of a ledger's form.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copied_coins import Position


class LedgerUnreadable(Exception):
    """The file is no ledger or journal, or nothing that this version can read."""


def copied_volume(path: Path, coin: str) -> Decimal:
    """How much of a coin copying holds, in units of the coin, as it is right now; 0 without a ledger. Raises
    LedgerUnreadable.
    """
    if not path.exists():
        return Decimal(0)
    # Without a log beside it nobody uses it, and SQLite would make one.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(_connect(path, how)) as ledger:
            row = ledger.execute("SELECT body FROM positions WHERE coin = ?", (coin,)).fetchone()
        return Decimal(0) if row is None else Position.from_json(row[0]).volume
    except (sqlite3.Error, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise LedgerUnreadable(str(error)) from error


def owner_in(path: Path) -> str | None:
    """Whose the ledger, or journal, says it is (account_proc/contract/folder_owner.py); None where it does
    not say so. Raises LedgerUnreadable.

    Without its log, and so without touching it: whose it is stands in the file itself since it was made or
    taken over.
    """
    try:
        with closing(_connect(path, "immutable=1")) as file:
            row = file.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()
    except sqlite3.Error as error:
        raise LedgerUnreadable(str(error)) from error
    return None if row is None else str(row[0])


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
