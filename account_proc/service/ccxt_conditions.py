"""What is seen of the conditions of an account at another broker now. Asked for when the snapshot is made;
keeps nothing.

Those of copying do not apply: no exit is owed there, no copied coin can be missing, no feed is followed.
Instead of a feed balances are read every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from krakencopy.account_proc.ccxt_broker.broker import CcxtBroker
from krakencopy.account_proc.contract.conditions import HOLDS, UNKNOWN, ConditionType, Finding
from krakencopy.account_proc.runtime.disk_room import room_missing
from krakencopy.account_proc.service.account_conditions import of_clock

#: Without a reading for so many periods, and for so long at least, what is known of balances is old: a
#: machine may be slow for a while.
PERIODS_MAX, STALE_S_MIN = 3, 30.0


def findings(broker: CcxtBroker, ledger: Path, period_s: float, next_try: str) -> Iterator[Finding]:
    """All of an account's. ``period_s``: between two readings of balances; ``next_try``: when the broker is
    asked again, for people, while it does not answer.
    """
    yield from broker.health.findings(time.monotonic(), next_try)
    yield of_poll(broker.read_at, time.time(), period_s, next_try)
    yield of_clock(broker.clock.reading())
    yield of_room(room_missing(ledger.parent))


def of_poll(read_at: float, now: float, period_s: float, next_try: str) -> Finding:
    """Whether balances were read lately. Times in Unix seconds, 0 for never."""
    kind = ConditionType.FEED_FRESH
    if not read_at:
        return UNKNOWN[kind]
    age_s = now - read_at
    if age_s <= max(PERIODS_MAX * period_s, STALE_S_MIN):
        return HOLDS[kind]
    when = f"next try at {next_try}" if next_try else "they are read again and again"
    message = f"balances were last read {age_s:.0f} s ago; {when}"
    return Finding(
        type=kind, holds=False, reason="BALANCES_STALE", message=message, data={"read_at": f"{read_at:.0f}"}
    )


def of_room(missing: str) -> Finding:
    """Whether there is room for what must be durable; a ledger that cannot be written ends the process."""
    kind = ConditionType.DISK_WRITABLE
    if not missing:
        return HOLDS[kind]
    message = f"{missing}: make room; the next order cannot be written down, and is not sent then"
    return Finding(
        type=kind, holds=False, reason="DISK_NOT_WRITABLE", message=message, data={"error": missing}
    )
