from collections.abc import Iterator

import pytest

from tests.paper_exchange.support import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One exchange for all tests; each test makes accounts of its own and pins the markets that it uses."""
    running = Server("--tick-ms", "20")
    yield running
    assert running.stop() == 0
