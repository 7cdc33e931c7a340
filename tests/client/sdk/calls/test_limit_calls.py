from __future__ import annotations

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns
from tests.support.scripted_supervisor import Scripted


def test_limits_are_listed_and_reset_with_a_reason(endpoint: str, supervisor: Scripted) -> None:
    day = nouns.LossLimit(account_id="bob", name="day")
    supervisor.on["ListLimits"] = lambda _request, _context: pb.ListLimitsResponse(limits=[day])
    supervisor.on["ResetLimit"] = lambda request, _context: pb.ResetLimitResponse(names=[request.name])
    with MessageClient(endpoint) as sdk:
        assert sdk.list_limits(["bob"]) == [day]
        assert list(sdk.reset_limit("bob", "day", reason="seen", by="ann", request_id="r").names) == ["day"]
        sdk.reset_limit("bob", reason="seen")
    [listed] = supervisor.requests(pb.ListLimitsRequest)
    assert list(listed.account_ids) == ["bob"]
    first, second = supervisor.requests(pb.ResetLimitRequest)
    assert first == pb.ResetLimitRequest(
        request_id="r", account_id="bob", name="day", reason="seen", by="ann"
    )
    assert (second.name, second.by) == ("", operator_name())
    assert second.request_id
