"""A SQLite file that money hangs on: made whole or not at all, checked when it is opened, written so that it survives power loss.

Shared by the user's ledger and the supervisor's journal; knows the tables of neither. One connection to a file (SQLite before
3.51.3 can lose a write-ahead log that two connections reset).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: SQLite's own name for a database without a file.
IN_MEMORY = Path(":memory:")
#: The first bytes of every SQLite file.
MAGIC = b"SQLite format 3\0"


class Database:
    """One file, open. Everything that goes wrong is raised as ``fault``, with the path and what to do."""

    def __init__(
        self, path: Path, *, schema: str, version: int, fill: Callable[[Database], object],
        recognise: Callable[[Database], None], fault: type[Exception], remedy: str,
    ) -> None:  # fmt: skip
        """Opens the file, or makes it with ``schema`` and what ``fill`` puts in.

        ``recognise`` raises the fault for a file that is somebody else's, before anything is written to it.
        """
        self.path = path
        self.fault = fault
        self._remedy = remedy
        try:
            if path == IN_MEMORY:
                self._connect(path)
                self._fill(schema, version, fill)
            else:
                if not path.exists():
                    self._make(schema, version, fill)
                self._check_file()
                self._connect(path)
            try:
                self._check(version, recognise)
            except BaseException:
                self.connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise fault(f"{path}: {error}; {remedy}") from error

    def _connect(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def _check(self, version: int, recognise: Callable[[Database], None]) -> None:
        found = self.number("PRAGMA user_version")
        if found == 0:
            raise self.fault(f"{self.path} is another program's database; {self._remedy}")
        if found != version:
            raise self.fault(f"{self.path} has schema {found}, this program knows {version}")
        recognise(self)
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=FULL")
        verdict = self.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise self.damaged(verdict)

    def _make(self, schema: str, version: int, fill: Callable[[Database], object]) -> None:
        """Under another name first: a file that a crash left half made must not pass for one that lost everything."""
        unfinished = self.path.with_name(self.path.name + ".new")
        for leftover in self.path.parent.glob(unfinished.name + "*"):
            leftover.unlink()
        self._connect(unfinished)
        try:
            self.execute("PRAGMA synchronous=FULL")
            self._fill(schema, version, fill)
        finally:
            self.connection.close()
        unfinished.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _fill(self, schema: str, version: int, fill: Callable[[Database], object]) -> None:
        with self.transaction("nothing was made"):
            for statement in schema.split(";"):
                self.execute(statement)
            fill(self)
            self.execute(f"PRAGMA user_version={version}")

    def _check_file(self) -> None:
        """What SQLite would silently make good: an empty file, a cut last page."""
        with self.path.open("rb") as file:
            head = file.read(100)
            size = file.seek(0, os.SEEK_END)
        if size == 0:
            raise self.damaged("it is empty")
        if not head.startswith(MAGIC) or len(head) < 100:
            raise self.fault(f"{self.path} is not a database; {self._remedy}")
        page = int.from_bytes(head[16:18], "big")
        if size % (65_536 if page == 1 else page):
            raise self.damaged("its last page is cut off")

    def damaged(self, how: str) -> Exception:
        """The fault for a file whose content is wrong."""
        return self.fault(f"{self.path} is damaged ({how}); {self._remedy}")

    def execute(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement. Raises sqlite3.Error."""
        return self.connection.execute(query, values)

    def number(self, query: str, values: Sequence[Any] = ()) -> int:
        """A single number; 0 for none. Raises sqlite3.Error."""
        return int(self.execute(query, values).fetchone()[0] or 0)

    @contextmanager
    def transaction(self, otherwise: str) -> Iterator[None]:
        """All or nothing, and durable when it returns. Raises the fault with ``otherwise``: what follows from it."""
        try:
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # SQLite itself has rolled back after some errors, such as a full disk.
                if self.connection.in_transaction:
                    self.execute("ROLLBACK")
                raise
            self.execute("COMMIT")
        except sqlite3.Error as error:
            raise self.fault(f"{self.path}: {error}; {otherwise}") from error

    def close(self) -> None:
        """Closes the file; further calls raise."""
        self.connection.close()
