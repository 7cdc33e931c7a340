"""The SDK's calls about the audit, against a scripted supervisor."""

from __future__ import annotations

from datetime import UTC, datetime

from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import audit_pb2 as pb
from tests.support.scripted_supervisor import Scripted


def test_entries_are_listed_over_pages_by_what_is_asked_for(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["ListAuditEntries"] = lambda request, _context: pb.ListAuditEntriesResponse(
        entries=[pb.AuditEntry(number=2 if not request.page_token else 1)],
        next_page_token="" if request.page_token else "next",
    )
    since = datetime(2026, 11, 29, tzinfo=UTC)
    with MessageClient(endpoint) as sdk:
        found = list(
            sdk.list_audit_entries(
                principal="ann", account_id="bob", method="Reload", since=since, each_entry=True
            )
        )
        assert [entry.number for entry in found] == [2, 1]
        assert [entry.number for entry in sdk.list_audit_entries(limit=1)] == [2]
    first, *_ = supervisor.requests(pb.ListAuditEntriesRequest)
    assert (first.principal, first.account_id, first.method, first.each_entry) == (
        "ann",
        "bob",
        "Reload",
        True,
    )
    assert first.since.ToDatetime(UTC) == since


def test_a_watch_goes_on_behind_the_last_entry(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["WatchAudit"] = lambda request, _context: iter(
        [pb.WatchAuditResponse(entry=pb.AuditEntry(number=request.after_number + 1, line="{}"))]
    )
    with MessageClient(endpoint) as sdk, sdk.watch_audit(4, with_lines=True) as watch:
        assert [next(watch).number for _ in range(3)] == [5, 6, 7]
        assert watch.position == 7
    asked = supervisor.requests(pb.WatchAuditRequest)
    assert [request.after_number for request in asked][:3] == [4, 5, 6]
    assert asked[0].with_lines


def test_the_log_is_verified_with_a_hash_that_was_noted(endpoint: str, supervisor: Scripted) -> None:
    supervisor.on["VerifyAudit"] = lambda _request, _context: pb.VerifyAuditResponse(intact=True)
    with MessageClient(endpoint) as sdk:
        assert sdk.verify_audit(head="ab").intact
    (request,) = supervisor.requests(pb.VerifyAuditRequest)
    assert request.head == "ab"
