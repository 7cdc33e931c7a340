"""The SDK's calls about the audit: who has changed what, and whether its log is what was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.pages import page_size, pages
from krakencopy.client.sdk.timeouts import VERIFY_TIMEOUT_S
from krakencopy.client.sdk.watch_stream import Stream, Watch
from krakencopy.v1 import audit_pb2 as pb

AuditWatch = Watch[pb.WatchAuditResponse, pb.AuditEntry]


class AuditCalls:
    """A part of KrakenCopy."""

    _connection: Connection

    def list_audit_entries(
        self,
        *,
        principal: str = "",
        account_id: str = "",
        method: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        each_entry: bool = False,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Iterator[pb.AuditEntry]:
        """Calls that changed something, or were to, the latest first, each once with what came of it. At most
        ``limit``. ``principal``: only calls of this one; ``account_id``: that name this account, or all;
        ``method``: of this RPC ("StopAccount"); ``since`` and ``until``: from then on, and before then. With
        ``each_entry`` the beginning of a call is an entry of its own.
        """
        limited = limits(since, until)

        def page(token: str) -> tuple[Iterable[pb.AuditEntry], str]:
            request = pb.ListAuditEntriesRequest(
                page_size=page_size(limit), page_token=token, principal=principal, account_id=account_id,
                method=method, each_entry=each_entry, **limited,
            )  # fmt: skip
            answer = self._connection.ask(self._connection.stub.ListAuditEntries, request, timeout_s)
            return answer.entries, answer.next_page_token

        return pages(page, limit)

    def watch_audit(self, after_number: int | None = None, *, with_lines: bool = False) -> AuditWatch:
        """Entries behind a number (0: from the beginning), then new ones as they are durable; without a
        number only new ones. ``with_lines``: each with its line as it stands in the log: written to a file,
        one a line, they are a copy that can be verified.
        """

        def open_stream(after: int | None) -> Stream[pb.WatchAuditResponse]:
            request = pb.WatchAuditRequest(after_number=after, with_lines=with_lines)
            return self._connection.stub.WatchAudit(request)

        return self._connection.watch(
            open_stream, lambda response: (response.entry.number, response.entry), after_number
        )

    def verify_audit(self, *, head: str = "", timeout_s: float | None = None) -> pb.VerifyAuditResponse:
        """Whether the audit log is what was written: ``intact``, or what is wrong with which entry.
        ``head``: a hash that was noted earlier, which must be among the entries'. ``timeout_s`` is a minute
        unless given.
        """
        limit_s = VERIFY_TIMEOUT_S if timeout_s is None else timeout_s
        request = pb.VerifyAuditRequest(head=head)
        return self._connection.ask(self._connection.stub.VerifyAudit, request, limit_s)
