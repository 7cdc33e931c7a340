"""Who may call the control API, for people. Pure: messages in, lines out."""

from __future__ import annotations

from krakencopy.client.views.formats import local_time, plain, word
from krakencopy.client.views.table import Column
from krakencopy.v1 import access_pb2 as pb

#: Characters of an id that are shown: a token's are fewer, and of a certificate so many say which it is.
_ID_MAX = 16


def credential_columns() -> tuple[Column, ...]:
    """What credential_row's cells are."""
    return (
        Column("NAME"), Column("ROLE"), Column("ACCOUNT"), Column("BY"), Column("ID"), Column("STATE"),
        Column("UNTIL"), Column("LAST USED"), Column("MADE BY"),
    )  # fmt: skip


def credential_row(one: pb.Credential) -> list[str]:
    """One token, certificate or name."""
    return [
        plain(one.name),
        _role(one.role),
        plain(one.account_id) or "-",
        word(pb.CredentialKind.DESCRIPTOR, one.kind).lower(),
        plain(one.id)[:_ID_MAX],
        f"REVOKED by {plain(one.revoked_by)}" if one.HasField("revoked_at") else "valid",
        local_time(one.expires_at) or "-",
        local_time(one.last_used_at) or "never",
        plain(one.created_by) or "-",
    ]


def _role(role: pb.AccessRole.ValueType) -> str:
    return word(pb.AccessRole.DESCRIPTOR, role).lower()


def whoami_page(me: pb.WhoAmIResponse) -> list[str]:
    """Who the caller is."""
    whose = f" of {plain(me.account_id)}" if me.account_id else ""
    known = f"by {plain(me.credential)}" if me.credential else "by the machine user"
    until = f", until {local_time(me.expires_at)}" if me.HasField("expires_at") else ""
    return [
        f"{plain(me.name)}: {_role(me.role)}{whose}",
        f"from {plain(me.origin)}, {known}{until}",
        f"may: {', '.join(map(plain, me.permissions)).replace('_', ' ')}",
    ]
