"""An SDK that is connected to a scripted supervisor."""

from collections.abc import Iterator

import pytest

from krakencopy.client.sdk.message_client import MessageClient


@pytest.fixture
def sdk(endpoint: str) -> Iterator[MessageClient]:
    with MessageClient(endpoint) as connected:
        yield connected
