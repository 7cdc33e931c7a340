"""The whole system: its report, its configuration, its end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from krakencopy.client import ServerFault
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_a_supervisor_that_does_not_know_intervals_is_no_report_of_one(
    sdk: MessageClient, supervisor: Scripted
) -> None:
    since = datetime(2026, 11, 28, tzinfo=UTC)
    assert sdk.get_report() == pb.GetReportResponse()
    with pytest.raises(ServerFault, match="older than this client"):
        sdk.get_report(since=since)
    supervisor.on["GetReport"] = lambda request, _context: pb.GetReportResponse(since=request.since)
    assert sdk.get_report(since=since).since.ToDatetime(UTC) == since
