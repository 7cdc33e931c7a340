"""What stands still is told again: since when, why, what to do; once for all who wait for the same."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.lifecycle.reminders import reminders
from krakencopy.supervisor.lifecycle.state_machine import Life, State

NOW = 1_800_000_000.0


def waiting(account_id: str, reason: str = "MASTER_NOT_READY", since: float = 60.0) -> Life:
    message = "the master is FAILED"
    return Life(account_id=account_id, state=State.WAITING, reason=reason, message=message, since=NOW - since)


def test_one_that_waits_is_told_of_with_how_long_why_and_what_to_do() -> None:
    (reminder,) = reminders([waiting("anna")], NOW)
    assert (reminder.account_id, reminder.code, reminder.loud) == ("anna", "STILL_WAITING", True)
    assert reminder.message == (
        "WAITING for 60 s (MASTER_NOT_READY: the master is FAILED); it starts by itself once that is over; "
        "`krakencopy stop anna` if it is not to run"
    )


def test_a_process_that_lacks_something_at_the_exchange_is_not_to_be_restarted() -> None:
    life = Life(account_id="ben", state=State.DEGRADED, reason="FEED_DOWN", since=NOW - 180)
    (reminder,) = reminders([life], NOW)
    assert reminder.message == (
        "DEGRADED for 3 min (FEED_DOWN); a new process does not change that; see `krakencopy accounts ben`"
    )


def test_one_that_is_degraded_is_told_of_with_its_log_and_a_new_process() -> None:
    life = Life(account_id="ben", state=State.DEGRADED, reason="NO_ANSWER", since=NOW - 180)
    (reminder,) = reminders([life], NOW)
    assert reminder.message == (
        "DEGRADED for 3 min (NO_ANSWER); see `krakencopy logs ben`; `krakencopy restart ben` gives it a new "
        "process"
    )


@pytest.mark.parametrize("reason", ["SEPARATION_WAIT", "MASTER_LOST"])
def test_what_passes_or_is_told_of_at_the_master_is_not_loud(reason: str) -> None:
    (reminder,) = reminders([waiting("anna", reason)], NOW)
    assert not reminder.loud


def test_hundreds_that_wait_for_one_master_are_one_reminder_and_others_keep_theirs() -> None:
    lives = [waiting(f"u{number}", since=60 + number) for number in range(300)]
    together, single = reminders([*lives, waiting("eve", "MANY_FAILED")], NOW)
    assert together.account_id == ""
    assert together.message.startswith("300 accounts (u0, u1, u2,")
    assert "u9 and 290 more): WAITING for 6 min" in together.message
    assert "`krakencopy stop ID`" in together.message
    assert single.account_id == "eve"


def test_nothing_to_tell_is_told_to_nobody() -> None:
    assert not list(reminders([], NOW))
