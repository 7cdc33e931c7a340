"""Values of access calls and what they hold. Made from the protos by tests/support/sdk.py."""

from __future__ import annotations

from datetime import datetime

from krakencopy.client.sdk.field import Field
from krakencopy.client.sdk.generated.enums import AccessRole, CredentialKind
from krakencopy.client.sdk.value import Value
from krakencopy.v1 import access_pb2 as access


class WhoAmIResponse(Value[access.WhoAmIResponse]):
    """Who the caller is to the supervisor."""

    name: Field[str]
    """The name that is recorded with what the caller does."""
    role: Field[AccessRole]
    """What the caller may do."""
    account_id: Field[str]
    """Of an owner: the account."""
    origin: Field[str]
    """From where the call came, e.g. "unix pid 4711" or "tls 10.0.0.7:51234"."""
    credential: Field[str]
    """By what the caller is known, e.g. "token 4kq7zc2m"; empty for a process of the supervisor's machine."""
    expires_at: Field[datetime | None]
    """Until when; absent where it does not end."""
    permissions: Field[tuple[str, ...]]
    """The permissions of the role, e.g. "read"."""


class Credential(Value[access.Credential]):
    """By what somebody is known, and what that one may do. Neither a token's secret nor a key is in it."""

    kind: Field[CredentialKind]
    """What it is."""
    id: Field[str]
    """Of a token, the part behind "kct_"; of a certificate, the SHA-256 of it; of a name, the name."""
    name: Field[str]
    """Who it is, for the record of what was done."""
    role: Field[AccessRole]
    """What that one may do."""
    account_id: Field[str]
    """Of an owner: the account."""
    created_at: Field[datetime | None]
    """When it was made."""
    created_by: Field[str]
    """By whom."""
    expires_at: Field[datetime | None]
    """From when on it is refused; absent for a name of the configuration."""
    revoked_at: Field[datetime | None]
    """Since when it is refused; absent unless somebody has revoked it."""
    revoked_by: Field[str]
    """Who has revoked it."""
    last_used_at: Field[datetime | None]
    """When it was last used, to about ten minutes; absent if it never was."""


class CreateTokenResponse(Value[access.CreateTokenResponse]):
    """The token, which is shown this once and kept by nobody."""

    credential: Field[Credential | None]
    """What is kept of it."""
    token: Field[str]
    """As text: "kct_", its id, "_" and its secret."""


class IssueCertificateResponse(Value[access.IssueCertificateResponse]):
    """The certificate."""

    credential: Field[Credential | None]
    """What is kept of it."""
    certificate: Field[str]
    """In PEM."""
    ca: Field[str]
    """The CA that it is from, and the supervisor's own certificate as well, in PEM."""
