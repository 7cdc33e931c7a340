"""The supervisor's memory: fills in order, what users made of them, how far each user got, what operators
want. A fill is durable here before anyone else sees it (supervisor/journal/journal_file.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from krakencopy.account_proc.contract.copied_coins import Position
from krakencopy.supervisor.journal.kept_words import KeptWords
from krakencopy.supervisor.journal.master_coins import MasterCoins
from krakencopy.v1 import types_pb2 as pb

#: Copies counted by user, state and reason.
_ENDS = "SELECT account_id, state, reason, count(*) FROM copies GROUP BY account_id, state, reason"
#: Where a user's reports stand when it has none.
NOTHING = 0


@dataclass(frozen=True, slots=True)
class UserMark:
    """How far one user got. ``joined_seq``: fills up to there were before its time."""

    joined_seq: int
    acked_seq: int
    acked_revision: int


class Journal(KeptWords):
    """Opened once, by the one supervisor that holds the state folder's lock."""

    def _load(self) -> None:
        self.head = self._number("SELECT max(seq) FROM fills")
        self.last_change = self._number("SELECT max(change) FROM copies")
        self.last_event = self._number("SELECT max(seq) FROM events")
        #: Of all fills, by the names that they had then.
        self.pairs = {pair for (pair,) in self._rows("SELECT DISTINCT pair FROM fills")}
        #: Copies by user, state and reason: counted once here, and with each report from then on.
        self._ends = Counter(
            {(user, state, reason): number for user, state, reason, number in self._rows(_ENDS)}
        )
        #: Users whose copies are a shadow's, configured or not.
        self.shadows = set(self._read_shadows())
        self.coins = self._read_coins()
        self._load_syncs()
        self._load_leavers()
        self._load_configured()
        # Seqs have no gaps, so this also finds what SQLite's check cannot know.
        fills = self._number("SELECT count(*) FROM fills")
        if self.head != fills:
            raise self._database.damaged(f"it ends with fill {self.head} and has {fills}")

    def _read_shadows(self) -> Iterator[str]:
        """A user is a shadow for ever, or never: any of its copies says it."""
        for (account_id,) in self._rows("SELECT account_id FROM users"):
            row = self._row("SELECT body FROM copies WHERE account_id = ? LIMIT 1", (account_id,))
            if row is not None and self._parsed(pb.Copy, row[0]).shadow:
                yield account_id

    def _read_coins(self) -> MasterCoins:
        positions = self._rows("SELECT coin, body FROM positions")
        return MasterCoins(
            {coin: Position.from_json(body) for coin, body in positions},
            self._rows("SELECT number, old_name, new_name, after_seq FROM renames ORDER BY number"),
        )

    @contextmanager
    def wish(self) -> Iterator[None]:
        """What an operator asks for and the event about it, in one commit. Raises JournalFault; then nothing
        has changed, here as on the disk, and this journal may be used on.
        """
        renames = len(self.coins.renames)
        try:
            with self.together():
                yield
        except BaseException:
            self.last_event = self._number("SELECT max(seq) FROM events")
            if len(self.coins.renames) != renames:
                self.coins = self._read_coins()
            self._load_syncs()
            self._load_leavers()
            self._load_configured()
            raise

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
                self.coins.count_fill(fill)
                executed_at = fill.executed_at.ToMicroseconds() / 1_000_000
                self._db.execute(
                    "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?)",
                    (fill.seq, fill.exec_id, fill.order_id, fill.pair, executed_at, fill.SerializeToString()),
                )
                head += 1
                added.append(fill)
            self.coins.write_changed(self._database)
        self.head = head
        self.pairs.update(fill.pair for fill in added)
        return added

    # -- the master's coins: also ``coins`` ----------------------------------------------------------------

    def has_traded(self, coin: str) -> bool:
        """Whether there is a fill in a pair with this coin, by the name that it had then or has now."""
        if self.coins.is_known(coin):
            return True
        return any(coin in self.coins.current_pair(pair).split("/") for pair in self.pairs)

    def rename(self, old: str, new: str) -> bool:
        """Has the coin's position follow it to its new name; False if it has done so before. Raises
        ValueError for a contradiction.
        """
        if self.coins.is_renamed(old, new):
            return False
        number = len(self.coins.renames) + 1
        with self._transaction():
            self._db.execute("INSERT INTO renames VALUES (?, ?, ?, ?)", (number, old, new, self.head))
            self.coins.rename(old, new, self.head)
            self.coins.write_changed(self._database)
        return True

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
        return [self.coins.current_pair(pair) for (pair,) in self._rows(query, (fills,))]

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
        shadows: set[str] = set()
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
                if copies and copies[0].shadow:
                    shadows.add(account_id)
        self.last_change = change
        self._ends.update(ends)
        self.shadows |= shadows

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

    def answers(self, after_seq: int, to_seq: int) -> list[tuple[int, str, str, int]]:
        """For each fill after a seq and up to another one, and each user that has answered it: seq, user, id
        and state of the copy.
        """
        return self._rows(
            "SELECT seq, account_id, copy_id, state FROM copy_fills JOIN copies USING (account_id, copy_id) "
            "WHERE seq > ? AND seq <= ?",
            (after_seq, to_seq),
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
