"""The tables of the journal, and the way from each earlier schema."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.copied_coins import (
    CoinNames,
    CopiedCoins,
    Exchanged,
    split_pair,
)
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.v1 import types_pb2 as pb

SCHEMA_VERSION = 4


SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE fills (
    seq INTEGER PRIMARY KEY, exec_id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, pair TEXT NOT NULL,
    executed_at REAL NOT NULL, body BLOB NOT NULL
);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE TABLE copies (
    account_id TEXT NOT NULL, copy_id TEXT NOT NULL, change INTEGER NOT NULL UNIQUE, state INTEGER NOT NULL,
    reason TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (account_id, copy_id)
) WITHOUT ROWID;
CREATE INDEX copies_by_end ON copies (account_id, state, reason);
CREATE TABLE copy_fills (
    seq INTEGER NOT NULL, account_id TEXT NOT NULL, copy_id TEXT NOT NULL, PRIMARY KEY (seq, account_id)
) WITHOUT ROWID;
CREATE TABLE users (
    account_id TEXT PRIMARY KEY, joined_seq INTEGER NOT NULL, acked_seq INTEGER NOT NULL,
    acked_revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE wanted (account_id TEXT PRIMARY KEY, wanted INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE paused (account_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE events (seq INTEGER PRIMARY KEY, account_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE process_ends (account_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (coin TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE renames (
    number INTEGER PRIMARY KEY, old_name TEXT NOT NULL, new_name TEXT NOT NULL, after_seq INTEGER NOT NULL
);
"""


def _count_positions(database: Database) -> None:
    """Version 2 did not count what the master holds of what it bought."""
    database.run(
        "CREATE TABLE positions (coin TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE renames (number INTEGER PRIMARY KEY, old_name TEXT NOT NULL UNIQUE, new_name TEXT NOT "
        "NULL)"
    )
    coins = CopiedCoins()
    for (body,) in database.execute("SELECT body FROM fills ORDER BY seq"):
        count_fill(coins, pb.Fill.FromString(body), CoinNames())
    write_positions(database, coins)


#: From a version to the next.
UPGRADES: dict[int, str | Callable[[Database], None]] = {
    1: "CREATE TABLE process_ends (account_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
    2: _count_positions,
    # A name may be given more than once: back to the coin that had it, or to another one. It means what it
    # did at a fill's time.
    3: "ALTER TABLE renames RENAME TO renames_once;"
    "CREATE TABLE renames (number INTEGER PRIMARY KEY, old_name TEXT NOT NULL, new_name TEXT NOT NULL, "
    "after_seq INTEGER NOT NULL);"
    "INSERT INTO renames SELECT number, old_name, new_name, (SELECT coalesce(max(seq), 0) FROM fills) FROM "
    "renames_once;"
    "DROP TABLE renames_once",
}


#: Copies counted by user, state and reason.
ENDS = "SELECT account_id, state, reason, count(*) FROM copies GROUP BY account_id, state, reason"


#: What the meta table always has.
META_KEYS = {"journal_id", "created_at", "epoch"}


def count_fill(coins: CopiedCoins, fill: pb.Fill, coin_names: CoinNames) -> None:
    """Counts one more fill of the master, and says in it what the master held of the base coin before and
    after.
    """
    names = split_pair(fill.pair)
    if names is None:
        return  # a pair that the exchange did not list: nobody copies it
    base, quote = map(coin_names.current, names)
    volume = Decimal(fill.volume)
    fees = {coin_names.current(fill.fee.asset): Decimal(fill.fee.amount)} if fill.fee.amount else {}
    trade = Exchanged(base=base, quote=quote, volume=volume, cost=volume * Decimal(fill.price), fees=fees)
    fill.journal_position = plain(coins.volume(base))
    if fill.not_copied:
        # Nobody follows it: counted, it would be part of what the master's own sales are a fraction of.
        pass
    elif fill.margin:
        coins.paid(fees)
    elif fill.side == pb.SIDE_BUY:
        coins.bought(trade)
    else:
        coins.sold(trade)
    fill.journal_position_after = plain(coins.volume(base))


def write_positions(database: Database, coins: CopiedCoins) -> None:
    """Writes what has changed since it was written last."""
    for coin, position in coins.take_changed():
        database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (coin, position.to_json()))
