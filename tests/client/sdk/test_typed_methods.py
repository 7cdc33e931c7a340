"""The client for threads asks as the client of messages does, and gives values of what it gets."""

from __future__ import annotations

from typing import Any

import pytest

from krakencopy.client import KrakenCopy
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.client.sdk.value import Value
from tests.support.scripted_supervisor import SERVICE, Scripted
from tests.support.sdk_calls import asked_by, called, given_by
from tests.support.sdk_samples import CALLED


def raws(found: Any) -> Any:
    """The messages of values."""
    if isinstance(found, list):
        return [raws(each) for each in found]
    return found.raw if isinstance(found, Value) else found


def test_each_rpc_has_a_method() -> None:
    names = {"".join(word.capitalize() for word in name.split("_")) for name in CALLED}
    assert {method.name for method in SERVICE.methods} == names, "see docs/contributing.md"
    assert all(callable(getattr(KrakenCopy, name)) for name in CALLED)


@pytest.mark.parametrize("name", CALLED)
def test_each_method_asks_its_rpc_and_gives_values(name: str, endpoint: str, supervisor: Scripted) -> None:
    called(supervisor, name)
    with MessageClient(endpoint) as of_messages:
        expected = given_by(of_messages, name)
    request = asked_by(supervisor, name)
    supervisor.asked.clear()
    with KrakenCopy(endpoint) as sdk:
        found = given_by(sdk, name)
    assert asked_by(supervisor, name) == request
    assert raws(found) == expected
    one = found[0] if isinstance(found, list) else found
    assert isinstance(one, Value | str)
