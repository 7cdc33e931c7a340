"""The part of the journal that keeps single words and texts of the supervisor, which others read and make."""

from __future__ import annotations

from krakencopy.supervisor.journal.leaving_users import LeavingUsers


class KeptWords(LeavingUsers):
    """A part of Journal."""

    def trading_states(self) -> str | None:
        """What was said of trading, as it was recorded last; None before the first time."""
        row = self._row("SELECT value FROM meta WHERE key = 'trading states'")
        return None if row is None else str(row[0])

    def put_trading_states(self, text: str) -> None:
        """Keeps that it was recorded, across restarts."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('trading states', ?)", (text,))

    def total_limits(self) -> str | None:
        """Where limits of all users together stand; None before the first time."""
        row = self._row("SELECT value FROM meta WHERE key = 'total limits'")
        return None if row is None else str(row[0])

    def put_total_limits(self, text: str) -> None:
        """Keeps it, across restarts."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('total limits', ?)", (text,))

    def begin_run(self) -> bool:
        """A run begins; whether the one before has not come to its own end."""
        row = self._row("SELECT value FROM meta WHERE key = 'last run'")
        self._put_run("began")
        return row is not None and row[0] == "began"

    def end_run(self) -> None:
        """The run has come to its own end."""
        self._put_run("ended")

    def _put_run(self, word: str) -> None:
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('last run', ?)", (word,))
