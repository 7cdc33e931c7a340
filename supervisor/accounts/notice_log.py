"""What an account's process says for as long as it holds (account_proc/notices): an event when it begins, and
one when it is over.
"""

from __future__ import annotations

from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb


class NoticeLog:
    """Of one account, across its processes."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        #: Those that hold, by code and subject.
        self._open: dict[tuple[str, str], str] = {}

    def compare(self, account_id: str, snapshot: account_pb2.WatchSnapshotResponse) -> set[str]:
        """Records what the snapshot changes; the codes of the notices that it begins. Raises JournalFault."""
        now = {(notice.code, notice.subject): notice.message for notice in snapshot.notices}
        begun = {key: message for key, message in now.items() if key not in self._open}
        for (code, _), message in begun.items():
            self._events.record(pb.SEVERITY_WARNING, account_id, code, message)
        # Before it can trade a process does not know all of them yet.
        for key in () if snapshot.reason else self._open.keys() - now.keys():
            words = f"over: {self._open.pop(key)}"
            self._events.record(pb.SEVERITY_INFO, account_id, f"{key[0]}_OVER", words)
        self._open |= now
        return {code for code, _ in begun}
