from collections.abc import Iterator

import pytest

from tests.support.paper_server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One exchange for a file of tests; each makes accounts of its own and pins the markets that it uses."""
    running = Server("--tick-ms", "20")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def skewed() -> Iterator[Server]:
    """An exchange whose clock may jump: the public record of the other one stays in order."""
    running = Server("--tick-ms", "20")
    yield running
    assert running.stop() == 0


@pytest.fixture
def faulty(server: Server) -> Iterator[Server]:
    """The exchange for a test that sets faults; there are none afterwards."""
    yield server
    assert server.control("DELETE", "/faults").status_code == 200
