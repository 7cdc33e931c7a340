"""Calls about the audit: who has changed what, and whether its log is what was written."""

from __future__ import annotations

from datetime import datetime

from krakencopy.client.sdk.call import Ask, Follow, Listing, whole
from krakencopy.client.sdk.intervals import limits
from krakencopy.client.sdk.pages import page_size
from krakencopy.client.sdk.timeouts import VERIFY_TIMEOUT_S
from krakencopy.v1 import audit_pb2 as audit


def list_audit_entries(
    *,
    principal: str = "",
    account_id: str = "",
    method: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    each_entry: bool = False,
    limit: int | None = None,
    timeout_s: float | None = None,
) -> Listing[audit.ListAuditEntriesResponse, audit.AuditEntry]:
    """Calls that changed something, or were to, the latest first, each once with what came of it. At most
    ``limit``. ``principal``: only calls of this one; ``account_id``: that name this account, or all;
    ``method``: of this RPC ("StopAccount"); ``since`` and ``until``: from then on, and before then. With
    ``each_entry`` the beginning of a call is an entry of its own.
    """
    limited = limits(since, until)
    return Listing(
        lambda token: audit.ListAuditEntriesRequest(
            page_size=page_size(limit), page_token=token, principal=principal, account_id=account_id,
            method=method, each_entry=each_entry, **limited,
        ),
        audit.ListAuditEntriesResponse,
        lambda answer: (answer.entries, answer.next_page_token),
        limit,
        timeout_s,
    )  # fmt: skip


def watch_audit(
    after_number: int | None = None, *, with_lines: bool = False
) -> Follow[audit.WatchAuditResponse, audit.AuditEntry]:
    """Entries behind a number (0: from the beginning), then new ones as they are durable; without a number
    only new ones. ``with_lines``: each with its line as it stands in the log: written to a file, one a line,
    they are a copy that can be verified.
    """
    return Follow(
        lambda after: audit.WatchAuditRequest(after_number=after, with_lines=with_lines),
        audit.WatchAuditResponse,
        lambda answer: (answer.entry.number, answer.entry),
        after_number,
    )


def verify_audit(
    *, head: str = "", timeout_s: float | None = None
) -> Ask[audit.VerifyAuditResponse, audit.VerifyAuditResponse]:
    """Whether the audit log is what was written: ``intact``, or what is wrong with which entry. ``head``: a
    hash that was noted earlier, which must be among the entries'. ``timeout_s`` is a minute unless given.
    """
    limit_s = VERIFY_TIMEOUT_S if timeout_s is None else timeout_s
    return Ask(audit.VerifyAuditRequest(head=head), audit.VerifyAuditResponse, whole, limit_s)
