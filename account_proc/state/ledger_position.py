"""How far a ledger has come: the journal that it counts in, the last fill, change and renaming of it."""

from __future__ import annotations

from collections.abc import Iterable

from krakencopy.account_proc.contract.trading_states import FlattenBy
from krakencopy.account_proc.domain.sync_sizing import SyncItem, items_from, items_text
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

    def flattened(self, by: FlattenBy) -> int:
        """The number of the last order to sell all that copying bought of which all was owed; 0 for none."""
        return int(self._meta.get(by, "0"))

    @staticmethod
    def whole_flatten(by: FlattenBy, number: int) -> dict[str, str]:
        """What is to be written where all of it is owed."""
        return {by: str(number)}

    @property
    def synced(self) -> int:
        """The number of the last sync that was taken; 0 for none."""
        return int(self._meta.get("synced", "0"))

    def sync_items(self) -> list[SyncItem]:
        """Coins of syncs that were taken and not answered, in order."""
        with self._reading:
            return items_from(self._meta.get("sync_items", "[]"))

    @staticmethod
    def waiting_syncs(items: Iterable[SyncItem]) -> dict[str, str]:
        """What is to be written where these are all coins of syncs that are not answered."""
        return {"sync_items": items_text(items)}

    def taken_sync(self, number: int, items: Iterable[SyncItem]) -> dict[str, str]:
        """What is to be written where a sync is taken, with its coins."""
        return {"synced": str(number)} | self.waiting_syncs([*self.sync_items(), *items])

    def join(self, journal_id: str, seq: int) -> None:
        """Binds the ledger to a journal, from after this fill."""
        with self._transaction():
            self._set("journal_id", journal_id)
            self._set("cursor", str(seq))
