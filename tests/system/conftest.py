"""What most end-to-end tests begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.system import Paper


@pytest.fixture
def paper() -> Iterator[Paper]:
    """A paper exchange of the test's own, with a price of bitcoin."""
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper
