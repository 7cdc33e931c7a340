"""What a resync asks of the supervisor."""

from __future__ import annotations

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_all_that_is_given_is_asked_for(sdk: MessageClient, supervisor: Scripted) -> None:
    sdk.resync_account("bob", not_worse=True, dry_run=True, reason="late", by="olga", request_id="r")
    [request] = supervisor.requests(pb.ResyncAccountRequest)
    assert request == pb.ResyncAccountRequest(
        request_id="r", account_id="bob", not_worse=True, dry_run=True, reason="late", by="olga"
    )
