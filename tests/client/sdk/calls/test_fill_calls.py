"""What the SDK asks to have one fill copied."""

from __future__ import annotations

import pytest

from krakencopy.client import BadInput
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.client.sdk.operator_name import operator_name
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_a_fill_is_named_by_its_seq_or_by_its_execution(endpoint: str, supervisor: Scripted) -> None:
    with MessageClient(endpoint) as sdk:
        sdk.copy_fill(seq=7, account_ids=["bob"], request_id="r")
        sdk.copy_fill(exec_id="T-1", dry_run=True, by="ann")
        for wrong in ({}, {"seq": 7, "exec_id": "T-1"}):
            with pytest.raises(BadInput, match="either a seq or an exec_id"):
                sdk.copy_fill(**wrong)  # type: ignore[arg-type]  # of the table
    first, second = supervisor.requests(pb.CopyFillRequest)
    assert first == pb.CopyFillRequest(request_id="r", seq=7, account_ids=["bob"], by=operator_name())
    assert (second.exec_id, second.dry_run, second.by) == ("T-1", True, "ann")
    assert second.request_id


def test_after_seq_zero_is_not_the_same_as_none(sdk: MessageClient, supervisor: Scripted) -> None:
    list(sdk.list_fills(after_seq=0))
    list(sdk.list_fills())
    assert [request.HasField("after_seq") for request in supervisor.requests(pb.ListFillsRequest)] == [
        True,
        False,
    ]


def test_a_fill_is_explained_by_its_seq_or_its_execution_id_but_not_both(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    sdk.explain_fill(seq=7)
    sdk.explain_fill(exec_id="TABC")
    assert supervisor.asked == [pb.ExplainFillRequest(seq=7), pb.ExplainFillRequest(exec_id="TABC")]
    for wrong in ({}, {"seq": 7, "exec_id": "TABC"}):
        with pytest.raises(BadInput):
            sdk.explain_fill(**wrong)  # type: ignore[arg-type]  # that is what is tested
