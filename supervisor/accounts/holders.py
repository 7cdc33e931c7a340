"""Who holds a coin by copying, as the users' ledgers say: the only word for users that do not run, and the
newest for those that do.

Reads files of other processes, without a lock that they would wait for, and nothing else. It must not know
what the answer is for.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.copied_coins import Position

log = logging.getLogger(__name__)


def holders(ledgers: Mapping[str, Path], asset: str) -> dict[str, Decimal | None]:
    """Volumes by user, None where a ledger cannot be read; ``ledgers`` by user. Who holds nothing is not
    among them.
    """
    held: dict[str, Decimal | None] = {}
    for user, path in ledgers.items():
        try:
            volume = _held(path, asset)
        except (sqlite3.Error, KeyError, TypeError, ValueError, ArithmeticError) as error:
            log.warning("%s cannot be read: what %s holds of %s is not known (%s)", path, user, asset, error)
            held[user] = None
            continue
        if volume:
            held[user] = volume
    return held


def _held(path: Path, asset: str) -> Decimal:
    if not path.exists():
        return Decimal(0)
    # Without a log beside it nobody uses it, and SQLite would make one.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as ledger:
        row = ledger.execute("SELECT body FROM positions WHERE coin = ?", (asset,)).fetchone()
    return Decimal(0) if row is None else Position.from_json(row[0]).volume
