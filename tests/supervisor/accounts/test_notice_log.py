"""What operators should know is an event when it begins and when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from krakencopy.supervisor.accounts.notice_log import NoticeLog, left_open
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
        assert recorded("NOT_LISTED") == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED"]
        assert recorded("NOT_LISTED") == []
        # A new process knows nothing yet.
        assert recorded(reason="CONNECTING") == []
        assert recorded("NOT_LISTED", reason="CONNECTING") == []
        assert recorded("UNKNOWN_PAIR") == [
            "SEVERITY_WARNING tania UNKNOWN_PAIR about UNKNOWN_PAIR",
            "SEVERITY_INFO tania NOT_LISTED_OVER over: about NOT_LISTED",
        ]
        assert recorded() == ["SEVERITY_INFO tania UNKNOWN_PAIR_OVER over: about UNKNOWN_PAIR"]
        assert recorded("NOT_LISTED") == ["SEVERITY_WARNING tania NOT_LISTED about NOT_LISTED"]
        assert recorded("NOT_LISTED") == []


def _condition(reason: str = "", *, kind: str = "KEY_ACCEPTED") -> pb.Condition:
    """One that does not hold for this reason; without one it holds."""
    return pb.Condition(
        type=kind,
        status=pb.CONDITION_STATUS_FALSE if reason else pb.CONDITION_STATUS_TRUE,
        reason=reason,
        message=f"about {reason}" if reason else "",
        data={"error": reason} if reason else {},
    )


class _Told:
    """What a log tells of one snapshot after another."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        before = left_open(journal.events_after(0, 100))
        self._notices = NoticeLog(EventLog(journal), before.get("tania", ()))

    def events(
        self, *conditions: pb.Condition, positions: Iterable[pb.CopiedPosition] = (), copies_open: int = 0
    ) -> list[pb.Event]:
        read = self._journal.last_event
        snapshot = account_pb2.WatchSnapshotResponse(
            conditions=conditions, positions=positions, copies_open=copies_open
        )
        self._notices.compare("tania", snapshot)
        return self._journal.events_after(read, 10)

    def codes(self, *conditions: pb.Condition) -> list[str]:
        return [f"{pb.Severity.Name(each.severity)} {each.code}" for each in self.events(*conditions)]


def test_a_condition_is_an_event_when_it_ceases_to_hold_and_when_it_holds_again(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        told = _Told(journal)
        assert told.codes(_condition()) == []
        (event,) = told.events(_condition("INVALID_KEY"))
        assert (event.severity, event.code, event.message) == (
            pb.SEVERITY_ERROR,
            "INVALID_KEY",
            "about INVALID_KEY",
        )
        assert dict(event.data) == {"condition": "KEY_ACCEPTED", "error": "INVALID_KEY"}
        assert journal.events_after(event.seq - 1, 1) == [event]  # with its data, from the disk
        assert told.codes(_condition("INVALID_KEY")) == []
        # A new process knows nothing yet.
        assert told.codes() == []
        assert told.codes(pb.Condition(type="KEY_ACCEPTED", status=pb.CONDITION_STATUS_UNKNOWN)) == []
        assert told.codes(_condition("LOCKED_OUT")) == [
            "SEVERITY_INFO INVALID_KEY_OVER", "SEVERITY_ERROR LOCKED_OUT",
        ]  # fmt: skip
        assert told.codes(_condition()) == ["SEVERITY_INFO LOCKED_OUT_OVER"]
        assert told.codes(_condition()) == []


def test_what_passes_by_itself_is_a_warning(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        told = _Told(journal)
        clock = _condition("CLOCK_OFF", kind="CLOCK_RIGHT")
        assert told.codes(clock) == ["SEVERITY_WARNING CLOCK_OFF"]


def test_each_coin_of_which_an_exit_is_owed_is_an_event_of_its_own(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        told = _Told(journal)
        owed = [
            pb.CopiedPosition(asset=asset, exit_owed=f"1 {asset}, refused", carried_sell="1")
            for asset in ("BTC", "ETH")
        ]
        lacking = _condition("EXIT_OWED", kind="EXITS_DONE")
        events = told.events(lacking, positions=owed)
        assert [(each.code, each.data["asset"], each.data["volume"]) for each in events] == [
            ("EXIT_OWED", "BTC", "1"),
            ("EXIT_OWED", "ETH", "1"),
        ]
        (over,) = told.events(lacking, positions=owed[1:])
        assert (over.code, over.message) == ("EXIT_OWED_OVER", "over: exit owed: 1 BTC, refused")
        (over,) = told.events(_condition(kind="EXITS_DONE"))
        assert over.code == "EXIT_OWED_OVER"


def test_what_the_run_before_has_left_open_is_over_in_this_one_or_is_told_again(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        owed = [pb.CopiedPosition(asset="BTC", exit_owed="1 BTC, refused", carried_sell="1")]
        clock, feed = "CLOCK_RIGHT", "FEED_FRESH"
        _Told(journal).events(_condition("INVALID_KEY"), _condition("CLOCK_OFF", kind=clock), positions=owed)
        again = _Told(journal)
        # Nobody knows yet.
        assert again.codes(pb.Condition(type=clock, status=pb.CONDITION_STATUS_UNKNOWN))[1:] == []
        assert again.codes(_condition("LOCKED_OUT"), _condition(kind=clock), _condition(kind=feed)) == [
            "SEVERITY_INFO INVALID_KEY_OVER", "SEVERITY_ERROR LOCKED_OUT", "SEVERITY_INFO CLOCK_OFF_OVER",
        ]  # fmt: skip
        assert again.codes(_condition("LOCKED_OUT"), _condition(kind=clock)) == []
        third = _Told(journal)
        assert third.codes(_condition("LOCKED_OUT")) == ["SEVERITY_ERROR LOCKED_OUT"]
        assert third.codes(_condition()) == ["SEVERITY_INFO LOCKED_OUT_OVER"]
        assert left_open(journal.events_after(0, 100)) == {}


def test_an_exit_that_a_new_process_has_not_tried_yet_is_owed_still(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        told = _Told(journal)
        told.events(positions=[pb.CopiedPosition(asset="BTC", exit_owed="1 BTC, refused", carried_sell="1")])
        untried = pb.CopiedPosition(asset="BTC", carried_sell="1")
        assert told.events(positions=[untried]) == []
        assert told.events(copies_open=1) == []  # it is on its way
        again = _Told(journal)  # in the next run
        assert again.events(positions=[untried]) == []
        for log in (told, again):
            (over,) = log.events(positions=[pb.CopiedPosition(asset="BTC", carried_sell="0.00000001")])
            assert (over.code, over.data["asset"]) == ("EXIT_OWED_OVER", "BTC")
