"""The SDK's calls about who may call: tokens, certificates, and who the caller is."""

from __future__ import annotations

import uuid
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from krakencopy.client.sdk.connection import Connection
from krakencopy.client.sdk.errors import BadInput
from krakencopy.v1 import access_pb2 as pb

ROLES = {
    "viewer": pb.ACCESS_ROLE_VIEWER,
    "operator": pb.ACCESS_ROLE_OPERATOR,
    "trader": pb.ACCESS_ROLE_TRADER,
    "admin": pb.ACCESS_ROLE_ADMIN,
    "owner": pb.ACCESS_ROLE_OWNER,
}


class AccessCalls:
    """A part of KrakenCopy."""

    _connection: Connection

    def who_am_i(self, *, timeout_s: float | None = None) -> pb.WhoAmIResponse:
        """Who the caller is to the supervisor, and what that one may do."""
        return self._connection.ask(self._connection.stub.WhoAmI, pb.WhoAmIRequest(), timeout_s)

    def create_token(
        self, name: str, role: str, ttl: timedelta, *, account_id: str = "", request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.CreateTokenResponse:  # fmt: skip
        """Make a token for ``name``, which is in the answer and kept nowhere. ``role``: "viewer", "operator",
        "trader", "admin", or "owner" with its ``account_id``. Raises BadInput, NotFound, Refused.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.CreateTokenRequest(
            request_id=request_id, name=name, role=_role(role), account_id=account_id, ttl=_duration(ttl)
        )
        return self._connection.ask(self._connection.stub.CreateToken, request, timeout_s, request_id)

    def list_tokens(self, *, timeout_s: float | None = None) -> list[pb.Credential]:
        """All tokens, the latest first, without their secrets."""
        stub = self._connection.stub
        return list(self._connection.ask(stub.ListTokens, pb.ListTokensRequest(), timeout_s).tokens)

    def revoke_token(
        self, token_id: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> pb.Credential:
        """Have a token refused from now on; what it runs ends. Raises NotFound."""
        request_id = request_id or str(uuid.uuid4())
        request = pb.RevokeTokenRequest(request_id=request_id, id=token_id)
        stub = self._connection.stub
        return self._connection.ask(stub.RevokeToken, request, timeout_s, request_id).credential

    def issue_certificate(
        self, name: str, role: str, ttl: timedelta, certificate_request: str, *, account_id: str = "",
        request_id: str = "", timeout_s: float | None = None,
    ) -> pb.IssueCertificateResponse:  # fmt: skip
        """Have a certificate issued by the supervisor's own CA for the key of ``certificate_request`` (PKCS
        #10, DER in base64), which stays where it was made. Raises BadInput, NotFound, Refused.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.IssueCertificateRequest(
            request_id=request_id, name=name, role=_role(role), account_id=account_id, ttl=_duration(ttl),
            certificate_request=certificate_request,
        )  # fmt: skip
        return self._connection.ask(self._connection.stub.IssueCertificate, request, timeout_s, request_id)

    def list_principals(self, *, timeout_s: float | None = None) -> list[pb.Credential]:
        """All who may call from elsewhere: names of the configuration, certificates, tokens."""
        stub = self._connection.stub
        answer = self._connection.ask(stub.ListPrincipals, pb.ListPrincipalsRequest(), timeout_s)
        return list(answer.credentials)

    def revoke_principal(
        self, name: str, *, request_id: str = "", timeout_s: float | None = None
    ) -> list[pb.Credential]:
        """Have all tokens and certificates of a name refused from now on. Raises NotFound, Refused for a name
        of the configuration.
        """
        request_id = request_id or str(uuid.uuid4())
        request = pb.RevokePrincipalRequest(request_id=request_id, name=name)
        stub = self._connection.stub
        return list(self._connection.ask(stub.RevokePrincipal, request, timeout_s, request_id).credentials)


def _role(word: str) -> pb.AccessRole.ValueType:
    if word not in ROLES:
        raise BadInput(f"{word!r} is no role; there are {', '.join(ROLES)}")
    return ROLES[word]


def _duration(ttl: timedelta) -> Duration:
    return Duration(seconds=int(ttl.total_seconds()))
