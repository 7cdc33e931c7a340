"""The part of the journal that keeps single words and texts of the supervisor, which others read and make."""

from __future__ import annotations

from krakencopy.supervisor.journal.access_records import AccessRecords
from krakencopy.supervisor.journal.config_changes import ConfigChanges


class KeptWords(ConfigChanges, AccessRecords):
    """A part of Journal."""

    def trading_states(self) -> str | None:
        """What was said of trading, as it was recorded last; None before the first time."""
        return self._word("trading states")

    def put_trading_states(self, text: str) -> None:
        """Keeps that it was recorded, across restarts."""
        self._put_word("trading states", text)

    def total_limits(self) -> str | None:
        """Where limits of all users together stand; None before the first time."""
        return self._word("total limits")

    def put_total_limits(self, text: str) -> None:
        """Keeps it, across restarts."""
        self._put_word("total limits", text)

    def audit_head(self) -> str | None:
        """Where the audit log ended when that was kept last; None before the first time."""
        return self._word("audit head")

    def put_audit_head(self, text: str) -> None:
        """Keeps it, across restarts."""
        self._put_word("audit head", text)

    def begin_run(self) -> bool:
        """A run begins; whether the one before has not come to its own end."""
        last = self._word("last run")
        self._put_word("last run", "began")
        return last == "began"

    def end_run(self) -> None:
        """The run has come to its own end."""
        self._put_word("last run", "ended")

    def _word(self, key: str) -> str | None:
        row = self._row("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def _put_word(self, key: str, text: str) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))
