"""The supervisor's memory: fills in order, what users made of them, how far each user got, what operators
want.

SQLite, WAL, ``synchronous=FULL``, one connection, one writer: a fill is durable here before anyone else sees
it. A failed write ends the supervisor (JournalFault), because what it would hand out could be forgotten
again.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from krakencopy.account_proc.contract.copied_coins import (
    CoinNames,
    CopiedCoins,
    Position,
)
from krakencopy.account_proc.contract.folder_owner import is_foreign, why_foreign
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.supervisor.journal.schema import (
    ENDS,
    META_KEYS,
    SCHEMA,
    SCHEMA_VERSION,
    UPGRADES,
    count_fill,
    write_positions,
)
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

Body = TypeVar("Body", pb.Fill, pb.Copy, pb.Event, pb.ProcessEnd)


#: Where a user's reports stand when it has none.
NOTHING = 0


class JournalFault(Exception):
    """The journal is damaged, foreign, or cannot be written. Nothing may be handed out any more."""


class ForeignJournal(JournalFault):
    """The journal is about another exchange or mode than this run, or does not say about which. Nothing
    was changed.
    """

    def __init__(self, path: Path, found: str | None, owner: str) -> None:
        self.path, self.found = path, found
        super().__init__(why_foreign(path, found, owner))


@dataclass(frozen=True, slots=True)
class UserMark:
    """How far one user got. ``joined_seq``: fills up to there were before its time."""

    joined_seq: int
    acked_seq: int
    acked_revision: int


class Journal:
    """The file. Opened once, by the one supervisor that holds the state folder's lock."""

    def __init__(self, path: Path, owner: str = "", *, adopt: bool = False) -> None:
        """Opens or creates it for this owner (contract/folder_owner.py; empty: nobody asks). ``adopt``: one
        that does not say whose it is becomes theirs.

        Raises JournalFault; ForeignJournal, before anything is changed, when it is another owner's.
        """
        self.path = path

        def recognise(database: Database) -> None:
            _recognise(database)
            row = database.execute("SELECT value FROM meta WHERE key = 'owner'").fetchone()
            found = None if row is None else str(row[0])
            if is_foreign(found, owner, adopt=adopt):
                raise ForeignJournal(path, found, owner)

        def begin(database: Database) -> None:
            _begin(database)
            database.execute("INSERT INTO meta VALUES ('owner', ?)", (owner,))

        self._database = Database(
            path,
            schema=SCHEMA,
            version=SCHEMA_VERSION,
            upgrades=UPGRADES,
            fill=begin,
            recognise=recognise,
            fault=JournalFault,
            remedy="restore it from a backup, or see that it is the right file",
        )
        self._db = self._database.connection
        #: Inside of ``together``: what commits at its end, and whether there is anything to commit.
        self._together: ExitStack | None = None
        self._written = False
        try:
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
            if owner and not meta.get("owner"):
                with self._transaction():
                    self._db.execute("INSERT OR REPLACE INTO meta VALUES ('owner', ?)", (owner,))
                self._database.checkpoint()
            #: Unique for ever: ledgers and order ids are bound to it.
            self.journal_id: str = meta["journal_id"]
            #: Unix seconds; nothing before this is copied.
            self.created_at = float(meta["created_at"])
            self.head = self._number("SELECT max(seq) FROM fills")
            self.last_change = self._number("SELECT max(change) FROM copies")
            self.last_event = self._number("SELECT max(seq) FROM events")
            #: Copies by user, state and reason: counted once here, and with each report from then on.
            self._ends = Counter(
                {(user, state, reason): number for user, state, reason, number in self._rows(ENDS)}
            )
            #: What the master holds of what it bought since the journal began.
            self._coins = CopiedCoins(
                {
                    coin: Position.from_json(body)
                    for coin, body in self._rows("SELECT coin, body FROM positions")
                }
            )
            #: Coins that have other names since, in order.
            self.renames = [
                account_pb2.AssetRename(number=number, old_name=old, new_name=new)
                for number, old, new in self._rows(
                    "SELECT number, old_name, new_name FROM renames ORDER BY number"
                )
            ]
            #: By which fill the journal ended when each of them was told.
            self._renamed_after = [
                seq for (seq,) in self._rows("SELECT after_seq FROM renames ORDER BY number")
            ]
            self._names = CoinNames.after((rename.old_name, rename.new_name) for rename in self.renames)
            # Seqs have no gaps, so this also finds what SQLite's check cannot know.
            fills = self._number("SELECT count(*) FROM fills")
            if self.head != fills:
                raise self._database.damaged(f"it ends with fill {self.head} and has {fills}")
        except (sqlite3.Error, ValueError, KeyError, TypeError, ArithmeticError, JournalFault) as error:
            self._db.close()
            raise error if isinstance(error, JournalFault) else JournalFault(f"{path}: {error}") from error

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """What a query finds. Raises JournalFault for a file that cannot be read."""
        try:
            return self._db.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise self._database.damaged(str(error)) from error

    def _row(self, query: str, values: Sequence[object] = ()) -> Any:
        rows = self._rows(query, values)
        return rows[0] if rows else None

    def _parsed(self, kind: type[Body], body: bytes) -> Body:
        """A message of a row. Raises JournalFault for one that is none."""
        try:
            return kind.FromString(body)
        except DecodeError as error:
            raise self._database.damaged(str(error)) from error

    def _number(self, query: str, values: Sequence[object] = ()) -> int:
        return self._database.number(query, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        own = self._database.transaction("nothing is copied before it can be written")
        if self._together is None:
            with own:
                yield
            return
        if not self._written:
            self._written = True
            self._together.enter_context(own)
        yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is one commit, if anything is. Raises JournalFault; this journal must not be
        used any more then.

        Hundreds of users that change their state at once would otherwise hold up the next fill by a disk
        write each. There must be no pause inside, in which somebody might rely on what is not durable yet.
        """
        assert self._together is None
        with ExitStack() as outer:
            self._together, self._written = outer, False
            try:
                yield
            finally:
                self._together = None

    def tidy(self) -> None:
        """What takes longer than a fill may wait, if it is due. Raises JournalFault."""
        self._database.tidy()

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def next_epoch(self) -> int:
        """Begins a new run: processes and fills of earlier ones are not listened to any more."""
        with self._transaction():
            self._db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'epoch'")
        # Whatever is lost of this run's log, its number is not given twice.
        self._database.checkpoint()
        return self._number("SELECT value FROM meta WHERE key = 'epoch'")

    # -- fills ----------------------------------------------------------------------------------------------

    def append(self, fills: Iterable[pb.Fill], epoch: int) -> list[pb.Fill]:
        """Makes fills durable and gives them their seq; those that are new, in order. Repeated ones are
        left out.
        """
        added: list[pb.Fill] = []
        head = self.head
        with self._transaction():
            for fill in fills:
                if self._db.execute("SELECT 1 FROM fills WHERE exec_id = ?", (fill.exec_id,)).fetchone():
                    continue
                fill.seq, fill.epoch = head + 1, epoch
                fill.journalled_at.GetCurrentTime()
                count_fill(self._coins, fill, self._names)
                executed_at = fill.executed_at.ToMicroseconds() / 1_000_000
                self._db.execute(
                    "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?)",
                    (fill.seq, fill.exec_id, fill.order_id, fill.pair, executed_at, fill.SerializeToString()),
                )
                head += 1
                added.append(fill)
            write_positions(self._database, self._coins)
        self.head = head
        return added

    # -- the master's coins ---------------------------------------------------------------------------------

    def traded_coins(self) -> list[str]:
        """Coins that were bought or came in since the journal began, by the names of now; also those that the
        master has sold since, as exits of users may be owed in them.
        """
        return [coin for coin, _ in self._coins if self._names.now_of(coin) is None]

    def position(self, coin: str) -> Decimal:
        """How much of a coin the master holds of what it bought since the journal began."""
        return self._coins.volume(self._names.current(coin))

    def current_name(self, coin: str) -> str:
        """The name that a coin has now."""
        return self._names.current(coin)

    def has_traded(self, coin: str) -> bool:
        """Whether there is a fill in a pair with this coin, by the name that it had then or has now."""
        if self._coins.volume(coin) or self._names.now_of(coin) is not None:
            return True
        pairs = (pair for (pair,) in self._rows("SELECT DISTINCT pair FROM fills", ()))
        return any(coin in self._names.current_pair(pair).split("/") for pair in pairs)

    def rename(self, old: str, new: str) -> bool:
        """Has the coin's position follow it to its new name; False if it has done so before. Raises
        ValueError for a contradiction.
        """
        if old == new:
            raise ValueError(f"{new} is {old} already")
        known = self._names.now_of(old)
        if known is not None:
            if known != new:
                raise ValueError(f"{old} was renamed to {known} already")
            return False
        number = len(self.renames) + 1
        with self._transaction():
            self._db.execute("INSERT INTO renames VALUES (?, ?, ?, ?)", (number, old, new, self.head))
            self._coins.rename(old, new)
            write_positions(self._database, self._coins)
        self.renames.append(account_pb2.AssetRename(number=number, old_name=old, new_name=new))
        self._renamed_after.append(self.head)
        self._names.add(old, new)
        return True

    def pair_now(self, fill: pb.Fill) -> str:
        """A fill's pair by the names of now. Each of its names means the coin that had it when the fill
        was made.
        """
        pair = fill.pair.split("/")
        for rename, after_seq in zip(self.renames, self._renamed_after, strict=True):
            if fill.seq <= after_seq and len(pair) > 1:
                pair = [rename.new_name if coin == rename.old_name else coin for coin in pair]
        return "/".join(pair)

    # -- fills as they are ----------------------------------------------------------------------------------

    def fills_after(self, seq: int, limit: int, pair: str = "") -> list[pb.Fill]:
        """Fills after a seq, ascending."""
        rows = self._rows(
            "SELECT body FROM fills WHERE seq > ? AND (? = '' OR pair = ?) ORDER BY seq LIMIT ?",
            (seq, pair, pair, limit),
        )
        return [self._parsed(pb.Fill, body) for (body,) in rows]

    def fills_before(self, seq: int, limit: int, pair: str = "") -> list[pb.Fill]:
        """Fills before a seq, descending."""
        rows = self._rows(
            "SELECT body FROM fills WHERE seq < ? AND (? = '' OR pair = ?) ORDER BY seq DESC LIMIT ?",
            (seq, pair, pair, limit),
        )
        return [self._parsed(pb.Fill, body) for (body,) in rows]

    def fill(self, seq: int = 0, exec_id: str = "") -> pb.Fill | None:
        """One fill, by seq or by execution id."""
        row = self._row("SELECT body FROM fills WHERE seq = ? OR exec_id = ?", (seq, exec_id))
        return None if row is None else self._parsed(pb.Fill, row[0])

    def known_since(self, executed_at: float) -> list[pb.Fill]:
        """Fills that were executed at or after a time (Unix seconds), and all others of the same orders."""
        rows = self._rows(
            "SELECT body FROM fills WHERE order_id IN (SELECT order_id FROM fills WHERE executed_at >= ?) "
            "ORDER BY seq",
            (executed_at,),
        )
        return [self._parsed(pb.Fill, body) for (body,) in rows]

    def latest_pairs(self, fills: int) -> list[str]:
        """The pairs of so many last fills, by the names of now."""
        query = "SELECT DISTINCT pair FROM (SELECT pair FROM fills ORDER BY seq DESC LIMIT ?)"
        return [self._names.current_pair(pair) for (pair,) in self._rows(query, (fills,))]

    def last_executed_at(self) -> float | None:
        """When the last fill was executed (Unix seconds); None for an empty journal."""
        row = self._row("SELECT max(executed_at) FROM fills")
        return None if row is None or row[0] is None else float(row[0])

    # -- users and their copies -----------------------------------------------------------------------------

    def join(self, account_id: str) -> UserMark:
        """The user's mark; a new user joins behind the last fill."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (account_id, self.head, self.head, NOTHING),
            )
        return self.mark(account_id)

    def user_ids(self) -> list[str]:
        """Every user that has ever joined, configured or not, by id."""
        return [
            account_id for (account_id,) in self._rows("SELECT account_id FROM users ORDER BY account_id")
        ]

    def mark(self, account_id: str) -> UserMark:
        """How far a user got. Only after ``join``."""
        row = self._row(
            "SELECT joined_seq, acked_seq, acked_revision FROM users WHERE account_id = ?", (account_id,)
        )
        return UserMark(*row)

    def identities(self) -> dict[str, str]:
        """By user, the account at the exchange that it traded last
        (account_proc/contract/account_identity.py), for those whose account is known.
        """
        rows = self._rows("SELECT key, value FROM meta WHERE key LIKE 'account of %'")
        return {key.removeprefix("account of "): value for key, value in rows}

    def put_identity(self, account_id: str, identity: str) -> None:
        """Keeps it across restarts."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"account of {account_id}", identity)
            )

    def on_masters(self) -> set[str]:
        """Users of which an order was seen in the master's own account."""
        rows = self._rows("SELECT key FROM meta WHERE key LIKE 'on the master''s: %'")
        return {key.removeprefix("on the master's: ") for (key,) in rows}

    def put_on_masters(self, account_id: str) -> None:
        """Keeps it across restarts."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, '')", (f"on the master's: {account_id}",)
            )

    def put_reports(self, reports: Iterable[tuple[str, Sequence[pb.Copy], int]]) -> None:
        """Makes reports (user, copies, cursor) durable in one write, and numbers the changes."""
        change, ends = self.last_change, Counter[tuple[str, int, str]]()
        with self._transaction():
            for account_id, copies, cursor in reports:
                for copy in copies:
                    change += 1
                    before = self._db.execute(
                        "SELECT state, reason FROM copies WHERE account_id = ? AND copy_id = ?",
                        (account_id, copy.copy_id),
                    ).fetchone()
                    if before is not None:
                        ends[account_id, *before] -= 1
                    ends[account_id, copy.state, copy.reason] += 1
                    self._db.execute(
                        "INSERT OR REPLACE INTO copies VALUES (?, ?, ?, ?, ?, ?)",
                        (account_id, copy.copy_id, change, copy.state, copy.reason, copy.SerializeToString()),
                    )
                    if before is None:
                        self._db.executemany(
                            "INSERT OR REPLACE INTO copy_fills VALUES (?, ?, ?)",
                            [(seq, account_id, copy.copy_id) for seq in copy.fill_seqs],
                        )
                revision = copies[-1].revision if copies else 0
                self._db.execute(
                    "UPDATE users SET acked_seq = max(acked_seq, ?), acked_revision = max(acked_revision, ?) "
                    "WHERE account_id = ?",
                    (cursor, revision, account_id),
                )
        self.last_change = change
        self._ends.update(ends)

    def copy(self, account_id: str, copy_id: str) -> pb.Copy | None:
        """One copy."""
        row = self._row("SELECT body FROM copies WHERE account_id = ? AND copy_id = ?", (account_id, copy_id))
        return None if row is None else self._parsed(pb.Copy, row[0])

    def copies_of_fill(self, seq: int) -> dict[str, pb.Copy]:
        """What each user made of a fill."""
        rows = self._rows(
            "SELECT account_id, body FROM copy_fills JOIN copies USING (account_id, copy_id) WHERE seq = ?",
            (seq,),
        )
        return {account_id: self._parsed(pb.Copy, body) for account_id, body in rows}

    def copies_before(
        self, change: int, limit: int, account_id: str = "", state: int = 0, fill_seq: int = 0
    ) -> list[tuple[int, pb.Copy]]:
        """Copies whose last change was before ``change``, the latest first, with the change's number."""
        rows = self._rows(
            "SELECT change, body FROM copies WHERE change < ? AND (? = '' OR account_id = ?) AND (? = 0 OR "
            "state = ?) "
            "AND (? = 0 OR (account_id, copy_id) IN (SELECT account_id, copy_id FROM copy_fills WHERE seq = "
            "?)) "
            "ORDER BY change DESC LIMIT ?",
            (change, account_id, account_id, state, state, fill_seq, fill_seq, limit),
        )
        return [(number, self._parsed(pb.Copy, body)) for number, body in rows]

    def copies_after(self, change: int, limit: int, account_id: str = "") -> list[tuple[int, pb.Copy]]:
        """Copies that changed after ``change``, in order of their last change, with its number."""
        rows = self._rows(
            "SELECT change, body FROM copies WHERE change > ? AND (? = '' OR account_id = ?) ORDER BY "
            "change LIMIT ?",
            (change, account_id, account_id, limit),
        )
        return [(number, self._parsed(pb.Copy, body)) for number, body in rows]

    def ends(self) -> list[tuple[str, int, str, int]]:
        """Copies counted by user, state and reason."""
        return [
            (user, state, reason, number) for (user, state, reason), number in self._ends.items() if number
        ]

    def answered(self, account_id: str, after_seq: int) -> int:
        """How many fills after a seq the user has a copy for."""
        return self._number(
            "SELECT count(*) FROM copy_fills WHERE account_id = ? AND seq > ?", (account_id, after_seq)
        )

    # -- what operators want --------------------------------------------------------------------------------

    def wanted(self, account_id: str) -> bool:
        """Whether the account is to run; yes unless an operator stopped it."""
        row = self._row("SELECT wanted FROM wanted WHERE account_id = ?", (account_id,))
        return row is None or bool(row[0])

    def set_wanted(self, account_id: str, *, wanted: bool) -> None:
        """Keeps what an operator wants, across restarts."""
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO wanted VALUES (?, ?)", (account_id, int(wanted)))

    def paused(self, account_id: str) -> bool:
        """Whether an operator has paused the user."""
        return self._number("SELECT count(*) FROM paused WHERE account_id = ?", (account_id,)) == 1

    def set_paused(self, account_id: str, *, paused: bool) -> None:
        """Keeps whether the user is paused, across restarts."""
        with self._transaction():
            self._db.execute("DELETE FROM paused WHERE account_id = ?", (account_id,))
            if paused:
                self._db.execute("INSERT INTO paused VALUES (?)", (account_id,))

    # -- how processes ended --------------------------------------------------------------------------------

    def process_ends(self) -> dict[str, pb.ProcessEnd]:
        """By account, the last end of its process that nobody had asked for."""
        rows = self._rows("SELECT account_id, body FROM process_ends")
        return {account_id: self._parsed(pb.ProcessEnd, body) for account_id, body in rows}

    def put_process_end(self, account_id: str, end: pb.ProcessEnd) -> None:
        """Keeps it across restarts, in place of the one before."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO process_ends VALUES (?, ?)", (account_id, end.SerializeToString())
            )

    # -- events ---------------------------------------------------------------------------------------------

    def add_event(self, event: pb.Event) -> pb.Event:
        """Keeps an event and gives it its seq."""
        event.seq = self.last_event + 1
        with self._transaction():
            self._db.execute(
                "INSERT INTO events VALUES (?, ?, ?)",
                (event.seq, event.account_id, event.SerializeToString()),
            )
        self.last_event = event.seq
        return event

    def events_before(self, seq: int, limit: int, account_id: str = "") -> list[pb.Event]:
        """Events before a seq, the latest first."""
        rows = self._rows(
            "SELECT body FROM events WHERE seq < ? AND (? = '' OR account_id = ?) ORDER BY seq DESC LIMIT ?",
            (seq, account_id, account_id, limit),
        )
        return [self._parsed(pb.Event, body) for (body,) in rows]

    def events_after(self, seq: int, limit: int) -> list[pb.Event]:
        """Events after a seq, ascending."""
        rows = self._rows("SELECT body FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
        return [self._parsed(pb.Event, body) for (body,) in rows]


def _begin(database: Database) -> None:
    """What a new journal holds."""
    database.execute("INSERT INTO meta VALUES ('journal_id', ?)", (str(uuid.uuid4()),))
    database.execute("INSERT INTO meta VALUES ('created_at', ?)", (repr(time.time()),))
    database.execute("INSERT INTO meta VALUES ('epoch', '0')")


def _recognise(database: Database) -> None:
    """Raises JournalFault for a database that is no journal."""
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if not meta.keys() >= META_KEYS:
        raise JournalFault(
            f"{database.path} is not a journal of krakencopy, or a part of it is gone; see that it is the "
            "right file"
        )
