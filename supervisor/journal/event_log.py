"""Events for operators: each is kept in the journal, written to the supervisor's log, and shown to all who
watches.

It must not know what an event is about.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.late_signal import LateSignal
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

LOG_LEVEL = {
    pb.SEVERITY_INFO: logging.INFO,
    pb.SEVERITY_WARNING: logging.WARNING,
    pb.SEVERITY_ERROR: logging.ERROR,
}


#: Events of the last run that are read at most: those of months in which little happens.
LAST_RUN_MAX, PAGE = 5_000, 500


def events_of_last_run(journal: Journal) -> list[pb.Event]:
    """In their order, before this run has recorded any; of a run with very many the latest."""
    found: list[pb.Event] = []
    before = journal.last_event + 1
    while len(found) < LAST_RUN_MAX and (page := journal.events_before(before, PAGE)):
        for event in page:
            found.append(event)
            if event.code == "STARTED":
                return found[::-1]
        before = page[-1].seq
    return found[::-1]


class EventLog:
    """All events of one supervisor."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        #: Whether an account sends nothing: its events say so.
        self.is_shadow: Callable[[str], bool] = lambda _: False
        #: For those who show events.
        self.change_signal = LateSignal()

    def record(
        self, severity: pb.Severity.ValueType, account_id: str, code: str, message: str,
        data: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """One event; ``account_id`` is empty where it is about the whole, ``data`` is the message for
        programs. Raises JournalFault.
        """
        event = self._marked(event_of(severity, account_id, code, message, data))
        self._journal.add_event(event)
        self._show(event)

    def record_wish(
        self, keep: Callable[[], object], severity: pb.Severity.ValueType, account_id: str, code: str,
        message: str,
    ) -> None:  # fmt: skip
        """The same of what an operator asked for, together with what ``keep`` writes of it: both are kept, or
        neither. Raises JournalFault; then nothing has changed. Whatever ``keep`` raises comes out as well.
        """
        self.record_wishes(keep, [event_of(severity, account_id, code, message)])

    def record_wishes(self, keep: Callable[[], object], events: Sequence[pb.Event]) -> None:
        """The same with several events, all in one commit."""
        with self._journal.wish():
            keep()
            for event in events:
                self._journal.add_event(self._marked(event))
        for event in events:
            self._show(event)

    def _marked(self, event: pb.Event) -> pb.Event:
        """What is told of an account that sends nothing says so."""
        if self.is_shadow(event.account_id):
            event.data["shadow"] = "true"
            event.message = f"(shadow) {event.message}"
        return event

    def _show(self, event: pb.Event) -> None:
        words = event.account_id or "supervisor", event.code, event.message
        log.log(LOG_LEVEL[event.severity], "%s: %s %s", *words)
        self.change_signal.notify()


def event_of(
    severity: pb.Severity.ValueType, account_id: str, code: str, message: str,
    data: Mapping[str, str] | None = None,
) -> pb.Event:  # fmt: skip
    """An event of now that is not kept yet."""
    event = pb.Event(severity=severity, account_id=account_id, code=code, message=message, data=data)
    event.at.GetCurrentTime()
    return event
