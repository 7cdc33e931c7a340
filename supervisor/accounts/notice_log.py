"""What an account's process says for as long as it holds: notices (account_proc/notices), exits that
something is in the way of, and conditions that do not hold (account_proc/contract/conditions.py). An event
when it begins, and one when it is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

from krakencopy.account_proc.contract.event_catalogue import BY_CODE
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: An exit that something is in the way of, each coin's for itself: of all of them together the condition
#: EXITS_DONE speaks.
EXIT_OWED = "EXIT_OWED"
#: Codes of which each subject has events of its own, and the condition of all of them none.
OF_EACH = frozenset({EXIT_OWED, "LIMIT_HIT", "LIMIT_NOT_JUDGED"})


class NoticeLog:
    """Of one account, across its processes."""

    def __init__(self, events: EventLog, left_open: Iterable[pb.Event] = ()) -> None:
        """``left_open``: of this account, what the run before had reported and not seen the end of
        (``left_open``). What of it still holds is reported once more, the end of the rest as well.
        """
        self._events = events
        #: Notices and owed exits that hold, by code and subject.
        self._open: dict[tuple[str, str], str] = {}
        #: Conditions that do not hold, by type, as they were reported.
        self._lacking: dict[str, pb.Condition] = {}
        #: By coin, how much of it was owed when that was shown last.
        self._owed: dict[str, str] = {}
        self._before = _OfLastRun(left_open)

    def compare(self, account_id: str, snapshot: account_pb2.WatchSnapshotResponse) -> set[str]:
        """Records what the snapshot changes; the codes of what it begins. Raises JournalFault."""
        shown: dict[tuple[str, str], tuple[str, Mapping[str, str]]] = {
            (notice.code, notice.subject): (notice.message, {"subject": notice.subject})
            for notice in snapshot.notices
        }
        for held in snapshot.positions:
            if held.exit_owed:
                words = f"exit owed: {held.exit_owed}"
                shown[EXIT_OWED, held.asset] = words, {"asset": held.asset, "volume": held.carried_sell}
        begun = {key: said for key, said in shown.items() if key not in self._open}
        for (code, subject), (message, data) in begun.items():
            self._events.record(_severity(code), account_id, code, message, data)
            self._before.notices.pop((code, subject), None)
        # Before it can trade a process does not know all of them yet.
        if not snapshot.reason:
            ended = {**self._before.notices, **self._open}
            for code, subject in sorted(ended.keys() - shown.keys()):
                # What is owed may be on its way.
                if code == EXIT_OWED and (
                    snapshot.copies_open or self._is_owed_still(subject, snapshot.positions)
                ):
                    continue
                self._open.pop((code, subject), None)
                self._before.notices.pop((code, subject), None)
                data = {"asset" if code == EXIT_OWED else "subject": subject}
                self._record_end(account_id, code, ended[code, subject], data)
        self._open |= {key: message for key, (message, _) in shown.items()}
        self._owed |= {held.asset: held.carried_sell for held in snapshot.positions if held.exit_owed}
        return {code for code, _ in begun} | self._compare_conditions(account_id, snapshot.conditions)

    def _is_owed_still(self, asset: str, positions: Iterable[pb.CopiedPosition]) -> bool:
        """Whether nothing of an exit was sold: a new process does not know what is in its way before it has
        tried it.
        """
        now = next((held.carried_sell for held in positions if held.asset == asset), "")
        before = self._owed.get(asset) or self._before.owed.get(asset) or "0"
        return Decimal(now or 0) >= Decimal(before) > 0

    def _compare_conditions(self, account_id: str, conditions: Iterable[pb.Condition]) -> set[str]:
        """One that nobody knows anything of yet, in a new process, stays as it was reported."""
        begun = set()
        for condition in conditions:
            before = self._lacking.get(condition.type)
            data = {"condition": condition.type, **condition.data}
            if condition.status == pb.CONDITION_STATUS_FALSE:
                self._lacking[condition.type] = condition
                self._record_other_reason(account_id, condition, before)
                if (before is None or before.reason != condition.reason) and condition.reason not in OF_EACH:
                    severity = _severity(condition.reason)
                    self._events.record(severity, account_id, condition.reason, condition.message, data)
                    begun.add(condition.reason)
            elif condition.status == pb.CONDITION_STATUS_TRUE:
                earlier = self._before.conditions.pop(condition.type, None)
                if before is not None:
                    del self._lacking[condition.type]
                    if before.reason not in OF_EACH:
                        self._record_end(account_id, before.reason, before.message, data)
                elif earlier is not None:
                    self._record_end(account_id, earlier.code, earlier.message, data)
        return begun

    def _record_other_reason(
        self, account_id: str, condition: pb.Condition, before: pb.Condition | None
    ) -> None:
        """It does not hold for another reason than before: the one before is over."""
        earlier = self._before.conditions.pop(condition.type, None)
        was = (before.reason, before.message) if before is not None else ("", "")
        if before is None and earlier is not None:
            was = earlier.code, earlier.message
        reason, message = was
        if reason and reason not in OF_EACH | {condition.reason}:
            self._record_end(account_id, reason, message, {"condition": condition.type})

    def _record_end(self, account_id: str, code: str, message: str, data: Mapping[str, str]) -> None:
        self._events.record(pb.SEVERITY_INFO, account_id, f"{code}_OVER", f"over: {message}", data)


class _OfLastRun:
    """What an account's last run has left open."""

    def __init__(self, events: Iterable[pb.Event]) -> None:
        #: By type; and messages of notices and owed exits, by code and subject.
        self.conditions: dict[str, pb.Event] = {}
        self.notices: dict[tuple[str, str], str] = {}
        #: How much of a coin was owed.
        self.owed: dict[str, str] = {}
        for event in events:
            if kind := event.data.get("condition", ""):
                self.conditions[kind] = event
            else:
                self.notices[event.code, _subject(event)] = event.message
                self.owed[event.data.get("asset", "")] = event.data.get("volume", "")


def left_open(events: Iterable[pb.Event]) -> dict[str, list[pb.Event]]:
    """What a run has reported and not seen the end of, by account. ``events``: all of it, in their order."""
    begun: dict[tuple[str, str, str], pb.Event] = {}
    for event in events:
        code = event.code.removesuffix("_OVER")
        entry = BY_CODE.get(code)
        if entry is None or not entry.ends or not event.account_id:
            continue
        kind = event.data.get("condition", "")
        # A condition that has another reason than before has only that one.
        key = (event.account_id, kind, "") if kind else (event.account_id, code, _subject(event))
        if event.code == code:
            begun[key] = event
        else:
            begun.pop(key, None)
    found: dict[str, list[pb.Event]] = defaultdict(list)
    for (account_id, _, _), event in begun.items():
        found[account_id].append(event)
    return found


def _subject(event: pb.Event) -> str:
    return event.data.get("subject", "") or event.data.get("asset", "")


def _severity(code: str) -> pb.Severity.ValueType:
    return BY_CODE[code].severity if code in BY_CODE else pb.SEVERITY_WARNING
