"""The part of the journal that keeps who may call the control API from elsewhere. Of a token only the SHA-256
of its secret is kept, of a certificate its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from krakencopy.supervisor.journal.journal_file import JournalFile

TOKEN, CERTIFICATE = "token", "certificate"


class CredentialRow(NamedTuple):
    """A token or a certificate. Times are Unix seconds."""

    #: Of a certificate: its SHA-256, in hex.
    id: str
    kind: str
    name: str
    role: str
    #: Of an owner.
    account_id: str
    #: SHA-256 of a token's secret, in hex; empty of a certificate.
    secret_hash: str
    created_at: float
    created_by: str
    expires_at: float
    revoked_at: float | None = None
    revoked_by: str = ""
    last_used_at: float | None = None

    @property
    def ended_at(self) -> float:
        """Since or from when it is refused."""
        return self.expires_at if self.revoked_at is None else min(self.revoked_at, self.expires_at)


class AccessRecords(JournalFile):
    """A part of Journal."""

    def credentials(self) -> list[CredentialRow]:
        """The latest first."""
        rows = self._rows("SELECT * FROM credentials ORDER BY created_at DESC, id")
        return [CredentialRow(*row) for row in rows]

    def put_credential(self, row: CredentialRow, forgotten: Collection[str] = ()) -> None:
        """One more; those of these ids are kept no longer."""
        marks = ", ".join("?" * len(row))
        with self._transaction():
            self._db.executemany("DELETE FROM credentials WHERE id = ?", [(each,) for each in forgotten])
            self._db.execute(f"INSERT OR REPLACE INTO credentials VALUES ({marks})", row)  # noqa: S608 - only "?"

    def revoke_credentials(self, ids: list[str], by: str, at: float) -> None:
        """They are refused from now on."""
        with self._transaction():
            self._db.executemany(
                "UPDATE credentials SET revoked_at = ?, revoked_by = ? WHERE id = ? AND revoked_at IS NULL",
                [(at, by, each) for each in ids],
            )

    def note_use(self, used: Mapping[str, float]) -> None:
        """When each was last used."""
        with self._transaction():
            self._db.executemany(
                "UPDATE credentials SET last_used_at = ? WHERE id = ?",
                [(at, each) for each, at in used.items()],
            )
