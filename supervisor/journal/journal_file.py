"""The SQLite file of the journal: whose it is, its transactions, and how a row is read.

WAL, ``synchronous=FULL``, one connection, one writer: what is committed survives power loss. A failed write
ends the supervisor (JournalFault), because what it would hand out could be forgotten again.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from krakencopy.account_proc.contract.folder_owner import is_foreign, why_foreign
from krakencopy.account_proc.runtime.disk_room import room_words
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.supervisor.journal.schema import META_KEYS, SCHEMA, SCHEMA_VERSION, UPGRADES
from krakencopy.v1 import types_pb2 as pb

REMEDY = (
    "restore it together with accounts/ from the newest backup, or see that it is the right file; what gets "
    "lost by that is in docs/operations.md, 'A damaged ledger or journal'"
)
Body = TypeVar("Body", pb.Fill, pb.Copy, pb.Event, pb.ProcessEnd)


class JournalFault(Exception):
    """The journal is damaged, foreign, or cannot be written. Nothing may be handed out any more."""


class JournalNoRoom(JournalFault):
    """The disk is full. What was written is there. ``room``: how little is left, for people."""

    def __init__(self, words: str, room: str) -> None:
        self.room = room
        super().__init__(words)


class ForeignJournal(JournalFault):
    """The journal is about another exchange or mode than this run, or does not say about which. Nothing
    was changed.
    """

    def __init__(self, path: Path, found: str | None, owner: str) -> None:
        self.path, self.found = path, found
        super().__init__(why_foreign(path, found, owner))


class JournalFile:
    """The file, open. What its tables mean is Journal's."""

    def __init__(self, path: Path, owner: str = "", *, adopt: bool = False) -> None:
        """Opens or creates it for this owner (contract/folder_owner.py; empty: nobody asks). ``adopt``: one
        that does not say whose it is becomes theirs.

        Raises JournalFault; ForeignJournal, before anything is changed, when it is another owner's.
        """
        self.path = path

        def recognise(database: Database) -> None:
            _recognise(database)
            row = database.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()
            found = None if row is None else str(row[0])
            if is_foreign(found, owner, adopt=adopt):
                raise ForeignJournal(path, found, owner)

        def begin(database: Database) -> None:
            _begin(database)
            database.execute("INSERT INTO meta VALUES ('owner', ?)", (owner,))

        self._database = Database(
            path,
            schema=SCHEMA,
            version=SCHEMA_VERSION,
            upgrades=UPGRADES,
            fill=begin,
            recognise=recognise,
            fault=JournalFault,
            no_room=lambda words: JournalNoRoom(words, room_words(path.parent)),
            remedy=REMEDY,
        )
        self._db = self._database.connection
        #: Inside of ``together``: what commits at its end, and whether there is anything to commit.
        self._together: ExitStack | None = None
        self._written = False
        try:
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
            if owner and not meta.get("owner"):
                with self._transaction():
                    self._db.execute("INSERT OR REPLACE INTO meta VALUES ('owner', ?)", (owner,))
                self._database.checkpoint()
            #: Unique for ever: ledgers and order ids are bound to it.
            self.journal_id: str = meta["journal_id"]
            #: Unix seconds; nothing before this is copied.
            self.created_at = float(meta["created_at"])
            self._load()
        except (sqlite3.Error, ValueError, KeyError, TypeError, ArithmeticError, JournalFault) as error:
            self._database.abandon()
            raise error if isinstance(error, JournalFault) else JournalFault(f"{path}: {error}") from error

    def _load(self) -> None:
        """What is read once, when the file is opened; the file is closed again for what this raises."""
        raise NotImplementedError

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """What a query finds. Raises JournalFault for a file that cannot be read."""
        try:
            return self._db.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise self._database.damaged(str(error)) from error

    def _row(self, query: str, values: Sequence[object] = ()) -> Any:
        rows = self._rows(query, values)
        return rows[0] if rows else None

    def _parsed(self, kind: type[Body], body: bytes) -> Body:
        """A message of a row. Raises JournalFault for one that is none."""
        try:
            return kind.FromString(body)
        except DecodeError as error:
            raise self._database.damaged(str(error)) from error

    def _number(self, query: str, values: Sequence[object] = ()) -> int:
        return self._database.number(query, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        own = self._database.transaction("nothing is copied before it can be written")
        if self._together is None:
            with own:
                yield
            return
        if not self._written:
            self._written = True
            self._together.enter_context(own)
        yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is one commit, if anything is. Raises JournalFault; this journal must not be
        used any more then.

        Hundreds of users that change their state at once would otherwise hold up the next fill by a disk
        write each. There must be no pause inside, in which somebody might rely on what is not durable yet.
        """
        assert self._together is None
        with ExitStack() as outer:
            self._together, self._written = outer, False
            try:
                yield
            finally:
                self._together = None

    def tidy(self) -> None:
        """What takes longer than a fill may wait, if it is due. Raises JournalFault."""
        self._database.tidy()

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def next_epoch(self) -> int:
        """Begins a new run: processes and fills of earlier ones are not listened to any more."""
        with self._transaction():
            self._db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'epoch'")
        # Whatever is lost of this run's log, its number is not given twice.
        self._database.checkpoint()
        return self._number("SELECT value FROM meta WHERE key = 'epoch'")


def _begin(database: Database) -> None:
    """What a new journal holds."""
    database.execute("INSERT INTO meta VALUES ('journal_id', ?)", (str(uuid.uuid4()),))
    database.execute("INSERT INTO meta VALUES ('created_at', ?)", (repr(time.time()),))
    database.execute("INSERT INTO meta VALUES ('epoch', '0')")


def _recognise(database: Database) -> None:
    """Raises JournalFault for a database that is no journal."""
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if not meta.keys() >= META_KEYS:
        raise JournalFault(
            f"{database.path} is not a journal of krakencopy, or a part of it is gone; see that it is the "
            "right file"
        )
