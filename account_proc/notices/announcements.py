"""What one account's process has to tell operators beside its state: each becomes an event at the supervisor,
once.

Announcements travel with the account's snapshot, so they may arrive twice or, where hundreds come at once,
not at all: what must not be lost stands in the ledger or in the journal as well. Not for what changes with
every fill.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from krakencopy.account_proc.contract.amounts import FIAT
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.domain.asset_forms import worth_as
from krakencopy.v1 import account_pb2 as pb
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

#: Announcements that are kept for a supervisor that has not read them yet.
KEPT_MAX = 100
_LEVEL = {
    types_pb2.SEVERITY_INFO: logging.INFO,
    types_pb2.SEVERITY_WARNING: logging.WARNING,
    types_pb2.SEVERITY_ERROR: logging.ERROR,
}


class Announcements:
    """The last announcements of one process, numbered from 1."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._kept: deque[pb.Announcement] = deque(maxlen=KEPT_MAX)
        self._number = 0

    def __iter__(self) -> Iterator[pb.Announcement]:
        return iter(self._kept)

    def announce(
        self, severity: types_pb2.Severity.ValueType, code: str, message: str, *, asset: str = ""
    ) -> None:
        """Tells operators. ``code`` is stable, ``message`` for people; ``asset``: the coin that it is
        about, if it is about one.
        """
        self._number += 1
        self._kept.append(
            pb.Announcement(number=self._number, severity=severity, code=code, message=message, asset=asset)
        )
        log.log(_LEVEL[severity], "%s: %s", code, message)
        self._changed()


def of_outside_change(
    change: Mapping[str, Decimal], kind: str
) -> list[tuple[types_pb2.Severity.ValueType, str, str, str]]:
    """What to tell of a master's balances that changed without a trade: severity, code, message and coin of
    each.

    ``change`` by asset, locked forms as ``BTC.S``; ``kind``: the exchange's word for it, if it has one.
    """
    totals: dict[str, Decimal] = {}
    for name, amount in change.items():
        asset = worth_as(name)
        totals[asset] = totals.get(asset, Decimal(0)) + amount
    why = f" ({kind})" if kind else ""
    found = []
    for asset, total in totals.items():
        plain_part = change.get(asset, Decimal(0))
        severity = types_pb2.SEVERITY_INFO if asset in FIAT else types_pb2.SEVERITY_WARNING
        if not total and plain_part:
            done = "were locked" if plain_part < 0 else "are free again"
            words = (
                f"{plain(abs(plain_part))} {asset} of the master {done} (staked, bonded or "
                f"withheld){why}: that is no trade"
            )
            found.append((types_pb2.SEVERITY_INFO, "COINS_LOCKED", words, asset))
        elif total < 0:
            words = (
                f"{plain(-total)} {asset} left the master without a trade{why}: that is no exit, and "
                "nobody follows it"
            )
            found.append((severity, "COINS_LEFT", words, asset))
        elif total > 0:
            words = (
                f"{plain(total)} {asset} came to the master without a trade{why}: it counts for its "
                "equity, and nobody follows it"
            )
            found.append((types_pb2.SEVERITY_INFO, "COINS_CAME", words, asset))
    return found
