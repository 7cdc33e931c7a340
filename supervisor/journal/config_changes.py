"""The part of the journal that keeps which accounts and groups are configured over the API, and every
change of them: as text, which is supervisor/config/api_fields.py's.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from krakencopy.supervisor.journal.leaving_users import LeavingUsers

#: What is recorded beside changes of the text: a new key for an account, whoever has it.
ROTATED = "rotated"
#: A change that creates one, changes it, deletes it.
CREATED, UPDATED, DELETED = "created", "updated", "deleted"


class ConfigRow(NamedTuple):
    """One change. ``at`` in Unix seconds; ``old`` and ``new``: the text before and after, or a key's
    fingerprint.
    """

    number: int
    at: float
    changed_by: str
    principal: str
    request_id: str
    kind: str
    id: str
    action: str
    old: str | None
    new: str | None


class ConfiguredRow(NamedTuple):
    """An account or a group as it is now, by its last change."""

    kind: str
    id: str
    number: int
    created_at: float
    changed_at: float
    changed_by: str
    body: str


_CONFIGURED = (
    "SELECT kind, id, number, (SELECT max(at) FROM config_changes AS first WHERE "
    "first.kind = last.kind AND first.id = last.id AND first.action = ?), at, changed_by, new_body "
    "FROM config_changes AS last WHERE new_body IS NOT NULL AND number IN "
    "(SELECT max(number) FROM config_changes WHERE action != ? GROUP BY kind, id) ORDER BY kind, id"
)
_COLUMNS = "number, at, changed_by, principal, request_id, kind, id, action, old_body, new_body"


def configured_in(path: Path) -> list[ConfiguredRow]:
    """What a journal has, which may be in use; nothing where there is none, or one of before there was any.
    Raises sqlite3.Error for one that cannot be read.
    """
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as file:
        if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'config_changes'").fetchone():
            return []
        return [ConfiguredRow(*row) for row in file.execute(_CONFIGURED, (CREATED, ROTATED))]


class ConfigChanges(LeavingUsers):
    """A part of Journal."""

    def _load_configured(self) -> None:
        rows = self._rows(_CONFIGURED, (CREATED, ROTATED))
        #: By kind and id.
        self.configured = {(row[0], row[1]): ConfiguredRow(*row) for row in rows}

    def add_config_change(self, row: ConfigRow, digest: str, answer: bytes = b"") -> int:
        """Keeps a change, with the answer to the request of this digest if it is known; its number."""
        number = self._number("SELECT max(number) FROM config_changes") + 1
        with self._transaction():
            self._db.execute(
                f"INSERT INTO config_changes ({_COLUMNS}, digest, answer) "  # noqa: S608 - no input
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, *row[1:], digest, answer),
            )
        self._load_configured()
        return number

    def put_config_answer(self, number: int, answer: bytes) -> None:
        """The answer to a change's request: it is known once the change is."""
        with self._transaction():
            self._db.execute("UPDATE config_changes SET answer = ? WHERE number = ?", (answer, number))

    def config_answer(self, digest: str) -> bytes | None:
        """What was answered to the request of this digest, in any run."""
        row = self._row("SELECT answer FROM config_changes WHERE digest = ?", (digest,))
        return None if row is None else bytes(row[0])

    def config_changes_before(self, number: int, limit: int, config_id: str = "") -> list[ConfigRow]:
        """Changes before a number, of all or of one id, descending."""
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM config_changes WHERE number < ? AND (? = '' OR id = ?) "  # noqa: S608 - no input
            "ORDER BY number DESC LIMIT ?",
            (number, config_id, config_id, limit),
        )
        return [ConfigRow(*row) for row in rows]

    def last_rotation(self, account_id: str) -> ConfigRow | None:
        """The last time that an account was given another key."""
        row = self._row(
            f"SELECT {_COLUMNS} FROM config_changes WHERE kind = 'account' AND id = ? AND action = ? "  # noqa: S608 - no input
            "ORDER BY number DESC LIMIT 1",
            (account_id, ROTATED),
        )
        return None if row is None else ConfigRow(*row)
