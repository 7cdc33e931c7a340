"""What was not understood is said once, counted, and shown while it is news."""

from __future__ import annotations

import logging

import pytest

from krakencopy.account_proc.kraken.rest.messages import OddRow
from krakencopy.account_proc.notices.unreadable import NOTICES_MAX, REPEAT_S, SHOWN_S, NoticeCode, Notices


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.changes = 0

    def changed(self) -> None:
        self.changes += 1


def test_what_comes_again_is_counted_and_logged_once_in_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    notices = Notices(lambda: clock.now, clock.changed)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            notices.odd_row("TradesHistory", OddRow("T1", None, "KeyError: 'pair'"))
        assert len(caplog.messages) == 1
        clock.now += REPEAT_S + 1
        notices.odd_row("TradesHistory", OddRow("T1", None, "KeyError: 'pair'"))
        assert len(caplog.messages) == 2
    (notice,) = notices.shown()
    assert (notice.code, notice.subject, notice.count, clock.changes) == (
        NoticeCode.TRADE_UNREADABLE,
        "T1",
        4,
        1,
    )
    told = notice.to_proto()
    assert (told.code, told.subject, told.count) == ("TRADE_UNREADABLE", "T1", 4)
    assert told.last_at.seconds - told.first_at.seconds == REPEAT_S + 1
    clock.now += SHOWN_S + 1
    assert notices.shown() == []


def test_what_holds_is_shown_until_it_does_no_more() -> None:
    clock = Clock()
    notices = Notices(lambda: clock.now, clock.changed)
    notices.note(NoticeCode.UNKNOWN_PAIR, "NEW/USD", "not listed")
    notices.hold(NoticeCode.NOT_LISTED, {"DOT/USD": "gone, and 5 held"})
    clock.now += 2 * SHOWN_S
    notices.hold(NoticeCode.NOT_LISTED, {"DOT/USD": "gone, and 4 held"})
    assert [notice.message for notice in notices.shown()] == ["gone, and 4 held"]
    notices.hold(NoticeCode.NOT_LISTED, {})
    assert notices.shown() == []


def test_one_fault_that_is_seen_a_thousand_times_is_bounded() -> None:
    clock = Clock()
    notices = Notices(lambda: clock.now, clock.changed)
    for number in range(1_000):
        notices.odd_row("ClosedOrders", OddRow(f"O{number}", None, "KeyError: 'pair'"))
    assert len(notices.shown()) == NOTICES_MAX
