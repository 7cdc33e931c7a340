"""The part of the journal that keeps users which leave the configuration until their copied coins are sold,
and those that would: as text, which is supervisor/config/leaving_accounts.py's.
"""

from __future__ import annotations

from collections.abc import Mapping

from krakencopy.supervisor.journal.sync_requests import SyncRequests


class LeavingUsers(SyncRequests):
    """A part of Journal."""

    def _load_leavers(self) -> None:
        #: By id.
        self.leavers: dict[str, str] = dict(self._rows("SELECT account_id, body FROM leaving"))

    def put_leavers(self, leavers: Mapping[str, str]) -> None:
        """Keeps these, and no others."""
        if leavers == self.leavers:
            return
        with self._transaction():
            self._db.execute("DELETE FROM leaving")
            self._db.executemany("INSERT INTO leaving VALUES (?, ?)", sorted(leavers.items()))
        self.leavers = dict(leavers)
