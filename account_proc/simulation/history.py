"""What a state folder says of the past: the master's fills, and what each user really did. It only reads,
also while a supervisor runs; of files it opens the journal and the ledgers, and no other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from krakencopy.account_proc.contract.copied_coins import Position
from krakencopy.account_proc.contract.ledger_file import PAIRS, Held, LedgerUnreadable, as_it_is, ledger_view
from krakencopy.account_proc.domain.copy_plan import OrderPlan
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.pair_table import PairTable
from krakencopy.account_proc.domain.pairs import PairRules, rules_from
from krakencopy.account_proc.state.ledger_rows import copy_from, plan_from
from krakencopy.account_proc.state.shadow_mark import MODE, SHADOW
from krakencopy.v1 import types_pb2 as pb

JOURNAL, LEDGERS = "journal.db", "accounts"
#: Kraken: the status of a pair in which everything may be ordered.
ONLINE = "online"
#: The schema that journals have now, and the last one that did not say after which fill a coin was renamed.
JOURNAL_SCHEMA, RENAMED_ONCE = 7, 3
#: What reading a file of another form comes to.
_UNREADABLE = (
    LedgerUnreadable, DecodeError, sqlite3.Error, LookupError, TypeError, ValueError, ArithmeticError,
)  # fmt: skip


class HistoryUnreadable(Exception):
    """A file of the state folder is none that this version can read."""


@dataclass(frozen=True, slots=True)
class Rename:
    """A coin got another name after a fill."""

    old: str
    new: str
    after_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterHistory:
    """What the journal says."""

    journal_id: str
    fills: tuple[pb.Fill, ...]
    renames: tuple[Rename, ...] = ()
    #: By user: fills up to this one were before its time.
    joined: Mapping[str, int] = field(default_factory=dict)
    #: What operators have set while running: the value by target (empty for all) and key.
    settings: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserHistory:
    """What one user's ledger says."""

    #: The ledger that it is from, for people.
    source: str = ""
    #: In the order in which they changed last.
    copies: tuple[CopyRecord, ...] = ()
    pairs: tuple[PairRules, ...] = ()
    #: As they are written, by the master's order (``plan``).
    plans: Mapping[str, str] = field(default_factory=dict)
    #: By asset, as they were known last, and when (Unix seconds).
    balances: Mapping[str, Held] = field(default_factory=dict)
    #: What copying holds, by coin.
    positions: Mapping[str, Position] = field(default_factory=dict)
    balances_at: float | None = None
    #: What it did is a model's.
    is_shadow: bool = False

    def plan(self, order_id: str) -> OrderPlan | None:
        """The plan of a master's order; None without one. Raises HistoryUnreadable."""
        body = self.plans.get(order_id)
        with _reading(f"the plan of {order_id} in {self.source}"):
            return None if body is None else plan_from(json.loads(body))


def master_history(folder: Path) -> MasterHistory:
    """Raises HistoryUnreadable."""
    path = folder / JOURNAL
    with _reading(path), closing(as_it_is(path)) as journal:
        schema = _schema_of(journal)
        meta = dict(journal.execute("SELECT key, value FROM meta"))
        bodies = journal.execute("SELECT body FROM fills ORDER BY seq").fetchall()
        changes = _rows(journal, "setting_changes", "target, key, new_value", "number")
        settings = {(target, key): value for target, key, value in changes}
        # Before, a coin was renamed once, and that held from the upgrade on (supervisor/journal/schema.py).
        after = "after_seq" if schema > RENAMED_ONCE else "(SELECT coalesce(max(seq), 0) FROM fills)"
        renames = _rows(journal, "renames", f"old_name, new_name, {after}", "number")
        return MasterHistory(
            journal_id=str(meta["journal_id"]),
            fills=tuple(pb.Fill.FromString(body) for (body,) in bodies),
            renames=tuple(Rename(*row) for row in renames),
            joined=dict(journal.execute("SELECT account_id, joined_seq FROM users").fetchall()),
            settings={place: value for place, value in settings.items() if value is not None},
        )


@contextmanager
def _reading(what: object) -> Iterator[None]:
    """Raises HistoryUnreadable."""
    try:
        yield
    except _UNREADABLE as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise HistoryUnreadable(f"{what} cannot be read: {why}") from error


