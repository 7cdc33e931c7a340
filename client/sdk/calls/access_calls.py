"""Calls about who may call: tokens, certificates, and who the caller is."""

from __future__ import annotations

import uuid
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from krakencopy.client.sdk.call import Ask, whole
from krakencopy.client.sdk.errors import BadInput
from krakencopy.v1 import access_pb2 as access

ROLES = {
    "viewer": access.ACCESS_ROLE_VIEWER,
    "operator": access.ACCESS_ROLE_OPERATOR,
    "trader": access.ACCESS_ROLE_TRADER,
    "admin": access.ACCESS_ROLE_ADMIN,
    "owner": access.ACCESS_ROLE_OWNER,
}


def who_am_i(*, timeout_s: float | None = None) -> Ask[access.WhoAmIResponse, access.WhoAmIResponse]:
    """Who the caller is to the supervisor, and what that one may do."""
    return Ask(access.WhoAmIRequest(), access.WhoAmIResponse, whole, timeout_s)


def create_token(
    name: str,
    role: str,
    ttl: timedelta,
    *,
    account_id: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[access.CreateTokenResponse, access.CreateTokenResponse]:
    """Make a token for ``name``, which is in the answer and kept nowhere. ``role``: "viewer", "operator",
    "trader", "admin", or "owner" with its ``account_id``. Raises BadInput, NotFound, Refused.
    """
    request = access.CreateTokenRequest(
        request_id=request_id or str(uuid.uuid4()),
        name=name,
        role=_role(role),
        account_id=account_id,
        ttl=_duration(ttl),
    )
    return Ask(request, access.CreateTokenResponse, whole, timeout_s)


def list_tokens(*, timeout_s: float | None = None) -> Ask[access.ListTokensResponse, list[access.Credential]]:
    """All tokens, the latest first, without their secrets."""
    request = access.ListTokensRequest()
    return Ask(request, access.ListTokensResponse, lambda answer: list(answer.tokens), timeout_s)


def revoke_token(
    token_id: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[access.RevokeTokenResponse, access.Credential]:
    """Have a token refused from now on; what it runs ends. Raises NotFound."""
    request = access.RevokeTokenRequest(request_id=request_id or str(uuid.uuid4()), id=token_id)
    return Ask(request, access.RevokeTokenResponse, lambda answer: answer.credential, timeout_s)


def issue_certificate(
    name: str,
    role: str,
    ttl: timedelta,
    certificate_request: str,
    *,
    account_id: str = "",
    request_id: str = "",
    timeout_s: float | None = None,
) -> Ask[access.IssueCertificateResponse, access.IssueCertificateResponse]:
    """Have a certificate issued by the supervisor's own CA for the key of ``certificate_request`` (PKCS #10,
    DER in base64), which stays where it was made. Raises BadInput, NotFound, Refused.
    """
    request = access.IssueCertificateRequest(
        request_id=request_id or str(uuid.uuid4()),
        name=name,
        role=_role(role),
        account_id=account_id,
        ttl=_duration(ttl),
        certificate_request=certificate_request,
    )
    return Ask(request, access.IssueCertificateResponse, whole, timeout_s)


def list_principals(
    *, timeout_s: float | None = None
) -> Ask[access.ListPrincipalsResponse, list[access.Credential]]:
    """All who may call from elsewhere: names of the configuration, certificates, tokens."""
    request = access.ListPrincipalsRequest()
    return Ask(request, access.ListPrincipalsResponse, lambda answer: list(answer.credentials), timeout_s)


def revoke_principal(
    name: str, *, request_id: str = "", timeout_s: float | None = None
) -> Ask[access.RevokePrincipalResponse, list[access.Credential]]:
    """Have all tokens and certificates of a name refused from now on. Raises NotFound, Refused for a name of
    the configuration.
    """
    request = access.RevokePrincipalRequest(request_id=request_id or str(uuid.uuid4()), name=name)
    return Ask(request, access.RevokePrincipalResponse, lambda answer: list(answer.credentials), timeout_s)


def _role(word: str) -> access.AccessRole.ValueType:
    if word not in ROLES:
        raise BadInput(f"{word!r} is no role; there are {', '.join(ROLES)}")
    return ROLES[word]


def _duration(ttl: timedelta) -> Duration:
    return Duration(seconds=int(ttl.total_seconds()))
