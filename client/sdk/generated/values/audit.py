"""Values of audit calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import AuditKind
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import audit_pb2 as audit


class AuditEntry(Value[audit.AuditEntry]):
    """One entry."""

    number: Field[int]
    """By one more than that of the entry before."""
    kind: Field[AuditKind]
    """What it says."""
    at: Field[datetime | None]
    """When it was made."""
    began: Field[int]
    """The entry with which the call began; of one that says so, its own number."""
    method: Field[str]
    """The RPC, e.g. "StopAccount"."""
    principal: Field[str]
    """Who called."""
    role: Field[str]
    """In which role."""
    origin: Field[str]
    """From where, e.g. "unix pid 4711"."""
    request_id: Field[str]
    """The request's."""
    account_ids: Field[tuple[str, ...]]
    """Which accounts it was about: ids, "group:ID", "(all)", and where there were more than are named, how
    many.
    """
    asked: Field[str]
    """What else was asked, as JSON; cut where it is long. Of a call that has ended it stands where it
    began.
    """
    by: Field[str]
    """The name that the request gave for who asks."""
    why: Field[str]
    """Why, as the request says."""
    dry_run: Field[bool]
    """Whether it was only asked what would be done."""
    repeats: Field[int]
    """The entry with which the first call of this request_id and content began; 0 for a first one."""
    before: Field[Mapping[str, str]]
    """What changed, as it was before; of a call that only began, how the accounts stood."""
    after: Field[Mapping[str, str]]
    """As it was afterwards, and what was done, e.g. the id of an order."""
    outcome: Field[str]
    """The status: "OK", or a code of gRPC, e.g. "NOT_FOUND"; "UNKNOWN" with the reason "PROCESS_ENDED" where
    the supervisor ended before it was known. Empty while it is not known.
    """
    reason: Field[str]
    """The stable reason of a refusal, e.g. "ACCOUNT_NOT_FOUND"."""
    message: Field[str]
    """The refusal for people."""
    took: Field[timedelta | None]
    """From the beginning of the call to its outcome."""
    hash: Field[str]
    """SHA-256 over the entry, in hexadecimal; the next entry has it."""
    line: Field[str]
    """The entry's line as it stands in the log, where it was asked for."""


class AuditFinding(Value[audit.AuditFinding]):
    """Something that is wrong with the log."""

    reason: Field[str]
    """A stable code, e.g. "CHANGED" or "CUT"."""
    message: Field[str]
    """For people; names the entry."""
    number: Field[int]
    """The entry; 0 where it has no number."""
    file: Field[str]
    """The file."""
    line: Field[int]
    """The line there, from 1."""


class VerifyAuditResponse(Value[audit.VerifyAuditResponse]):
    """What was found."""

    intact: Field[bool]
    """Whether nothing was changed, removed, added or cut, as far as that can be seen."""
    first_number: Field[int]
    """The first entry that is there."""
    last_number: Field[int]
    """The last one."""
    head: Field[str]
    """Its hash: noted somewhere else, it shows later that nothing up to there was changed. Empty where it
    cannot be trusted.
    """
    files: Field[int]
    """How many files there are."""
    recorded_number: Field[int]
    """The entry up to which the journal knows the log."""
    findings: Field[tuple[AuditFinding, ...]]
    """What is wrong, at most 20."""