def _schema_of(journal: sqlite3.Connection) -> int:
    """Raises LedgerUnreadable for none that is known here."""
    schema = int(journal.execute("PRAGMA user_version").fetchone()[0])
    if schema > JOURNAL_SCHEMA:
        raise LedgerUnreadable(
            f"its schema is {schema}, and this version reads {JOURNAL_SCHEMA}: a later version of krakencopy "
            "has written it; run that one"
        )
    if schema <= 0:
        raise LedgerUnreadable("it is no journal of krakencopyd")
    return schema


def _rows(journal: sqlite3.Connection, table: str, columns: str, order: str) -> list[tuple[Any, ...]]:
    """Nothing of what an earlier version did not write yet: a journal that no supervisor has upgraded."""
    if journal.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
        return []
    return journal.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()  # noqa: S608 - names of here


def known_pairs(folder: Path, journal_id: str = "") -> PairTable:
    """The rules of pairs, as any account has read them last. ``journal_id``: the journal that all ledgers
    must be of. Raises HistoryUnreadable.
    """
    known: list[PairRules] = []
    for path in sorted((folder / LEDGERS).glob("*.db")):
        with _reading(path):
            if ledger_view(path) is not None:  # also says what is of a later version
                with closing(as_it_is(path)) as ledger:
                    meta = dict(ledger.execute("SELECT key, value FROM meta"))
                _check_journal(meta, journal_id)
                known += map(rules_from, json.loads(meta.get(f"kept {PAIRS}", "[]")))
    return pair_table(known)


def ledger_path(folder: Path, account_id: str) -> Path:
    """Where an account's ledger is."""
    return folder / LEDGERS / f"{account_id}.db"


def user_history(path: Path, journal_id: str = "") -> UserHistory | None:
    """What a ledger says; None without one. ``journal_id``: the journal that it must be of, where it is of
    any. Raises HistoryUnreadable.
    """
    with _reading(path):
        view = ledger_view(path)  # also says what is of a later version
        if view is None:
            return None
        with closing(as_it_is(path)) as ledger:
            meta = dict(ledger.execute("SELECT key, value FROM meta"))
            copies = ledger.execute("SELECT body FROM copies ORDER BY revision").fetchall()
            plans = dict(ledger.execute("SELECT order_id, body FROM plans"))
        _check_journal(meta, journal_id)
        return UserHistory(
            source=str(path),
            copies=tuple(copy_from(json.loads(body)) for (body,) in copies),
            pairs=tuple(rules_from(row) for row in json.loads(meta.get(f"kept {PAIRS}", "[]"))),
            plans=plans,
            balances=view.balances,
            positions=view.positions,
            balances_at=view.balances_at,
            is_shadow=meta.get(f"kept {MODE}") == SHADOW,
        )


def _check_journal(meta: Mapping[str, str], journal_id: str) -> None:
    """Raises LedgerUnreadable."""
    if journal_id and meta.get("journal_id", journal_id) != journal_id:
        raise LedgerUnreadable("it is of another journal, and its copies are of other fills")


def uncopied(history: UserHistory, master: MasterHistory) -> dict[str, Decimal]:
    """The balances that a ledger has, as they would be if all that copying holds were sold at the last known
    prices: each coin for the money that it was bought with last.
    """
    wallet = {asset: held.volume for asset, held in history.balances.items()}
    prices = {fill.pair: Decimal(fill.price) for fill in master.fills}
    for coin, position in history.positions.items():
        quote, price = position.pair.partition("/")[2], prices.get(position.pair)
        gone = min(position.volume, wallet.get(coin, Decimal(0)))
        if quote and price is not None and gone > 0:
            wallet[coin] -= gone
            wallet[quote] = wallet.get(quote, Decimal(0)) + gone * price
    return {asset: amount for asset, amount in wallet.items() if amount}


def pair_table(pairs: Iterable[PairRules]) -> PairTable:
    """What is known of pairs, as a table of all that there are. Whether they were still traded when somebody
    asked last says nothing of the time before.
    """
    by_name = {pair.name: replace(pair, status=ONLINE) for pair in pairs}
    assets = {asset: asset for pair in by_name.values() for asset in (pair.base, pair.quote)}
    return PairTable.of(by_name.values(), assets, {})
