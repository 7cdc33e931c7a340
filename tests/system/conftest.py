"""What most end-to-end tests begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.system import Paper, System


@pytest.fixture
def paper() -> Iterator[Paper]:
    """A paper exchange of the test's own, with a price of bitcoin."""
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


@pytest.fixture
def system(paper: Paper) -> Iterator[System]:
    """A master and a user that has copied an entry."""
    with System(paper, {"ann": "1000"}) as system:
        system.start().wait_ready()
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        yield system
