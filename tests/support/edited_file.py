"""A closed ledger or journal that somebody changes by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from krakencopy.account_proc.runtime.sqlite_file import CLOSED


@contextmanager
def edited(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, open with SQLite alone; afterwards it counts as one that a version without checksums has
    closed, or it would be refused for what was changed.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        yield file
        file.execute(f"PRAGMA application_id={CLOSED}")


def everything(database: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All rows of an open file, but for its checksums and for the mark of a run."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: database.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608 - names from the file
        for name in tables
        if name != "page_sums"
    }


def fill_all_tables(database: sqlite3.Connection, rows: int) -> None:
    """Puts rows into each table of an open file, of the kinds that its columns have; ``meta`` keeps what it
    has.
    """
    for table in everything(database):
        columns = database.execute(f'PRAGMA table_info("{table}")').fetchall()
        for number in range(1, rows + 1):
            values = [
                number if kind in {"INTEGER", "REAL"} else f"{name} of {table}, row {number}"
                for _, name, kind, *_ in columns
            ]
            marks = ", ".join("?" * len(values))
            database.execute(f'INSERT OR IGNORE INTO "{table}" VALUES ({marks})', values)  # noqa: S608


def flipped(content: bytes, step: int) -> Iterator[tuple[int, bytes]]:
    """A file's content with one bit flipped, at every ``step``th byte and at each of its first ones."""
    for turn, place in enumerate([*range(100), *range(100, len(content), step)]):
        changed = bytearray(content)
        changed[place] ^= 1 << turn % 8
        yield place, bytes(changed)
