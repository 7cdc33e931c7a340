"""Calls as values: each names its RPC, and what is made of its answer."""

from __future__ import annotations

import importlib

import pytest

from krakencopy.client.sdk.call import Ask, Follow, Listing, Stream, method_of
from krakencopy.client.sdk.calls.account_calls import list_accounts
from krakencopy.client.sdk.calls.fill_calls import watch_fills
from krakencopy.client.sdk.calls.status_calls import get_status, reload
from krakencopy.client.sdk.calls.trading_calls import set_trading_state
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import SERVICE
from tests.support.sdk_guide import PAGE as GUIDE
from tests.support.sdk_samples import CALLED


def call_of(name: str) -> Ask[..., ...] | Listing[..., ...] | Follow[..., ...] | Stream[..., ...]:  # type: ignore[misc]  # of any message
    method, arguments = CALLED[name]
    module = importlib.import_module(f"krakencopy.client.sdk.calls.{method.module}")
    found = getattr(module, name)(**arguments)
    assert isinstance(found, Ask | Listing | Follow | Stream)
    return found


@pytest.mark.parametrize("name", CALLED)
def test_each_call_has_the_request_and_the_answer_of_one_rpc(name: str) -> None:
    call = call_of(name)
    match call:
        case Ask() | Stream():
            request = call.request
        case Listing():
            request = call.request("token")
            assert request.page_token == "token"  # type: ignore[attr-defined]  # of each request of a page
        case _:
            request = call.request(7)
    rpc = "".join(word.capitalize() for word in name.split("_"))
    assert method_of(request) == f"/{SERVICE.full_name}/{rpc}"
    method = SERVICE.methods_by_name[rpc]
    assert (method.input_type, method.output_type) == (request.DESCRIPTOR, call.answer.DESCRIPTOR)
    assert method.server_streaming is isinstance(call, Follow | Stream)


def test_only_what_changes_something_has_a_request_id() -> None:
    assert get_status().request_id == ""
    assert reload(request_id="mine").request_id == "mine"


def test_what_is_done_once_for_ever_is_what_the_guide_says_and_a_stop_of_trading_but_not_its_end() -> None:
    calls = {name: call_of(name) for name in CALLED}
    lasting = {name for name, call in calls.items() if isinstance(call, Ask) and call.once_for_ever}
    halt = {"set_trading_state"}  # as it is called here
    always = {"place_order", "cancel_order", "copy_fill", "resync_account", "rename_asset"}
    assert lasting == always | halt
    assert all(f"`{name}`" in GUIDE.read_text() for name in always)
    assert not set_trading_state("ACTIVE", everyone=True).once_for_ever
    assert set_trading_state("REDUCING", everyone=True).once_for_ever


def test_something_else_is_made_of_what_a_call_gives() -> None:
    assert get_status().giving(lambda status: status.pid + 1).read(pb.GetStatusResponse(pid=7)) == 8
    accounts = list_accounts().giving(lambda account: account.id)
    page = pb.ListAccountsResponse(accounts=[nouns.Account(id="bob")], next_page_token="more")
    items, token = accounts.read(page)
    assert (list(items), token) == (["bob"], "more")
    assert accounts.page("more").request == pb.ListAccountsRequest(page_size=1000, page_token="more")
    fills = watch_fills(3).giving(lambda fill: fill.pair)
    assert fills.read(pb.WatchFillsResponse(fill=nouns.Fill(seq=4, pair="BTC/USD"))) == (4, "BTC/USD")
    assert fills.after == 3
