"""What the tests of an account's process share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.account_specs import add_account
from tests.support.odd_exchange import Paper, paper_exchange


@pytest.fixture(scope="module")
def paper() -> Iterator[Paper]:
    """A paper exchange of the file's own, with an account."""
    with paper_exchange("--seed", "1") as running:
        add_account(running, "tania", {"USD": "1000", "BTC": "1"})
        yield running
