"""The part of the journal that keeps which users are to be brought to the master's positions, who asked for
it and whether the user's ledger has taken it. Each is asked for once, whatever is repeated.
"""

from __future__ import annotations

from typing import NamedTuple

from krakencopy.supervisor.journal.setting_changes import SettingChanges


class SyncRow(NamedTuple):
    """One sync. ``asked_at`` in Unix seconds."""

    number: int
    account_id: str
    request_id: str
    #: Who it comes from: see supervisor/accounts/sync_orders.py.
    origin: str
    asked_at: float
    asked_by: str
    reason: str
    not_worse: bool
    taken: bool


_COLUMNS = "number, account_id, request_id, origin, asked_at, asked_by, reason, not_worse, taken"


class SyncRequests(SettingChanges):
    """A part of Journal."""

    def _load_syncs(self) -> None:
        #: By user, those that its ledger has not taken, in order. Every stream of fills asks.
        self.syncs_waiting: dict[str, list[SyncRow]] = {}
        for row in self._rows(f"SELECT {_COLUMNS} FROM syncs WHERE NOT taken ORDER BY number"):  # noqa: S608 - no input
            self.syncs_waiting.setdefault(row[1], []).append(SyncRow(*row))

    def add_sync(
        self, account_id: str, request_id: str, origin: str, asked_at: float, *, asked_by: str = "",
        reason: str = "", not_worse: bool = False, above: int = 0, taken: bool = False,
    ) -> SyncRow:  # fmt: skip
        """Keeps that a user is to be synced; what is kept already for a repeated id. ``above``: the last that
        its ledger has, which a journal that was brought back does not know. ``taken``: nothing is to be done.
        """
        known = self.sync_of(account_id, request_id)
        if known is not None:
            return known
        number = max(self._number("SELECT max(number) FROM syncs"), above) + 1
        row = SyncRow(number, account_id, request_id, origin, asked_at, asked_by, reason, not_worse, taken)
        with self._transaction():
            self._db.execute("INSERT INTO syncs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if not taken:
            self.syncs_waiting.setdefault(account_id, []).append(row)
        return row

    def sync_of(self, account_id: str, request_id: str) -> SyncRow | None:
        """The one of a request id, or None."""
        row = self._row(
            f"SELECT {_COLUMNS} FROM syncs WHERE account_id = ? AND request_id = ?",  # noqa: S608 - no input
            (account_id, request_id),
        )
        return None if row is None else SyncRow(*row)

    def last_sync(self, account_id: str, origin: str) -> SyncRow | None:
        """The last of this origin, or None."""
        row = self._row(
            f"SELECT {_COLUMNS} FROM syncs WHERE account_id = ? AND origin = ? ORDER BY number DESC",  # noqa: S608 - no input
            (account_id, origin),
        )
        return None if row is None else SyncRow(*row)

    def syncs_taken(self, account_id: str, number: int) -> list[SyncRow]:
        """The user's ledger has taken all up to this number; those that are new with it."""
        waiting = self.syncs_waiting.get(account_id, [])
        taken = [row for row in waiting if row.number <= number]
        if taken:
            with self._transaction():
                self._db.execute(
                    "UPDATE syncs SET taken = 1 WHERE account_id = ? AND number <= ?", (account_id, number)
                )
            self.syncs_waiting[account_id] = [row for row in waiting if row.number > number]
        return taken
