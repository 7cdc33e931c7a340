"""What is said of users that leave, and of those that come back."""

from __future__ import annotations

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.accounts.leaving_events import leaving_events, leaving_words, returned
from krakencopy.supervisor.config.leaving_accounts import Leaver

GOING = Leaver(OnLeave.CLOSE_ALL, {}, 1_795_336_500.0)
STAYS = Leaver(OnLeave.CLOSE_ONLY, {})


def test_only_who_was_leaving_comes_back() -> None:
    assert returned({"a": GOING, "b": STAYS, "c": GOING}, {"c": GOING}) == ["a"]


def test_each_is_one_event() -> None:
    found = leaving_events({"a": GOING}, ["b"])
    assert [(event.account_id, event.code) for event in found] == [
        ("a", "ACCOUNT_LEAVING"),
        ("b", "ACCOUNT_RETURNED"),
    ]
    assert "on_leave = close_all" in found[0].message


def test_words_say_since_when_and_how() -> None:
    assert leaving_words(None) == leaving_words(STAYS) == ""
    assert leaving_words(GOING).startswith("leaves since 2026-11-")
    assert leaving_words(GOING).endswith("it buys nothing, and ends once all is sold")
    assert "when the master has left its coins" in leaving_words(Leaver(OnLeave.CLOSE_ONLY, {}, 5.0))
