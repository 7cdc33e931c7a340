"""Lists of copies, events and accounts pass their filters on."""

from __future__ import annotations

from krakencopy.client import CopyState
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


def test_lists_pass_their_filters_on(sdk: MessageClient, supervisor: Scripted) -> None:
    list(sdk.list_copies(account_id="bob", fill_seq=7, state=nouns.COPY_STATE_SKIPPED))
    list(sdk.list_events(account_id="bob"))
    list(sdk.list_accounts())
    copies, events, accounts = supervisor.asked
    assert copies == pb.ListCopiesRequest(
        page_size=1000, account_id="bob", fill_seq=7, state=nouns.COPY_STATE_SKIPPED
    )
    assert events == pb.ListEventsRequest(page_size=1000, account_id="bob")
    assert accounts == pb.ListAccountsRequest(page_size=1000)


def test_copies_are_asked_for_by_a_state_of_the_sdks(sdk: MessageClient, supervisor: Scripted) -> None:
    list(sdk.list_copies(state=CopyState.FILLED))
    assert supervisor.requests(pb.ListCopiesRequest)[0].state == nouns.COPY_STATE_FILLED
