"""Who holds a coin by copying, as the users' ledgers say: the only word for users that do not run, and the
newest for those that do.

It must not know what the answer is for, nor the form of a ledger (account_proc/contract/ledger_file.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, copied_volume
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Users that are named in one sentence at most.
NAMED_MAX = 10


def holders(ledgers: Mapping[str, Path], asset: str) -> dict[str, Decimal | None]:
    """Volumes by user, None where a ledger cannot be read; ``ledgers`` by user. Who holds nothing is not
    among them.
    """
    held: dict[str, Decimal | None] = {}
    for user, path in ledgers.items():
        try:
            volume = copied_volume(path, asset)
        except LedgerUnreadable as error:
            log.warning("%s cannot be read: what %s holds of %s is not known (%s)", path, user, asset, error)
            held[user] = None
            continue
        if volume:
            held[user] = volume
    return held


def holders_text(held: Mapping[str, Decimal | None]) -> str:
    """For people, at the end of a sentence."""
    if not held:
        return "no user holds any of it by copying"
    words = [
        f"{user} {'an unknown amount' if volume is None else plain(volume)}" for user, volume in held.items()
    ]
    more = f" and {len(words) - NAMED_MAX} more users" if len(words) > NAMED_MAX else ""
    return f"by copying users still hold: {', '.join(words[:NAMED_MAX])}{more}"


class HoldersLog:
    """Records events about a coin together with who holds it."""

    def __init__(self, events: EventLog, ledgers: Callable[[], Mapping[str, Path]]) -> None:
        """``ledgers`` gives those of the users that are configured now."""
        self._events = events
        self._ledgers = ledgers
        self._reading: set[asyncio.Task[None]] = set()

    def record_with_holders(
        self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str, asset: str
    ) -> None:
        """One event, as soon as the ledgers are read."""

        async def read_and_record() -> None:
            # Files of other processes, and many of them: nothing waits for this.
            held = await asyncio.to_thread(holders, self._ledgers(), asset)
            self._events.record(severity, account_id, code, f"{message}; {holders_text(held)}")

        task = asyncio.get_running_loop().create_task(read_and_record())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
