"""The client for threads gives values, of lists and watches as well, and ends with its block."""

from __future__ import annotations

import asyncio
import doctest
from pathlib import Path
from types import ModuleType

import pytest

from krakencopy.client import BadInput, Fill, KrakenCopy
from krakencopy.client.sdk import async_client, sync_client
from krakencopy.client.sdk.endpoint import parse_endpoint
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Live, Scripted


def test_lists_and_watches_give_values(endpoint: str, supervisor: Scripted) -> None:
    raw = nouns.Fill(seq=7, price="1.5")
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=[raw, raw])
    supervisor.on["WatchFills"] = Live(pb.WatchFillsResponse(fill=raw))
    with KrakenCopy(parse_endpoint(endpoint)) as sdk:
        assert list(sdk.list_fills()) == [Fill(raw), Fill(raw)]
        watch = sdk.watch_fills(after_seq=6)
        assert (next(watch), watch.position) == (Fill(raw), 7)
    assert list(watch) == []


def test_an_endpoint_that_cannot_be_one_is_bad_input_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        KrakenCopy(str(tmp_path))


@pytest.mark.parametrize("module", [sync_client, async_client], ids=lambda module: str(module.__name__))
def test_the_examples_of_the_docstrings_work(module: ModuleType, endpoint: str, supervisor: Scripted) -> None:
    bob = nouns.Account(id="bob")
    supervisor.on["ListAccounts"] = lambda _request, _context: pb.ListAccountsResponse(accounts=[bob])
    found = doctest.testmod(module, extraglobs={"endpoint": endpoint, "asyncio": asyncio})
    assert (found.attempted > 0, found.failed) == (True, 0)
