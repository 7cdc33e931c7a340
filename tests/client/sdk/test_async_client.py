"""The client for asyncio takes what the one for threads takes."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from krakencopy.client import AsyncKrakenCopy, BadInput, KrakenCopy
from krakencopy.client.sdk.endpoint import parse_endpoint
from tests.support.front import run


def test_it_takes_the_same_but_for_the_kind_of_channel() -> None:
    one, other = inspect.signature(KrakenCopy), inspect.signature(AsyncKrakenCopy)
    assert list(one.parameters) == list(other.parameters)
    defaults = [{name: each.default for name, each in found.parameters.items()} for found in (one, other)]
    assert defaults[0] == defaults[1]


def test_it_takes_an_endpoint_that_was_read_and_refuses_one_that_cannot_be(tmp_path: Path) -> None:
    async def play() -> None:
        async with AsyncKrakenCopy(parse_endpoint(f"unix:{tmp_path}/s")) as sdk:
            assert sdk.endpoint.socket_path == tmp_path / "s"

    run(play())
    with pytest.raises(BadInput):
        AsyncKrakenCopy("nowhere")
