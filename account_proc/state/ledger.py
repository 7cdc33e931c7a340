"""What one account's process must not forget, in its own SQLite file (state/ledger_file.py). No decisions,
no exchange.

A ledger belongs to one account and one journal for ever: seqs and copy ids mean nothing in another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copied_coins import CoinNames, CopiedCoins, Position
from krakencopy.account_proc.contract.copy_state import MAY_BE_LIVE, CopyState
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import OrderPlan
from krakencopy.account_proc.domain.copy_record import CopyRecord
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.requested_order import OwnPosition, RequestedOrder
from krakencopy.account_proc.state.ledger_rows import (
    copy_body,
    copy_from,
    plan_body,
    plan_from,
    slice_from,
    to_json,
    write_book,
)
from krakencopy.account_proc.state.ledger_wishes import LedgerWishes

#: Of a step beside which nothing else is so.
NOTHING_BESIDE: Mapping[str, str] = {}
#: States in which a copy makes an order id its own.
CLAIMS = frozenset({CopyState.INTENT, CopyState.ACKNOWLEDGED})
#: Owner of the id of an order that an operator or a strategy asked for.
NO_COPY = ""
#: Plans kept in memory; older ones are read from the file when a late fill of their order comes.
PLANS_IN_MEMORY = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """An order at the exchange that does not agree with the ledger; see ``krakencopy.v1.Drift``.
    ``found_at`` in Unix seconds.
    """

    code: str
    order_id: str
    cl_ord_id: str
    copy_id: str
    message: str
    found_at: float


class Ledger(LedgerWishes):
    """Opened once, by the one process that holds the account's lock."""

    def __init__(self, path: Path, account_id: str, owner: str = "", *, adopt: bool = False) -> None:
        """As LedgerFile."""
        super().__init__(path, account_id, owner, adopt=adopt)
        self._plans: dict[str, OrderPlan] = {}
        self._dirty_plans: dict[str, OrderPlan] = {}
        #: Is called with each copy of a step that has become durable.
        self.on_copy: Callable[[CopyRecord], None] | None = None
        #: What is kept by name along with a step, of the copies that it makes durable.
        self.along: Callable[[Sequence[CopyRecord]], Mapping[str, str]] = lambda _copies: {}
        with self._reading:
            #: See ``take_over``; with times in Unix seconds, by pair.
            self.taken_over = frozenset[str](json.loads(self._meta.get("taken_over", "[]")))
            self.answered, self.bought = (
                {name: float(at) for name, at in json.loads(self._meta.get(key, "{}")).items()}
                for key in ("answered", "bought")
            )

    # -- plans: the PlanStore of the rules ------------------------------------------------------------------

    def get_plan(self, order_id: str) -> OrderPlan | None:
        """The plan of a master order, or None."""
        plan = self._plans.get(order_id)
        if plan is not None:
            return plan
        with self._reading:
            row = self._db.execute("SELECT body FROM plans WHERE order_id = ?", (order_id,)).fetchone()
            if row is None:
                return None
            plan = self._plans[order_id] = plan_from(json.loads(row[0]))
        return plan

    def put_plan(self, plan: OrderPlan) -> None:
        """Keeps a plan; it becomes durable with the next ``commit``."""
        self._plans[plan.order_id] = plan
        self._dirty_plans[plan.order_id] = plan

    # -- the one write --------------------------------------------------------------------------------------

    def commit(
        self,
        *,
        copies: Iterable[CopyRecord] = (),
        book: CopyBook | None = None,
        cursor: tuple[int, str] | None = None,
        add_pending: Iterable[tuple[int, bytes]] = (),
        drop_pending: Iterable[int] = (),
        renamed: int | None = None,
        beside: Mapping[str, str] = NOTHING_BESIDE,
    ) -> None:
        """Makes one step durable, all or nothing. Gives every copy its next revision. Raises LedgerFault.

        ``cursor``: the last fill that was taken, by its seq and its execution id. ``renamed``: the number of
        a coin's renaming, which ``book`` has followed. ``beside``: what else is so with this step, as
        ``whole_flatten``, ``taken_sync``, ``waiting_syncs`` and ``without_wish`` give it.
        """
        revision, copies = self.revision, tuple(copies)
        with self._transaction():
            for copy in copies:
                revision += 1
                copy.revision = revision
                self._db.execute(
                    "INSERT INTO copies VALUES (?, ?, ?, ?) ON CONFLICT (copy_id) DO UPDATE SET "
                    "revision = excluded.revision, state = excluded.state, body = excluded.body",
                    (copy.copy_id, revision, copy.state, copy_body(copy)),
                )
                if copy.state in CLAIMS:
                    self._claim(copy.cl_ord_id, copy.copy_id)
            for plan in self._dirty_plans.values():
                self._db.execute(
                    "INSERT OR REPLACE INTO plans VALUES (?, ?)", (plan.order_id, plan_body(plan))
                )
            if book is not None:
                write_book(self._database, book)
            self._db.executemany("INSERT INTO pending_fills VALUES (?, ?)", add_pending)
            for seq in drop_pending:
                self._db.execute("DELETE FROM pending_fills WHERE seq = ?", (seq,))
            if renamed is not None and book is not None:
                self._set_all({"renamed": str(renamed), "coin_names": book.names.to_json()})
                self._rename_own_positions(book)
            self._set_all(
                {"revision": str(revision)}
                | ({} if book is None else self._left_of(book))
                | {f"kept {name}": value for name, value in self.along(copies).items()}
                | dict(beside)
                | ({} if cursor is None else {"cursor": str(cursor[0]), "cursor_exec_id": cursor[1]})
            )
        self._dirty_plans.clear()
        if self.on_copy is not None:
            for copy in copies:
                self.on_copy(copy)
        while len(self._plans) > PLANS_IN_MEMORY:
            self._plans.pop(next(iter(self._plans)))

    def _left_of(self, book: CopyBook) -> dict[str, str]:
        """Coins that the master has left, and those that are bought in other pairs than the master's, where
        that has changed.
        """
        now = {"left_coins": to_json(book.left), "mapped_coins": to_json(sorted(book.mapped))}
        usual = {"left_coins": "{}", "mapped_coins": "[]"}
        return {key: text for key, text in now.items() if text != self._meta.get(key, usual[key])}

    def _rename_own_positions(self, book: CopyBook) -> None:
        """What strategies hold follows its coin, too."""
        for pair, position in self.own_positions().items():
            current = book.names.current_pair(pair)
            if current == pair:
                continue
            there = self.own_positions().get(current, OwnPosition())
            whole = OwnPosition(there.volume + position.volume, there.cost + position.cost)
            self._db.execute("DELETE FROM own_positions WHERE pair = ?", (pair,))
            self._db.execute(
                "INSERT OR REPLACE INTO own_positions VALUES (?, ?, ?)",
                (current, str(whole.volume), str(whole.cost)),
            )

    def _claim(self, cl_ord_id: str, copy_id: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO order_ids VALUES (?, ?)", (cl_ord_id, copy_id))

    def take_over(
        self, cl_ord_ids: Iterable[str], answered: dict[str, float], bought: dict[str, float], book: CopyBook
    ) -> None:
        """Orders of this ledger are at the exchange, and it does not know them: it is older than they are.
        Their ids are not given again, fills of a pair that were executed up to ``answered`` (Unix seconds)
        were answered by them, and what was carried in these pairs was decided by who made them. ``bought``:
        by coin, when the last of those that buy was made. Raises LedgerFault.
        """
        taken = self.taken_over | frozenset(cl_ord_ids)
        upto = self.answered | {pair: max(at, self.answered.get(pair, at)) for pair, at in answered.items()}
        for pair in answered:
            for side in Side:
                book.carried.pop((pair, side), None)
        with self._transaction():
            write_book(self._database, book)
            last_bought = self.bought | bought
            self._set_all(
                {
                    "taken_over": to_json(sorted(taken)),
                    "answered": to_json(upto),
                    "bought": to_json(last_bought),
                }
            )
        self.taken_over, self.answered, self.bought = taken, upto, last_bought

    # -- what is read at a start ----------------------------------------------------------------------------

    def pending_fills(self) -> list[tuple[int, bytes]]:
        """Fills that were taken and not answered, by seq."""
        return list(self._db.execute("SELECT seq, body FROM pending_fills ORDER BY seq"))

    def load_book(self) -> CopyBook:
        """The memory of the rules as it was at the last commit."""
        with self._reading:
            book = CopyBook(self)
            positions = self._db.execute("SELECT coin, body FROM positions")
            book.names = CoinNames.from_json(self._meta.get("coin_names", "{}"))
            book.coins = CopiedCoins({coin: Position.from_json(body) for coin, body in positions})
            book.left = dict(json.loads(self._meta.get("left_coins", "{}")))
            book.mapped = set(json.loads(self._meta.get("mapped_coins", "[]")))
            for pair, body in self._db.execute("SELECT pair, body FROM carried"):
                raw = json.loads(body)
                for side in Side:
                    if raw[side]:
                        book.carried[pair, side] = [slice_from(piece) for piece in raw[side]]
            return book

    def open_copies(self) -> list[CopyRecord]:
        """Copies whose order may exist at the exchange, oldest first."""
        with self._reading:
            states = tuple(MAY_BE_LIVE)
            marks = ", ".join("?" * len(states))
            rows = self._db.execute(
                f"SELECT body FROM copies WHERE state IN ({marks}) ORDER BY revision",  # noqa: S608 - only question marks
                states,
            )
            return [copy_from(json.loads(body)) for (body,) in rows]

    def entries_since(self, at: float) -> list[CopyRecord]:
        """Entries that were decided after a time (Unix seconds). It looks at all copies: for a start."""
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM copies WHERE json_extract(body, '$.side') = ? "
                "AND json_extract(body, '$.decided_at') >= ?",
                (Side.BUY, at),
            )
            return [copy_from(json.loads(body)) for (body,) in rows]

    def copies_after(self, revision: int, limit: int) -> list[CopyRecord]:
        """Copies that changed after a revision, in order of revision."""
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM copies WHERE revision > ? ORDER BY revision LIMIT ?", (revision, limit)
            )
            return [copy_from(json.loads(body)) for (body,) in rows]

    def copy(self, copy_id: str) -> CopyRecord | None:
        """One copy, or None."""
        with self._reading:
            row = self._db.execute("SELECT body FROM copies WHERE copy_id = ?", (copy_id,)).fetchone()
            return None if row is None else copy_from(json.loads(row[0]))

    # -- orders that were asked for -------------------------------------------------------------------------

    def requested_order(self, request_id: str) -> RequestedOrder | None:
        """The order of a request id, or None."""
        with self._reading:
            row = self._db.execute(
                "SELECT body FROM own_orders WHERE request_id = ?", (request_id,)
            ).fetchone()
            return None if row is None else RequestedOrder.from_json(row[0])

    def requested_orders_of(self, cl_ord_ids: Iterable[str]) -> dict[str, RequestedOrder]:
        """Orders that were asked for, by the client order ids that they carry. It looks at all of them: for
        what people ask now and then.
        """
        wanted = json.dumps(list(cl_ord_ids))
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM own_orders WHERE json_extract(body, '$.cl_ord_id') IN "
                "(SELECT value FROM json_each(?))",
                (wanted,),
            )
            found = [RequestedOrder.from_json(body) for (body,) in rows]
        return {order.cl_ord_id: order for order in found}

    def put_requested_order(self, order: RequestedOrder) -> None:
        """Makes an asked-for order, or its new state, durable. Raises LedgerFault.

        A strategy's order that ends changes what the strategy holds in the same write.
        """
        before = self.requested_order(order.request_id)
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO own_orders VALUES (?, ?, ?)",
                (order.request_id, order.to_json(), order.live),
            )
            if before is not None and before.live and not order.live:
                after = self.own_positions().get(order.pair, OwnPosition()).after(order)
                self._db.execute(
                    "INSERT OR REPLACE INTO own_positions VALUES (?, ?, ?)",
                    (order.pair, str(after.volume), str(after.cost)),
                )
            self._claim(order.cl_ord_id, NO_COPY)

    def claim_own(self, cl_ord_id: str) -> None:
        """An order that was asked for and that this ledger has lost is known by its id from now on. Raises
        LedgerFault.
        """
        with self._transaction():
            self._claim(cl_ord_id, NO_COPY)

    def live_requested_orders(self) -> list[RequestedOrder]:
        """Strategies' orders whose end is not known."""
        with self._reading:
            rows = self._db.execute("SELECT body FROM own_orders WHERE live ORDER BY request_id")
            return [RequestedOrder.from_json(body) for (body,) in rows]

    def own_positions(self) -> dict[str, OwnPosition]:
        """What strategies hold, by pair."""
        with self._reading:
            rows = self._db.execute("SELECT pair, volume, cost FROM own_positions")
            return {pair: OwnPosition(Decimal(volume), Decimal(cost)) for pair, volume, cost in rows}

    def placed_order_ids(self, before: float, limit: int) -> list[str]:
        """The exchange's ids of orders of this ledger that traded, the latest first, as many as are asked
        for. Only those that ended before this time (Unix seconds), but for orders that were asked for, which
        do not say when.
        """
        with self._reading:
            copies = self._db.execute(
                "SELECT body FROM copies WHERE state IN (?, ?) ORDER BY revision DESC LIMIT ?",
                (CopyState.FILLED, CopyState.PART_FILLED, limit),
            )
            found = [copy_from(json.loads(body)) for (body,) in copies]
            rows = self._db.execute("SELECT body FROM own_orders ORDER BY request_id DESC LIMIT ?", (limit,))
            asked = [RequestedOrder.from_json(body) for (body,) in rows]
            placed = [copy.order_id for copy in found if copy.order_id and copy.finished_at < before]
            placed += [order.order_id for order in asked if order.filled and order.deadline < before]
            return placed[:limit]

    # -- what the exchange's record is held against ---------------------------------------------------------

    def owner(self, cl_ord_id: str) -> str | None:
        """The copy that an order id belongs to, NO_COPY for an order that was asked for, None for an id
        that was never made.
        """
        with self._reading:
            row = self._db.execute(
                "SELECT copy_id FROM order_ids WHERE cl_ord_id = ?", (cl_ord_id,)
            ).fetchone()
            return None if row is None else str(row[0])

    @property
    def reconciled_at(self) -> float | None:
        """Up to when the exchange's record of orders agrees with this ledger, or says where not (Unix
        seconds).
        """
        value = self._meta.get("reconciled_at")
        return None if value is None else float(value)

    def put_reconciled(self, at: float | None, drifts: Iterable[Drift]) -> None:
        """Keeps what a comparison found; ``at``: None when it could not be finished. A drift keeps the time
        when it was found first.

        Raises LedgerFault.
        """
        with self._transaction():
            if at is not None:
                self._set("reconciled_at", repr(at))
            self._set_beside()
            for drift in drifts:
                self._db.execute(
                    "INSERT INTO drifts VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (drift.order_id, drift.found_at, json.dumps(asdict(drift))),
                )

    def drifts(self, since: float) -> list[Drift]:
        """Drifts that were found after a time (Unix seconds), the oldest first."""
        with self._reading:
            rows = self._db.execute(
                "SELECT body FROM drifts WHERE found_at > ? ORDER BY found_at, order_id", (since,)
            )
            return [Drift(**json.loads(body)) for (body,) in rows]
