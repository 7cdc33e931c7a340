"""The client for asyncio asks as that for threads does, and gives the same values."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from krakencopy.client import AsyncKrakenCopy, KrakenCopy
from tests.support.scripted_supervisor import Scripted
from tests.support.sdk_calls import asked_by, awaited_of, called, given_by
from tests.support.sdk_samples import CALLED


@pytest.mark.parametrize("name", CALLED)
def test_each_method_asks_its_rpc_and_gives_values(name: str, endpoint: str, supervisor: Scripted) -> None:
    called(supervisor, name)
    with KrakenCopy(endpoint) as of_threads:
        expected = given_by(of_threads, name)
    request = asked_by(supervisor, name)
    supervisor.asked.clear()

    async def play() -> Any:
        async with AsyncKrakenCopy(endpoint) as sdk:
            return await awaited_of(sdk, name)

    assert asyncio.run(play()) == expected
    assert asked_by(supervisor, name) == request
