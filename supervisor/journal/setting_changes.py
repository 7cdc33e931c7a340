"""The part of the journal that keeps which settings were changed while running, and every change of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from krakencopy.supervisor.journal.journal_file import JournalFile


class SettingRow(NamedTuple):
    """A value that was set while running. ``target``: a group or an account, empty for all; ``set_at`` in
    Unix seconds.
    """

    target: str
    key: str
    value: str
    set_by: str
    set_at: float


class SettingChanges(JournalFile):
    """A part of Journal."""

    def settings(self) -> list[SettingRow]:
        """Settings that were changed while running and not taken back, by target and key."""
        rows = self._rows(
            "SELECT target, key, new_value, set_by, at FROM setting_changes WHERE new_value IS NOT NULL AND "
            "number IN (SELECT max(number) FROM setting_changes GROUP BY target, key) ORDER BY target, key"
        )
        return [SettingRow(*row) for row in rows]

    def change_settings(self, target: str, changes: Mapping[str, str | None], set_by: str, at: float) -> None:
        """Keeps a target's settings by key, None for one that is taken back, and what they were before."""
        before = {row.key: row.value for row in self.settings() if row.target == target}
        with self._transaction():
            self._db.executemany(
                "INSERT INTO setting_changes (at, set_by, target, key, old_value, new_value) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [(at, set_by, target, key, before.get(key), value) for key, value in changes.items()],
            )
