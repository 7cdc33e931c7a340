"""Events and logs."""

from __future__ import annotations

import grpc
import pytest

from krakencopy.client import NotFound
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted, refuse


def test_a_log_is_read_line_by_line(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["ReadLog"] = lambda _request, _context: [
        pb.ReadLogResponse(line="{}"),
        pb.ReadLogResponse(line="[]"),
    ]
    assert list(sdk.read_log("bob", lines=2)) == ["{}", "[]"]
    assert supervisor.asked == [pb.ReadLogRequest(account_id="bob", lines=2)]
    supervisor.on["ReadLog"] = refuse(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "no account 'bob'")
    with pytest.raises(NotFound):
        list(sdk.read_log("bob"))
