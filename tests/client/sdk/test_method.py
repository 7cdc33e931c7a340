"""A method of a client has the parameters and the docstring of the function that describes its call."""

from __future__ import annotations

import inspect

import pytest

from krakencopy.client import AsyncKrakenCopy, BadInput, KrakenCopy
from krakencopy.client.sdk.calls import account_calls, order_calls
from krakencopy.client.sdk.message_client import MessageClient

CLIENTS = [KrakenCopy, AsyncKrakenCopy, MessageClient]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_method_is_its_call_to_those_who_look_at_it(
    kind: type[KrakenCopy | AsyncKrakenCopy | MessageClient],
) -> None:
    client = kind("unix:/nowhere/control.sock")
    for method in (kind.get_account, client.get_account):
        assert inspect.signature(method) == inspect.signature(account_calls.get_account)
        assert inspect.getdoc(method) == "One account. Raises NotFound."
        assert method.__name__ == "get_account"


def test_what_a_method_cannot_ask_for_is_said_before_anything_is_sent() -> None:
    client = AsyncKrakenCopy("unix:/nowhere/control.sock")
    with pytest.raises(BadInput, match="write 'buy' or 'sell'"):
        client.cancel_orders(side="by")  # type: ignore[arg-type, unused-coroutine]  # that is what is tested


def test_arguments_that_a_call_does_not_have_are_refused_as_of_any_function() -> None:
    client = KrakenCopy("unix:/nowhere/control.sock")
    with pytest.raises(TypeError, match=order_calls.get_order.__name__):
        client.get_order("O1", color="red")  # type: ignore[call-arg]  # that is what is tested
