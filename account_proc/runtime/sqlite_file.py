"""A SQLite file that money hangs on: made whole or not at all, checked when it is opened, written so that it
survives power loss.

Shared by the user's ledger and the supervisor's journal; knows the tables of neither. One connection to a
file (SQLite before 3.51.3 can lose a write-ahead log that two connections reset).

SQLite takes a file without its write-ahead log for a whole one, and opens it as it was at the last
checkpoint: for a young file, empty. So the file itself says, in its application id, whether it needs its log:
IN_USE is what a checkpoint leaves in the file, SUMMED is the first thing in the log after it. Only a close,
which brings the whole log into the file, leaves something else there: SEALED.

It takes a page whose bits have flipped for the page that was written, too. So the file has a checksum of each
page (runtime/page_sums.py), and the same mark says whether they describe it: all of a SEALED file, and of one
that a killed process left all that is not in its log. Where SUMMED stands in the file itself, another program
has closed it, and may have written to it; CLOSED is the mark of versions without checksums.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from krakencopy.account_proc.runtime.disk_room import why_no_room
from krakencopy.account_proc.runtime.page_sums import LOG_HEADER, PageSums

#: SQLite's own name for a database without a file.
IN_MEMORY = Path(":memory:")
#: The first bytes of every SQLite file.
MAGIC = b"SQLite format 3\0"
#: Endings of what SQLite keeps of one database (https://www.sqlite.org/tempfiles.html), itself first.
_FILES = ("", "-journal", "-wal", "-shm")
#: The application id of a file whose newest part is in its log, and of one that is whole by itself.
IN_USE, CLOSED = 0x6B634F31, 0x6B634F30
#: Of one whose checksums are those of its pages, but for those in its log; and of one without a log. No one
#: byte that flips makes one of these marks another.
SUMMED, SEALED = 0x6B735553, 0x6B73EA1D
_MARKS = frozenset({0, IN_USE, CLOSED, SUMMED, SEALED})
#: Where SQLite keeps it (https://www.sqlite.org/fileformat2.html, 1.3.17): four bytes, big-endian.
APPLICATION_ID = slice(68, 72)
#: Transactions after which a checkpoint is worth its time: about SQLite's own 1,000 pages, at some ten for a
#: step of a copy.
CHECKPOINT_EVERY = 100
#: Up to so many times as many for some: hundreds of ledgers write in step with one another, and are not to
#: make it all at once.
CHECKPOINT_SPREAD = 2.0
#: Transactions after which one is made in the middle of the work, as nobody found the time for it: a log of
#: some 16 MiB.
CHECKPOINT_OVERDUE = 4 * CHECKPOINT_EVERY


class Database:
    """One file, open. Everything that goes wrong is raised as ``fault``, with the path and what to do."""

    def __init__(
        self, path: Path, *, schema: str, version: int, fill: Callable[[Database], object],
        recognise: Callable[[Database], None], fault: type[Exception], remedy: str,
        newer: type[Exception] | None = None, no_room: Callable[[str], Exception] | None = None,
        upgrades: Mapping[int, str | Callable[[Database], None]] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """Opens the file, or makes it with ``schema`` and what ``fill`` puts in. ``upgrades``: from a version
        to the next, as statements or as a function that is called inside of a transaction. ``newer``: what is
        raised in the fault's place for a file of a later version, ``no_room`` where the disk is full.

        ``recognise`` raises the fault for a file that is somebody else's, before anything is written to it.
        """
        self.path = path
        self.fault = fault
        self._remedy = remedy
        self._newer = newer or fault
        self._no_room = no_room or fault
        self._transactions = 0
        #: The mark in the file itself when it was opened; what its log says may be newer.
        self._mark_found = 0
        self._sums: PageSums | None = None
        self._patience = random.uniform(1.0, CHECKPOINT_SPREAD)  # noqa: S311 - spreads load, guards nothing
        try:
            is_new = True
            if path == IN_MEMORY:
                self._connect(path)
                self._fill(schema, version, fill)
            else:
                if is_new := not path.exists():
                    self._make(schema, version, fill)
                self._check_file()
                if is_new:
                    self._connect(path)
                else:
                    self._connect_to_look()
            try:
                if path != IN_MEMORY:
                    self._sums = PageSums(path, self.connection)
                if not is_new:
                    self._look(self._sums, version, upgrades, recognise)
                self._prepare(version, upgrades)
                self.checkpoint()
            except BaseException:
                self.abandon()
                raise
        # UnicodeError: text that is none, which SQLite does not check.
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> Exception:
        """The fault for what came of reading or writing the file."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return self.damaged(str(error))
        return self.write_fault(error, "") or self.fault(f"{self.path}: {error}; {self._remedy}")

    def write_fault(self, error: BaseException, otherwise: str) -> Exception | None:
        """The fault for a disk that is full, with ``otherwise``: what follows from it; None for another
        cause.
        """
        if not (words := why_no_room(self.path, error)):
            return None
        return self._no_room(f"{self.path}: {words}{otherwise and f'; {otherwise}'}")

    def _connect(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def _connect_to_look(self) -> None:
        """A connection that writes nothing. One that may write brings the log into the file when it is
        closed, and what is to be refused would be another file at the next start, with nothing against it.
        """
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        self.connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)

    def _look(
        self, sums: PageSums | None, version: int,
        upgrades: Mapping[int, str | Callable[[Database], None]], recognise: Callable[[Database], None],
    ) -> None:  # fmt: skip
        """At a file that was there, before it is opened to be written to."""
        assert sums is not None
        self._check_sums(sums)
        self._check(version, upgrades, recognise)
        self.connection.close()
        self._connect(self.path)
        sums.use_connection(self.connection)

    def _check_sums(self, sums: PageSums) -> None:
        """Before anything of the file is believed, and without changing it."""
        mark = self.number("PRAGMA application_id")
        if sums.is_kept:
            if not {self._mark_found, mark} <= _MARKS:
                raise self.damaged(f"its mark is {self._mark_found:#010x}, which is none")
            if self._mark_found == SEALED or (self._mark_found == IN_USE and mark in {SUMMED, SEALED}):
                if wrong := sums.what_is_wrong():
                    raise self.damaged(wrong)
                return
        elif SEALED in {self._mark_found, mark}:
            raise self.damaged("its checksums are gone")
        sums.forget()

    def _check(
        self, version: int, upgrades: Mapping[int, str | Callable[[Database], None]],
        recognise: Callable[[Database], None],
    ) -> None:  # fmt: skip
        """That it is a file of ours and whole. Changes nothing."""
        found = self.number("PRAGMA user_version")
        if found == 0:
            raise self.fault(f"{self.path} is another program's database; {self._remedy}")
        if found > version:
            with suppress(sqlite3.Error):  # its tables may have other names by then
                recognise(self)
            raise self._newer(
                f"{self.path} was written by a newer version of krakencopy (schema {found}; this one knows "
                f"{version}); install that version again, or a later one; nothing was changed"
            )
        if found != version and found not in upgrades:
            raise self.fault(f"{self.path} has schema {found}, this program knows {version}")
        recognise(self)
        verdict = self.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise self.damaged(verdict)

    def _prepare(self, version: int, upgrades: Mapping[int, str | Callable[[Database], None]]) -> None:
        """For what is to be written: the file is of this version then."""
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=FULL")
        self.execute("PRAGMA wal_autocheckpoint=0")
        for old in range(self.number("PRAGMA user_version"), version):
            with self.transaction("it stays as it was"):
                upgrade = upgrades[old]
                if callable(upgrade):
                    upgrade(self)
                else:
                    self.run(upgrade)
                self.execute(f"PRAGMA user_version={old + 1}")

    def _make(self, schema: str, version: int, fill: Callable[[Database], object]) -> None:
        """Under another name first: a file that a crash left half made must not pass for one that lost
        everything.
        """
        unfinished = self.path.with_name(self.path.name + ".new")
        for kind in _FILES:
            unfinished.with_name(f"{unfinished.name}{kind}").unlink(missing_ok=True)
        self._connect(unfinished)
        try:
            # Nobody reads it before it has its name, and then it is on the disk as a whole: no step on the
            # way needs to be.
            self.execute("PRAGMA journal_mode=MEMORY")
            self.execute("PRAGMA synchronous=OFF")
            self._fill(schema, version, fill)
            self.execute("PRAGMA journal_mode=WAL")
        finally:
            self.connection.close()
        _sync(unfinished)
        unfinished.rename(self.path)
        _sync(self.path.parent)

    def _fill(self, schema: str, version: int, fill: Callable[[Database], object]) -> None:
        with self.transaction("nothing was made"):
            self.run(schema)
            fill(self)
            self.execute(f"PRAGMA user_version={version}")
            self.execute(f"PRAGMA application_id={CLOSED}")

    def run(self, statements: str) -> None:
        """Statements, separated by semicolons. Raises sqlite3.Error."""
        for statement in statements.split(";"):
            self.execute(statement)

    def tidy(self) -> None:
        """Makes a checkpoint if one is due; to be called when nothing waits. Not in a transaction. Raises
        the fault.
        """
        if self._transactions >= CHECKPOINT_EVERY * self._patience:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Brings the log into the file, and has the file say that it needs its log from now on. Raises the
        fault.
        """
        self._bring_in(SUMMED)

    def _bring_in(self, mark: int) -> None:
        """The log into the file; ``mark``: what begins the next log, with the sums of what was brought in."""
        self._transactions = 0
        if self.path == IN_MEMORY:
            return
        try:
            self.execute("BEGIN IMMEDIATE")
            assert self._sums is not None
            self._sums.reserve()
            self.execute(f"PRAGMA application_id={IN_USE}")
            self.execute("COMMIT")
            _, logged, moved = self.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self.execute("BEGIN IMMEDIATE")
            # Where somebody reads what is older, a part stays in the log, and all that is in it is summed
            # with the next checkpoint.
            if logged == moved:
                self._sums.update(logged)
            self.execute(f"PRAGMA application_id={mark}")
            self.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._take_back()
            raise self._failed(error) from error

    def _take_back(self) -> None:
        """After a checkpoint that failed: the file must not say for good that it needs a log, as closing it
        may bring the log in after all.
        """
        if self._sums is not None:
            self._sums.forget()
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.execute("ROLLBACK")
            self.execute(f"PRAGMA application_id={CLOSED}")

    def _check_file(self) -> None:
        """What SQLite would silently make good: an empty file, a cut last page."""
        with open(self.path, "rb", opener=_not_a_link) as file:
            head = file.read(100)
            size = file.seek(0, os.SEEK_END)
        if size == 0:
            raise self.damaged("it is empty")
        if not head.startswith(MAGIC) or len(head) < 100:
            raise self.fault(f"{self.path} is not a database; {self._remedy}")
        written = int.from_bytes(head[16:18], "big")
        page = 65_536 if written == 1 else written
        if page == 0:
            raise self.damaged("it says nothing of its pages")
        if size % page:
            raise self.damaged("its last page is cut off")
        log = self.path.with_name(f"{self.path.name}-wal")
        self._mark_found = int.from_bytes(head[APPLICATION_ID], "big", signed=True)
        if self._mark_found == IN_USE and (not log.exists() or log.stat().st_size < LOG_HEADER):
            raise self.damaged(f"its newest part is missing: {log.name} belongs beside it")

    def damaged(self, how: str) -> Exception:
        """The fault for a file whose content is wrong."""
        return self.fault(f"{self.path} is damaged ({how}); {self._remedy}")

    def execute(self, query: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement. Raises sqlite3.Error."""
        return self.connection.execute(query, values)

    def number(self, query: str, values: Sequence[Any] = ()) -> int:
        """A single number; 0 for none. Raises sqlite3.Error."""
        return int(self.execute(query, values).fetchone()[0] or 0)

    def transaction(self, otherwise: str) -> Transaction:
        """A context: all or nothing, and durable at its end. Raises the fault with ``otherwise``: what
        follows from it.
        """
        return Transaction(self, otherwise)

    def commit(self) -> None:
        """What was written since ``BEGIN`` is durable. Raises sqlite3.Error."""
        self.execute("COMMIT")
        self._transactions += 1
        if self._transactions >= CHECKPOINT_OVERDUE:
            self.checkpoint()

    def close(self) -> None:
        """Closes the file, sealed if it can be written; further calls raise."""
        # What it is closed for may be that it cannot be written: then the next start finds its log.
        with suppress(self.fault):
            self._bring_in(SEALED)
        self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is."""
        self.connection.close()
        if self._sums is not None:
            self._sums.close()
        self._sums = None


class Transaction:
    """What ``Database.transaction`` gives. A class, as a generator takes four times as many calls, and one
    is on each order's way.
    """

    __slots__ = ("_database", "_otherwise")

    def __init__(self, database: Database, otherwise: str) -> None:
        self._database = database
        self._otherwise = otherwise

    def __enter__(self) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._database.commit()
            # SQLite itself has rolled back after some errors, such as a full disk.
            elif self._database.connection.in_transaction:
                self._database.execute("ROLLBACK")
        except sqlite3.Error as failure:
            # What was refused must not become durable with what comes next.
            if self._database.connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
            raise self._fault(failure) from failure
        if isinstance(error, sqlite3.Error):
            raise self._fault(error) from error

    def _fault(self, error: sqlite3.Error) -> Exception:
        database = self._database
        full = database.write_fault(error, self._otherwise)
        return full or database.fault(f"{database.path}: {error}; {self._otherwise}")


def _not_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _sync(path: Path) -> None:
    """Returns when a file's content, or a folder's names, are on the disk. Raises OSError."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
