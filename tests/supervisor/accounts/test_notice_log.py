"""What operators should know is an event when it begins and when it ends."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from krakencopy.supervisor.accounts.notice_log import NoticeLog
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import account_pb2
from krakencopy.v1 import types_pb2 as pb


def test_what_operators_should_know_is_an_event_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        notices = NoticeLog(EventLog(journal))

        def recorded(*codes: str, reason: str = "") -> list[str]:
            read = journal.last_event
            snapshot = account_pb2.WatchSnapshotResponse(
                notices=[pb.Notice(code=code, message=f"about {code}") for code in codes], reason=reason
            )
            begun = notices.compare("tania", snapshot)
            events = journal.events_after(read, 10)
            assert begun == {event.code for event in events if not event.code.endswith("_OVER")}
            return [
                f"{pb.Severity.Name(event.severity)} {event.account_id} {event.code} {event.message}"
                for event in events
            ]

        assert recorded() == []
        assert recorded("CLOCK_OFF") == ["SEVERITY_WARNING tania CLOCK_OFF about CLOCK_OFF"]
        assert recorded("CLOCK_OFF") == []
        # A new process knows nothing yet.
        assert recorded(reason="CONNECTING") == []
        assert recorded("CLOCK_OFF", reason="CONNECTING") == []
        assert recorded("NO_FUNDS") == [
            "SEVERITY_WARNING tania NO_FUNDS about NO_FUNDS",
            "SEVERITY_INFO tania CLOCK_OFF_OVER over: about CLOCK_OFF",
        ]
        assert recorded() == ["SEVERITY_INFO tania NO_FUNDS_OVER over: about NO_FUNDS"]
        assert recorded("NOT_LISTED") == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED"]
        assert recorded("NOT_LISTED") == []
