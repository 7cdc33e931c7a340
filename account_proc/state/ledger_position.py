"""How far a ledger has come: the journal that it counts in, the last fill, change and renaming of it."""

from __future__ import annotations

from krakencopy.account_proc.state.ledger_file import LedgerFile


class LedgerPosition(LedgerFile):
    """An open ledger, and how far it has come."""

    @property
    def cursor(self) -> int | None:
        """The last fill that this ledger has taken; None before the first conversation with a supervisor."""
        value = self._meta.get("cursor")
        return None if value is None else int(value)

    @property
    def cursor_exec_id(self) -> str:
        """The exchange's id of the fill at the cursor; empty before the first."""
        return str(self._meta.get("cursor_exec_id", ""))

    @property
    def journal_id(self) -> str | None:
        """The journal that the cursor counts in."""
        return self._meta.get("journal_id")

    @property
    def revision(self) -> int:
        """The last change of any copy."""
        return int(self._meta.get("revision", "0"))

    @property
    def renamed(self) -> int:
        """The number of the last renaming of a coin that this ledger has followed; 0 for none."""
        return int(self._meta.get("renamed", "0"))

    @property
    def flattened(self) -> int:
        """The number of the last order to sell all that copying bought of which all was owed; 0 for none."""
        return int(self._meta.get("flattened", "0"))

    @property
    def limit_flattened(self) -> int:
        """The same of orders that came of a limit, which have numbers of their own."""
        return int(self._meta.get("limit_flattened", "0"))

    @property
    def synced(self) -> int:
        """The number of the last sync that was taken; 0 for none."""
        return int(self._meta.get("synced", "0"))

    def join(self, journal_id: str, seq: int) -> None:
        """Binds the ledger to a journal, from after this fill."""
        with self._transaction():
            self._set("journal_id", journal_id)
            self._set("cursor", str(seq))
