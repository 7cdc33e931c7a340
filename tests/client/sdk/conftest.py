"""An SDK that is connected to a scripted supervisor."""

from collections.abc import Iterator

import pytest

from krakencopy.client.sdk.client import KrakenCopy


@pytest.fixture
def sdk(endpoint: str) -> Iterator[KrakenCopy]:
    with KrakenCopy(endpoint) as connected:
        yield connected
