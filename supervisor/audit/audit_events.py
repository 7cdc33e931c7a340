"""Events about the audit log. The journal may be on the same full disk: what it has no room for is recorded
later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from krakencopy.supervisor.audit.chain import Finding
from krakencopy.supervisor.journal.event_log import EventLog, event_of
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Calls that are named in one sentence at most.
NAMED_MAX = 5


class AuditEvents:
    """Of one log."""

    def __init__(self, events: EventLog, on_failure: Callable[[JournalFault], None]) -> None:
        """``on_failure``: called with what keeps the journal from recording anything."""
        self._events = events
        self._on_failure = on_failure
        self._due: list[pb.Event] = []
        #: Why nothing can be written, for people; empty while it can.
        self.trouble = ""
        #: Calls that were refused for it, and entries that are lost.
        self.refused = self.lost = 0

    @property
    def is_behind(self) -> bool:
        """Whether something is not recorded yet."""
        return bool(self._due)

    def record_broken(self, findings: Sequence[Finding]) -> None:
        """The log is not what was written."""
        first = findings[0]
        more = f"; and {len(findings) - 1} more" if len(findings) > 1 else ""
        words = f"{first.message}{more}; `krakencopy audit verify` shows all"
        data = {"finding": str(first.why), "entry": str(first.number), "file": first.file}
        self._record(event_of(pb.SEVERITY_ERROR, "", "AUDIT_BROKEN", words, data))

    def record_repaired(self, words: str) -> None:
        """A half-written line was completed, or taken away."""
        self._record(event_of(pb.SEVERITY_INFO, "", "AUDIT_REPAIRED", words))

    def record_cut_off(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """Calls that had begun when the run before ended."""
        named = [f"{each.get('call')} by {each.get('who')} (entry {each['n']})" for each in calls[:NAMED_MAX]]
        more = f", and {len(calls) - NAMED_MAX} more" if len(calls) > NAMED_MAX else ""
        words = f"had begun when the run before ended, and have no outcome: {', '.join(named)}{more}"
        self._record(event_of(pb.SEVERITY_WARNING, "", "AUDIT_CALLS_CUT_OFF", words))

    def record_trouble(self, words: str) -> None:
        """It cannot be written; once until it can."""
        if self.trouble:
            return
        self.trouble = words
        words = (
            f"{words}; calls that stop trading go on and their entries follow, all others that change "
            "something are refused until it can be written"
        )
        self._record(event_of(pb.SEVERITY_ERROR, "", "AUDIT_NOT_WRITTEN", words))

    def record_written(self) -> None:
        """It can be written; an event where it could not."""
        if not (self.trouble or self.lost):
            return
        refused = f"{self.refused} calls were refused" if self.refused else "no call was refused"
        lost = f"; {self.lost} entries were too many to keep, and are lost" if self.lost else ""
        words = f"over: {self.trouble or 'the disk was slow'}; what waited is written, {refused}{lost}"
        severity = pb.SEVERITY_ERROR if lost else pb.SEVERITY_INFO
        self.trouble, self.refused, self.lost = "", 0, 0
        self._record(event_of(severity, "", "AUDIT_NOT_WRITTEN_OVER", words))

    def _record(self, event: pb.Event) -> None:
        self._due.append(event)
        self.record_due()

    def record_due(self) -> None:
        """What is not recorded yet, as far as there is room."""
        while self._due:
            try:
                self._events.record_wishes(lambda: None, self._due[:1])
            except JournalNoRoom as error:
                log.error("%s; it is not in the journal yet: %s", self._due[0].message, error)  # noqa: TRY400 - expected
                return
            except JournalFault as error:
                self._on_failure(error)
                return
            del self._due[0]
