"""An error says what its reason means, and what to do."""

from __future__ import annotations

from krakencopy.client import Compacted, Reason, Refused


def test_an_error_says_what_its_reason_means_and_what_to_do() -> None:
    error = Refused("no", reason="NOT_A_USER")
    assert error.reason == Reason.NOT_A_USER
    assert (error.meaning, error.remedy) == ("the account copies nobody", "name a user")
    assert Compacted("no", reason="COMPACTED").remedy == "list, and watch from there"


def test_where_there_is_nothing_to_do_or_to_know_nothing_is_said() -> None:
    assert Refused("no", reason="NO_NONCE").remedy == ""
    newer = Refused("no", reason="NEVER_SEEN")
    assert (newer.meaning, newer.remedy) == ("", "")
