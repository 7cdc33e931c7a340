import pytest

from tests.support.paper_server import Client, Server


@pytest.fixture
def client(faulty: Server) -> Client:
    """A new account that can buy."""
    faulty.pin("XBTUSD", price="50000")
    return faulty.account(ZUSD="10000")
