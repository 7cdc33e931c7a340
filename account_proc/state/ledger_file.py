"""The SQLite file of one account's ledger: whose it is, its transactions, and what is kept in it by name.

One connection, WAL, ``synchronous=FULL``: when a transaction is over, the change survives power loss. A
failed write ends the process (LedgerFault): memory is then ahead of the disk, and only the disk may be
believed after a restart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from krakencopy.account_proc.contract.errors import ForeignLedger, LedgerFault, NewerLedger, NoRoom
from krakencopy.account_proc.contract.folder_owner import is_foreign, why_foreign
from krakencopy.account_proc.runtime.sqlite_file import Database, Transaction
from krakencopy.account_proc.state.ledger_schema import SCHEMA, SCHEMA_VERSION, UPGRADES

REMEDY = (
    "restore it together with journal.db from the newest backup; what gets lost by that is in "
    "docs/operations.md, 'A damaged ledger or journal'"
)
_OWN_FOLDER = "give this run a --state-dir of its own, or put back the ledger that belongs here"


class LedgerFile:
    """The file, open. What its tables mean is Ledger's."""

    def __init__(self, path: Path, account_id: str, owner: str = "", *, adopt: bool = False) -> None:
        """Opens or creates it for this owner (contract/folder_owner.py; empty: nobody asks). ``adopt``: one
        that does not say whose it is becomes theirs.

        Raises LedgerFault when it is damaged or another account's, ForeignLedger when it is another owner's,
        NewerLedger when a later version has written it, NoRoom where the disk is full.
        """
        self.path = path
        #: What goes along with a write that can wait, by name: see ``keep_value``.
        self.beside: Callable[[], Mapping[str, str]] = dict
        #: Why the first write failed, once one has.
        self._failed: BaseException | None = None

        def recognise(database: Database) -> None:
            meta = dict(database.execute("SELECT key, value FROM meta"))
            if meta.get("account_id") != account_id:
                raise LedgerFault(f"{path} belongs to account {meta.get('account_id')!r}, not {account_id!r}")
            if is_foreign(meta.get("owner"), owner, adopt=adopt):
                words = why_foreign(path, meta.get("owner"), owner)
                way_out = (
                    "start krakencopyd once with --adopt-state" if not meta.get("owner") else _OWN_FOLDER
                )
                raise ForeignLedger(f"{words}; {way_out}")

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = Database(
            path,
            schema=SCHEMA,
            version=SCHEMA_VERSION,
            upgrades=UPGRADES,
            recognise=recognise,
            fault=LedgerFault,
            newer=NewerLedger,
            no_room=NoRoom,
            remedy=REMEDY,
            fill=lambda new: new.connection.executemany(
                "INSERT INTO meta VALUES (?, ?)", (("account_id", account_id), ("owner", owner))
            ),
        )
        self._db = self._database.connection
        self._reading = _Reading(self._database)
        with self._reading:
            self._meta = dict(self._db.execute("SELECT key, value FROM meta"))
        if owner and not self._meta.get("owner"):
            with self._transaction():
                self._set("owner", owner)
            self._database.checkpoint()

    def _transaction(self) -> _Step:
        """A context: all or nothing, and durable at its end. Raises LedgerFault, and after the first
        failure always.
        """
        if self._failed is not None:
            fault = NoRoom if isinstance(self._failed, NoRoom) else LedgerFault
            raise fault(f"{self._failed} (this process may not go on)")
        return _Step(self, self._database.transaction("nothing more is traded before it can be written"))

    def fail(self, meta: dict[str, str], error: BaseException) -> None:
        """A step was not written: nothing is any more, and ``meta`` is what the file has.

        What is remembered must not run ahead of the file: a cursor that was never written would be reported,
        and a plan that belongs to a step that failed would be written with the next one.
        """
        self._meta, self._failed = meta, error

    @property
    def meta(self) -> dict[str, str]:
        """A copy of what is kept by name."""
        return dict(self._meta)

    def tidy(self) -> None:
        """What takes longer than an order may wait, if it is due. Raises LedgerFault."""
        self._database.tidy()

    def close(self) -> None:
        """Closes the file; further calls raise."""
        self._database.close()

    def _set(self, key: str, value: str) -> None:
        self._set_all({key: value})

    def _set_all(self, values: dict[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
        self._meta |= values

    def kept_value(self, name: str) -> str | None:
        """What ``keep_value`` has kept under a name."""
        return self._meta.get(f"kept {name}")

    def keep_beside(self) -> None:
        """Makes durable what else would go along with a write that can wait. Raises LedgerFault."""
        if self.beside():
            with self._transaction():
                self._set_beside()

    def _set_beside(self) -> None:
        self._set_all({f"kept {name}": value for name, value in self.beside().items()})

    def keep_value(self, name: str, value: str) -> None:
        """Makes a value durable. Raises LedgerFault."""
        with self._transaction():
            self._set(f"kept {name}", value)


class _Step:
    """What ``LedgerFile._transaction`` gives: a transaction that no other one follows when it fails."""

    __slots__ = ("_file", "_meta", "_own")

    def __init__(self, file: LedgerFile, own: Transaction) -> None:
        self._file = file
        self._own = own

    def __enter__(self) -> None:
        self._meta = self._file.meta
        try:
            self._own.__enter__()
        except BaseException as error:
            self._file.fail(self._meta, error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._own.__exit__(kind, error, trace)
        except BaseException as failure:
            self._file.fail(self._meta, failure)
            raise
        if error is not None:
            self._file.fail(self._meta, error)


class _Reading:
    """A context in which a row that cannot be read is a fault of the file."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, sqlite3.Error | ValueError | KeyError | TypeError | ArithmeticError):
            raise self._database.damaged(f"{type(error).__name__}: {error}") from error
