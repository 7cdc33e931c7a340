"""What the tests of accounts share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.state.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of a user."""
    with closing(Ledger(tmp_path / "anna.db", "anna")) as opened:
        yield opened
