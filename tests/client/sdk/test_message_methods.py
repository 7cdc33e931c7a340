"""The client of messages asks each RPC, and gives what it answers."""

from __future__ import annotations

import pytest

from krakencopy.client.sdk.message_client import MessageClient
from tests.support.scripted_supervisor import Scripted
from tests.support.sdk_calls import asked_by, called, given_by
from tests.support.sdk_samples import CALLED


@pytest.mark.parametrize("name", CALLED)
def test_each_method_asks_its_rpc_and_gives_messages(
    name: str, sdk: MessageClient, supervisor: Scripted
) -> None:
    answer = called(supervisor, name)
    found = given_by(sdk, name)
    assert asked_by(supervisor, name).DESCRIPTOR.name.removesuffix("Request") == answer.rpc
    assert found in ([answer.item], answer.item)
