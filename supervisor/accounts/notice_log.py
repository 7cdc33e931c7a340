"""What an account's process says for as long as it holds: notices (account_proc/notices), exits that
something is in the way of, and conditions that do not hold (account_proc/contract/conditions.py). An event
when it begins, and one when it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from krakencopy.account_proc.contract.event_catalogue import BY_CODE
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb

#: An exit that something is in the way of, each coin's for itself: of all of them together the condition
#: EXITS_DONE speaks.
EXIT_OWED = "EXIT_OWED"


class NoticeLog:
    """Of one account, across its processes."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        #: Notices and owed exits that hold, by code and subject.
        self._open: dict[tuple[str, str], str] = {}
        #: Conditions that do not hold, by type, as they were reported.
        self._lacking: dict[str, pb.Condition] = {}

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
        for (code, _), (message, data) in begun.items():
            self._events.record(_severity(code), account_id, code, message, data)
        # Before it can trade a process does not know all of them yet.
        for code, subject in () if snapshot.reason else self._open.keys() - shown.keys():
            words, data = f"over: {self._open.pop((code, subject))}", {"subject": subject}
            self._events.record(pb.SEVERITY_INFO, account_id, f"{code}_OVER", words, data)
        self._open |= {key: message for key, (message, _) in shown.items()}
        return {code for code, _ in begun} | self._compare_conditions(account_id, snapshot.conditions)

    def _compare_conditions(self, account_id: str, conditions: Iterable[pb.Condition]) -> set[str]:
        """One that nobody knows anything of yet, in a new process, stays as it was reported."""
        begun = set()
        for condition in conditions:
            before = self._lacking.get(condition.type)
            data = {"condition": condition.type, **condition.data}
            if condition.status == pb.CONDITION_STATUS_FALSE:
                self._lacking[condition.type] = condition
                if (before is None or before.reason != condition.reason) and condition.reason != EXIT_OWED:
                    severity = _severity(condition.reason)
                    self._events.record(severity, account_id, condition.reason, condition.message, data)
                    begun.add(condition.reason)
            elif condition.status == pb.CONDITION_STATUS_TRUE and before is not None:
                del self._lacking[condition.type]
                if before.reason != EXIT_OWED:
                    code, words = f"{before.reason}_OVER", f"over: {before.message}"
                    self._events.record(pb.SEVERITY_INFO, account_id, code, words, data)
        return begun


def _severity(code: str) -> pb.Severity.ValueType:
    return BY_CODE[code].severity if code in BY_CODE else pb.SEVERITY_WARNING
