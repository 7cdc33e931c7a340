"""What is recorded of tokens and certificates when they are made and revoked. Pure."""

from __future__ import annotations

from krakencopy.supervisor.journal.access_records import TOKEN, CredentialRow
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.v1 import types_pb2 as pb


def made_event(row: CredentialRow) -> pb.Event:
    """One was given to somebody."""
    is_token = row.kind == TOKEN
    what = f"token {row.id}" if is_token else "a certificate"
    words = f"{what} for {_whose(row)} was made by {row.created_by}"
    return _event("TOKEN_CREATED" if is_token else "CERTIFICATE_ISSUED", words, row, row.created_by)


def revoked_event(row: CredentialRow) -> pb.Event:
    """One is refused from now on."""
    words = f"{row.kind} {row.id[:16]} of {_whose(row)} was revoked by {row.revoked_by}"
    return _event("CREDENTIAL_REVOKED", words, row, row.revoked_by)


def _event(code: str, words: str, row: CredentialRow, by: str) -> pb.Event:
    data = {"kind": row.kind, "id": row.id, "name": row.name, "role": row.role, "by": by}
    return event_of(pb.SEVERITY_WARNING, "", code, words, data)


def _whose(row: CredentialRow) -> str:
    return f"{row.name} ({row.role}{f' of {row.account_id}' if row.account_id else ''})"
