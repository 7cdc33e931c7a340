"""A system whose API clients in other languages call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.system import Paper, System


@pytest.fixture
def system() -> Iterator[System]:
    with Paper() as paper:
        paper.price("BTC/USD", "50000")
        with System(paper, {"anna": "10000"}, "100000") as system:
            yield system.start().wait_ready()
