"""A file of the state folder belongs to one mode at one exchange, and says which."""

from __future__ import annotations

import pytest

from krakencopy.account_proc.contract.folder_owner import PAPER_OF_ITS_OWN, is_foreign, owner_at, why_foreign

KRAKEN = owner_at("live", "https://api.kraken.com")


@pytest.mark.parametrize(
    "url", ["https://api.kraken.com/0", "https://API.Kraken.com", "https://api.kraken.com/?x=1"]
)
def test_where_in_the_exchange_the_api_begins_is_not_whose_it_is(url: str) -> None:
    assert owner_at("live", url) == KRAKEN == "a live run at https://api.kraken.com"


def test_mode_host_and_port_are_whose_it_is() -> None:
    others = {
        KRAKEN,
        owner_at("paper", "https://api.kraken.com"),
        owner_at("live", "https://api.kraken.com:8443"),
        owner_at("live", "http://api.kraken.com"),
        owner_at("live", "ccxt:coinbase"),
    }
    assert len(others) == 5


@pytest.mark.parametrize(
    ("found", "owner", "adopt", "foreign"),
    [
        (KRAKEN, KRAKEN, False, False),
        (PAPER_OF_ITS_OWN, KRAKEN, False, True),
        (PAPER_OF_ITS_OWN, KRAKEN, True, True),  # it says whose it is, so nothing is taken over
        (None, KRAKEN, False, True),
        ("", KRAKEN, False, True),
        (None, KRAKEN, True, False),
        (PAPER_OF_ITS_OWN, "", False, False),  # nobody asks
    ],
)
def test_a_file_is_foreign_unless_it_names_its_owner_or_may_be_taken_over(
    found: str | None, owner: str, *, adopt: bool, foreign: bool
) -> None:
    assert is_foreign(found, owner, adopt=adopt) is foreign


def test_why_it_is_foreign_names_both() -> None:
    assert why_foreign("ledger.db", PAPER_OF_ITS_OWN, KRAKEN) == (
        f"ledger.db belongs to {PAPER_OF_ITS_OWN}, and this is {KRAKEN}"
    )
    assert "does not say whose it is" in why_foreign("ledger.db", None, KRAKEN)
