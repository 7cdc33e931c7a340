"""Fills that somebody has asked this account to copy: what waits for its coin, and what was asked for before.
No decisions.

A wish is written by itself and dropped together with its copy, so that it is answered once whatever ends the
process. Few are ever made: they stand in one value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from krakencopy.account_proc.contract.copy_ids import ASKED_FOR, OF_SYNC, asked_id
from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.state.ledger_position import LedgerPosition
from krakencopy.account_proc.state.ledger_rows import copy_from, to_json

_KEY = "wished_fills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One fill that is to be copied. ``body``: the fill as the journal has it; ``at`` in Unix seconds."""

    copy_id: str
    body: bytes
    by: str
    at: float

    def to_raw(self) -> dict[str, Any]:
        """What JSON is made of."""
        body = base64.b64encode(self.body).decode()
        return {"copy_id": self.copy_id, "body": body, "by": self.by, "at": self.at}

    @classmethod
    def from_raw(cls, raw: Mapping[str, Any]) -> Wish:
        """The inverse. Raises KeyError or ValueError for what is none."""
        body = base64.b64decode(raw["body"], validate=True)
        return cls(copy_id=str(raw["copy_id"]), body=body, by=str(raw["by"]), at=float(raw["at"]))


class LedgerWishes(LedgerPosition):
    """An open ledger, and the fills that it was asked to copy."""

    def wishes(self) -> list[Wish]:
        """Those that are not answered, the oldest first."""
        with self._reading:
            return [Wish.from_raw(raw) for raw in json.loads(self._meta.get(_KEY, "[]"))]

    def add_wish(self, wish: Wish) -> None:
        """Makes a wish durable. Raises LedgerFault."""
        with self._transaction():
            self._set_all(self._written([*self.wishes(), wish]))

    def without_wish(self, copy_id: str) -> dict[str, str]:
        """What is to be written where a wish is answered."""
        return self._written(wish for wish in self.wishes() if wish.copy_id != copy_id)

    @staticmethod
    def _written(wishes: Iterable[Wish]) -> dict[str, str]:
        return {_KEY: to_json([wish.to_raw() for wish in wishes])}

    def asked_copies(self, seq: int) -> list[CopyRecord]:
        """What became of a fill each time that somebody asked for it, the first one first."""
        found: list[CopyRecord] = []
        with self._reading:
            for number in count(1):
                row = self._db.execute(
                    "SELECT body FROM copies WHERE copy_id = ?", (asked_id(seq, number),)
                ).fetchone()
                if row is None:
                    break
                found.append(copy_from(json.loads(row[0])))
        return found

    def asked_ahead(self) -> set[int]:
        """Fills that were not streamed yet, and were copied because somebody asked for it."""
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM copies WHERE copy_id >= ? AND copy_id < ? AND state != ?",
                (ASKED_FOR, chr(ord(ASKED_FOR) + 1), CopyState.SKIPPED),
            )
            copies = [copy_from(json.loads(body)) for (body,) in rows]
        return {seq for copy in copies for seq in copy.fill_seqs if seq > (self.cursor or 0)}

    def copies_of_syncs(self, seq: int) -> list[CopyRecord]:
        """Copies of syncs that count a fill, the first one first."""
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM copies WHERE copy_id >= ? AND copy_id < ? "
                "AND json_extract(body, '$.as_of_seq') >= ? ORDER BY revision",
                (OF_SYNC, chr(ord(OF_SYNC) + 1), seq),
            )
            return [copy_from(json.loads(body)) for (body,) in rows]

    def copies_with(self, seq: int, after_revision: int) -> list[CopyRecord]:
        """Copies of a fill among those that have changed after a revision."""
        with self._reading:
            rows = self._db.execute("SELECT body FROM copies WHERE revision > ?", (after_revision,))
            copies = [copy_from(json.loads(body)) for (body,) in rows]
        return [copy for copy in copies if seq in copy.fill_seqs]
