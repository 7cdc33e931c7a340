"""The tables of the journal, and the way from each earlier schema."""

from __future__ import annotations

from collections.abc import Callable

from krakencopy.account_proc.contract.copied_coins import CoinNames, CopiedCoins
from krakencopy.account_proc.runtime.sqlite_file import Database
from krakencopy.supervisor.journal.master_coins import count_fill, write_positions
from krakencopy.v1 import types_pb2 as pb

SCHEMA_VERSION = 7
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
#: Every change of a setting, for ever: the last of a target and key holds, without a value none does.
SETTINGS = """
CREATE TABLE setting_changes (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, set_by TEXT NOT NULL, target TEXT NOT NULL,
    key TEXT NOT NULL, old_value TEXT, new_value TEXT
);
CREATE INDEX setting_changes_by_place ON setting_changes (target, key);
"""
SCHEMA += SETTINGS
#: Every time that a user is to be brought to the master's positions, and users that leave the configuration
#: and are kept until their copied coins are sold.
SYNCS = """
CREATE TABLE syncs (
    number INTEGER PRIMARY KEY, account_id TEXT NOT NULL, request_id TEXT NOT NULL, origin TEXT NOT NULL,
    asked_at REAL NOT NULL, asked_by TEXT NOT NULL, reason TEXT NOT NULL, not_worse INTEGER NOT NULL,
    taken INTEGER NOT NULL, UNIQUE (account_id, request_id)
);
CREATE TABLE leaving (account_id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""
SCHEMA += SYNCS
#: Who may call the control API from elsewhere (journal/access_records.py).
ACCESS = """
CREATE TABLE credentials (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, account_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL, created_at REAL NOT NULL, created_by TEXT NOT NULL, expires_at REAL NOT NULL,
    revoked_at REAL, revoked_by TEXT NOT NULL, last_used_at REAL
) WITHOUT ROWID;
"""
SCHEMA += ACCESS
#: Every change of an account or a group over the API, for ever: the last of a kind and id holds, without a
#: new body there is none. ``answer`` is what the request of ``digest`` was answered.
CONFIGURED = """
CREATE TABLE config_changes (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, changed_by TEXT NOT NULL, principal TEXT NOT NULL,
    request_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, action TEXT NOT NULL, old_body TEXT,
    new_body TEXT, digest TEXT NOT NULL UNIQUE, answer BLOB NOT NULL
);
CREATE INDEX config_changes_by_id ON config_changes (kind, id);
"""
SCHEMA += CONFIGURED


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
    4: SETTINGS,
    5: SYNCS,
    6: ACCESS + CONFIGURED,
}
#: What the meta table always has.
META_KEYS = {"journal_id", "created_at", "epoch"}
