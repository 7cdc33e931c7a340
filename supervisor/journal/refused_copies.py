"""Copies that the exchange has refused, as events: those of one account and reason together.

The first is reported at once, those that follow once a period with how many there were; periods grow while it
goes on. Counts when reports are committed, tells in the supervisor's turn: nothing of it is on a fill's way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from krakencopy.account_proc.contract.copy_state import Reason
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.v1 import types_pb2 as pb

#: Of copies that never left: the exchange was not asked, and whoever set the state knows.
OWN_REASONS = frozenset({Reason.TRADING_REDUCING, Reason.TRADING_HALTED, Reason.LIMIT_HIT})
#: Between two events of one account and reason, in seconds: at first, and at most.
PERIOD_S, PERIOD_S_MAX = 60.0, 3_600.0
#: Copies that are remembered, since a report may be made again; and kinds of refusals.
KNOWN_MAX, KINDS_MAX = 1_000, 1_000


@dataclass(slots=True)
class _Kind:
    """The refusals of one account and reason."""

    copy: pb.Copy
    untold: int = 0
    told_at: float = -inf
    period_s: float = PERIOD_S / 2


class RefusedCopies:
    """Of all users of one supervisor."""

    def __init__(self, events: EventLog, now: Callable[[], float]) -> None:
        """``now``: seconds of a clock that only goes forward."""
        self._events = events
        self._now = now
        self._kinds: OrderedDict[tuple[str, str], _Kind] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def count(self, account_id: str, copies: Sequence[pb.Copy]) -> None:
        """Copies that a user has reported."""
        for copy in copies:
            is_refused = copy.state == pb.COPY_STATE_REJECTED and copy.reason not in OWN_REASONS
            if not is_refused or (account_id, copy.copy_id) in self._known:
                continue
            self._known[account_id, copy.copy_id] = None
            kind = self._kinds.setdefault((account_id, copy.reason), _Kind(copy))
            kind.copy, kind.untold = copy, kind.untold + 1
        _keep(self._known, KNOWN_MAX)
        _keep(self._kinds, KINDS_MAX)

    def record_due(self) -> None:
        """Records what is due. Raises JournalFault."""
        now = self._now()
        for (account_id, reason), kind in [*self._kinds.items()]:
            if now - kind.told_at < kind.period_s:
                continue
            if not kind.untold:
                del self._kinds[account_id, reason]
                continue
            self._record(account_id, reason, kind)
            kind.untold, kind.told_at = 0, now
            kind.period_s = min(kind.period_s * 2, PERIOD_S_MAX)

    def _record(self, account_id: str, reason: str, kind: _Kind) -> None:
        copy, count = kind.copy, kind.untold
        side = "exit" if copy.side == pb.SIDE_SELL else "entry"
        what = f"{side} of {copy.ordered_volume} {copy.pair}".replace("  ", " ")
        words = f"the exchange refused a copy, the {what}" if count == 1 else (
            f"the exchange refused {count} copies, the last of them the {what}"
        )  # fmt: skip
        data = {"reason": reason, "count": str(count), "pair": copy.pair, "copy_id": copy.copy_id}
        if copy.cap:
            data["cap"] = copy.cap
        self._events.record(pb.SEVERITY_WARNING, account_id, "COPY_REFUSED", f"{words}: {reason}", data)


def _keep(kept: OrderedDict[tuple[str, str], None] | OrderedDict[tuple[str, str], _Kind], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
