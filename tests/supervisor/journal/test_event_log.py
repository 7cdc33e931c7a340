"""An event is kept, logged and shown."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from krakencopy.supervisor.journal import event_log
from krakencopy.supervisor.journal.event_log import EventLog, events_of_last_run
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import types_pb2 as pb


def test_an_event_is_in_the_journal_in_the_log_and_shown_to_whoever_watches(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        events = EventLog(journal)
        seen = events.change_signal.version
        events.record(pb.SEVERITY_ERROR, "anna", "KEY_REFUSED", "the key is refused")
        events.record(pb.SEVERITY_INFO, "", "STARTED", "run 1")
        first, second = journal.events_after(0, 10)
        assert (first.severity, first.account_id, first.code, first.message) == (
            pb.SEVERITY_ERROR,
            "anna",
            "KEY_REFUSED",
            "the key is refused",
        )
        assert first.at.seconds > 0
        assert second.account_id == ""
        assert events.change_signal.version == seen + 2
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, "anna: KEY_REFUSED the key is refused"),
        (logging.INFO, "supervisor: STARTED run 1"),
    ]


def test_events_of_a_shadow_say_that_they_are(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        events = EventLog(journal)
        events.is_shadow = lambda account_id: account_id == "sam"
        events.record(pb.SEVERITY_INFO, "sam", "PAUSED", "fills wait", {"by": "ida"})
        events.record(pb.SEVERITY_INFO, "anna", "PAUSED", "fills wait")
        events.record_wish(lambda: None, pb.SEVERITY_INFO, "sam", "RESUMED", "goes on")
        assert [(event.message, dict(event.data)) for event in journal.events_after(0, 10)] == [
            ("(shadow) fills wait", {"by": "ida", "shadow": "true"}),
            ("fills wait", {}),
            ("(shadow) goes on", {"shadow": "true"}),
        ]


def test_an_event_that_cannot_be_kept_is_a_fault(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.close()
    with pytest.raises(JournalFault):
        EventLog(journal).record(pb.SEVERITY_INFO, "", "STARTED", "run 1")


def test_the_events_of_the_last_run_are_those_from_its_start_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "PAGE", 2)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        assert events_of_last_run(journal) == []
        events = EventLog(journal)
        for code in ("STARTED", "SHUTDOWN", "STARTED", "A", "B", "C"):
            events.record(pb.SEVERITY_INFO, "", code, code)
        assert [event.code for event in events_of_last_run(journal)] == ["STARTED", "A", "B", "C"]
        monkeypatch.setattr(event_log, "LAST_RUN_MAX", 2)
        assert [event.code for event in events_of_last_run(journal)] == ["B", "C"]


def test_what_an_operator_asked_for_is_kept_with_its_event_or_not_at_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with closing(Journal(tmp_path / "journal.db")) as journal:
        events = EventLog(journal)

        def breaks() -> None:
            journal.set_paused("anna", paused=True)
            raise ValueError("a contradiction")

        with pytest.raises(ValueError, match="a contradiction"):
            events.record_wish(breaks, pb.SEVERITY_WARNING, "anna", "PAUSED", "paused")
        assert (journal.paused("anna"), journal.last_event, caplog.records) == (False, 0, [])
        keep = partial(journal.set_paused, "anna", paused=True)
        events.record_wish(keep, pb.SEVERITY_WARNING, "anna", "PAUSED", "paused")
        assert journal.paused("anna")
        assert [(event.seq, event.code) for event in journal.events_after(0, 9)] == [(1, "PAUSED")]
    assert [record.message for record in caplog.records] == ["anna: PAUSED paused"]
