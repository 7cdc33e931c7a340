"""Two keys of one account have one identity, two accounts have two, and neither shows the account's
number.
"""

from __future__ import annotations

from krakencopy.account_proc.contract.account_identity import AccountIdentity, masked


def test_a_number_is_the_same_however_it_is_written() -> None:
    told = AccountIdentity.of("AA72 N84G WN2A WOZA")
    assert told is not None
    assert told == AccountIdentity.of("aa72n84gwn2awoza") == AccountIdentity.of(" AA72N84G WN2AWOZA ")
    assert told != AccountIdentity.of("AA72 N84G WN2A WOZB")


def test_no_number_is_no_identity() -> None:
    assert AccountIdentity.of("") is AccountIdentity.of("  ") is None


def test_people_see_the_end_of_the_number_and_of_a_short_one_nothing() -> None:
    told = str(AccountIdentity.of("AA72 N84G WN2A WOZA"))
    assert masked(told).startswith("…WOZA (")
    assert "N84G" not in told
    assert masked(str(AccountIdentity.of("1234"))).startswith("… (")
