"""The tables of a ledger, and the way from each earlier schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import Exchanged
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.copy_plan import OrderPlan
from krakencopy.account_proc.domain.quantities import QuoteAmount, Side
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.account_proc.state.ledger_rows import slice_from, write_book

SCHEMA_VERSION = 4
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pending_fills (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE copies (
    copy_id TEXT PRIMARY KEY, revision INTEGER NOT NULL UNIQUE, state TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX copies_by_state ON copies (state);
CREATE TABLE plans (order_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (coin TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE carried (pair TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE own_orders (
    request_id TEXT PRIMARY KEY, body TEXT NOT NULL, live INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX own_orders_live ON own_orders (live) WHERE live;
CREATE TABLE own_positions (pair TEXT PRIMARY KEY, volume TEXT NOT NULL, cost TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE order_ids (cl_ord_id TEXT PRIMARY KEY, copy_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE drifts (order_id TEXT PRIMARY KEY, found_at REAL NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
"""


def _count_by_coin(database: Database) -> None:
    """Version 3 kept a position for each pair, and beside it what was carried there."""
    book = CopyBook(_NoPlans())
    for pair, body in database.execute("SELECT pair, body FROM pairs").fetchall():
        raw = json.loads(body)
        base, _, quote = pair.partition("/")
        volume = Decimal(raw["volume"])
        if volume > 0:
            cost = QuoteAmount(Decimal(raw["cost"])).amount
            book.coins.bought(Exchanged(base=base, quote=quote, volume=volume, cost=cost))
        for side in Side:
            for piece in raw[side]:
                book.carry(pair, side, [slice_from(piece)], piece["copy_id"])
    database.run(
        "CREATE TABLE positions (coin TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE carried (pair TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
        "DROP TABLE pairs"
    )
    write_book(database, book)


class _NoPlans:
    """For a book that decides nothing."""

    def get_plan(self, order_id: str) -> OrderPlan | None:
        raise AssertionError(order_id)

    def put_plan(self, plan: OrderPlan) -> None:
        raise AssertionError(plan)


#: From each earlier schema to the next.
UPGRADES: dict[int, str | Callable[[Database], None]] = {
    1: """
CREATE TABLE order_ids (cl_ord_id TEXT PRIMARY KEY, copy_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE drifts (order_id TEXT PRIMARY KEY, found_at REAL NOT NULL, body TEXT NOT NULL) WITHOUT ROWID
""",
    2: """
ALTER TABLE own_orders ADD COLUMN live INTEGER NOT NULL DEFAULT 0;
CREATE INDEX own_orders_live ON own_orders (live) WHERE live;
CREATE TABLE own_positions (pair TEXT PRIMARY KEY, volume TEXT NOT NULL, cost TEXT NOT NULL) WITHOUT ROWID
""",
    3: _count_by_coin,
}
