"""What an operator may say of a coin's name."""

from __future__ import annotations

import pytest

from krakencopy.supervisor.control.renames import why_not_renamed
from krakencopy.v1 import account_pb2

#: By a name that is asked for: what the exchange lists, and whether it is traded.
LISTED = {
    "BTC": ("BTC", True),
    "XBT": ("BTC", True),
    "ETH": ("ETH", True),
    "POL": ("POL", True),
    "OLD": ("POL", True),
    "ENDING": ("ENDING", False),
}


def listed(name: str) -> account_pb2.ListedCoin:
    now, traded = LISTED.get(name, ("", False))
    return account_pb2.ListedCoin(name=now, traded=traded)


@pytest.mark.parametrize(
    ("old", "new", "has_traded", "why"),
    [
        ("MATIC", "POL", True, ""),
        ("MATIC", "POL", False, ""),
        ("OLD", "POL", True, ""),
        ("ENDING", "POL", True, ""),
        ("MATIC", "GONE", True, ""),
        ("MATIC", "GONE", False, "the exchange lists no GONE, and the master has never traded MATIC"),
        ("BTC", "ETH", True, "BTC is traded at the exchange under this name: ETH is another coin"),
        ("BTC", "BCT", True, "BTC is traded at the exchange under this name: it has no other"),
        ("XBT", "POL", True, "XBT is called BTC"),
        ("MATIC", "XBT", True, "XBT is called BTC"),
    ],
)
def test_a_word_that_the_tables_contradict_is_refused(old: str, new: str, has_traded: bool, why: str) -> None:
    said = why_not_renamed(old, listed(old), new, listed(new), has_traded=has_traded)
    assert said.startswith(why) if why else not said
