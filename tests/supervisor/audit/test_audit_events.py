"""Events about the audit log: once each, and later where the journal has no room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from krakencopy.supervisor.audit.audit_events import AuditEvents
from krakencopy.supervisor.audit.chain import Finding, Why
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom
from krakencopy.v1 import types_pb2 as pb

FAILED: list[JournalFault] = []


@pytest.fixture
def events(journal: Journal) -> AuditEvents:
    FAILED.clear()
    return AuditEvents(EventLog(journal), FAILED.append)


def shown(journal: Journal) -> list[tuple[str, str]]:
    return [(event.code, event.message) for event in journal.events_after(0, 100)]


@contextmanager
def failing(journal: Any, error: Exception) -> Iterator[None]:
    """The journal cannot be written meanwhile."""

    def fails() -> Any:
        raise error

    journal.wish, wish = fails, journal.wish
    yield
    journal.wish = wish


def test_trouble_is_said_once_and_its_end_with_what_came_of_it(events: AuditEvents, journal: Journal) -> None:
    events.record_written()
    assert shown(journal) == []
    events.record_trouble("no room")
    events.record_trouble("still no room")
    events.refused += 2
    events.record_written()
    assert [code for code, _ in shown(journal)] == ["AUDIT_NOT_WRITTEN", "AUDIT_NOT_WRITTEN_OVER"]
    assert shown(journal)[1][1] == "over: no room; what waited is written, 2 calls were refused"
    assert events.trouble == ""
    events.lost += 3
    events.record_written()
    (event,) = journal.events_after(2, 9)
    assert event.message == (
        "over: the disk was slow; what waited is written, no call was refused; 3 entries were too many to "
        "keep, and are lost"
    )
    assert event.severity == pb.SEVERITY_ERROR


def test_what_is_wrong_is_named_with_its_entry(events: AuditEvents, journal: Journal) -> None:
    first = Finding(Why.CHANGED, "entry 5 is not what was written", 5, 5, "audit-1.jsonl")
    events.record_broken([first, first])
    (event,) = journal.events_after(0, 9)
    assert event.message.startswith("entry 5 is not what was written; and 1 more; ")
    assert dict(event.data) == {"finding": "CHANGED", "entry": "5", "file": "audit-1.jsonl"}


def test_calls_without_an_outcome_are_named_a_few_of_them(events: AuditEvents, journal: Journal) -> None:
    events.record_cut_off([{"n": n, "call": "Reload", "who": "ann"} for n in range(7)])
    events.record_repaired("the newline was not written")
    (_, words), repaired = shown(journal)
    assert words.count("Reload by ann") == 5
    assert words.endswith(", and 2 more")
    assert repaired == ("AUDIT_REPAIRED", "the newline was not written")


def test_what_the_journal_has_no_room_for_is_recorded_later(events: AuditEvents, journal: Journal) -> None:
    with failing(journal, JournalNoRoom("full", "no room")):
        events.record_trouble("no room")
        assert events.is_behind
    assert shown(journal) == []
    events.record_due()
    assert [code for code, _ in shown(journal)] == ["AUDIT_NOT_WRITTEN"]
    assert not events.is_behind


def test_a_journal_that_is_broken_is_passed_on(events: AuditEvents, journal: Journal) -> None:
    with failing(journal, JournalFault("damaged")):
        events.record_trouble("no room")
    assert [str(error) for error in FAILED] == ["damaged"]
