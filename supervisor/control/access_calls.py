"""The calls about who may call: tokens, certificates, and who the caller is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, NoReturn

import grpc

from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.supervisor.control.answered_once import AnsweredOnce, digest_of
from krakencopy.supervisor.control.known_accounts import find_account
from krakencopy.supervisor.control.own_ca import BadRequest
from krakencopy.supervisor.control.permissions import ALLOWED
from krakencopy.supervisor.control.principals import Role, principal_of
from krakencopy.supervisor.control.refusals import Context, check_request_id, refuse, refuse_field
from krakencopy.supervisor.control.remembered_answers import RememberedAnswers
from krakencopy.supervisor.control.remote_access import CREDENTIALS_MAX, RemoteAccess, TooManyCredentials
from krakencopy.supervisor.journal.access_records import TOKEN, CredentialRow
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import access_pb2 as pb
from krakencopy.v1 import control_pb2_grpc

ROLES = {
    pb.ACCESS_ROLE_VIEWER: Role.VIEWER,
    pb.ACCESS_ROLE_OPERATOR: Role.OPERATOR,
    pb.ACCESS_ROLE_TRADER: Role.TRADER,
    pb.ACCESS_ROLE_ADMIN: Role.ADMIN,
    pb.ACCESS_ROLE_OWNER: Role.OWNER,
}
_PB_ROLE = {role: number for number, role in ROLES.items()}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
#: Shorter ones end before they are used, longer ones are forgotten.
TTL_MIN, TTL_MAX = timedelta(minutes=1), timedelta(days=3660)


class AccessCalls(control_pb2_grpc.ControlServiceServicer):
    """A part of ControlServicer."""

    def __init__(self, supervisor: Supervisor, access: RemoteAccess, answers: RememberedAnswers) -> None:
        self._of_access = supervisor
        self._access = access
        self._granted_once = AnsweredOnce(answers)

    async def WhoAmI(self, request: pb.WhoAmIRequest, context: Context) -> pb.WhoAmIResponse:
        """Who the caller is."""
        caller = principal_of(context)
        answer = pb.WhoAmIResponse(
            name=caller.name, role=_PB_ROLE[caller.role], account_id=caller.account, origin=caller.origin,
            credential=caller.credential, permissions=sorted(ALLOWED[caller.role]),
        )  # fmt: skip
        if caller.expires_at is not None:
            answer.expires_at.CopyFrom(timestamp(caller.expires_at))
        return answer

    async def CreateToken(self, request: pb.CreateTokenRequest, context: Context) -> pb.CreateTokenResponse:
        """A new token."""
        role, account, ttl = await self._grant(request, context)
        by = principal_of(context).name

        async def create() -> pb.CreateTokenResponse:
            row, token = self._access.create_token(request.name, role, account, ttl, by)
            return pb.CreateTokenResponse(credential=credential_of(row), token=token)

        try:
            return await self._granted_once.answer(
                ("CreateToken", digest_of(request)), pb.CreateTokenResponse, create
            )
        except TooManyCredentials:
            await _refuse_more(context)

    async def ListTokens(self, request: pb.ListTokensRequest, context: Context) -> pb.ListTokensResponse:
        """All tokens."""
        rows = self._access.rows()
        return pb.ListTokensResponse(tokens=[credential_of(row) for row in rows if row.kind == TOKEN])

    async def RevokeToken(self, request: pb.RevokeTokenRequest, context: Context) -> pb.RevokeTokenResponse:
        """A token is refused from now on."""
        await check_request_id(request.request_id, context)
        found = [row for row in self._access.rows() if row.kind == TOKEN and row.id == request.id]
        if not found:
            words = f"there is no token {request.id!r}; `krakencopy token list` shows all"
            await refuse(context, grpc.StatusCode.NOT_FOUND, "TOKEN_NOT_FOUND", words)

        async def revoke() -> pb.RevokeTokenResponse:
            (row,) = self._revoke(found, context) or found
            return pb.RevokeTokenResponse(credential=credential_of(row))

        key = "RevokeToken", digest_of(request)
        return await self._granted_once.answer(key, pb.RevokeTokenResponse, revoke)

    async def IssueCertificate(
        self, request: pb.IssueCertificateRequest, context: Context
    ) -> pb.IssueCertificateResponse:
        """A client certificate for a key that stays where it was made."""
        role, account, ttl = await self._grant(request, context)
        if self._access.own_ca is None:
            words = (
                "krakencopy has no CA: nothing listens on a port ([control] listen), or by certificates of "
                "your own, whose CA issues those of clients"
            )
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "NO_OWN_CA", words)
        by = principal_of(context).name

        async def issue() -> pb.IssueCertificateResponse:
            row, certificate, authority = self._access.issue_certificate(
                request.name, role, account, ttl, by, request.certificate_request
            )
            return pb.IssueCertificateResponse(
                credential=credential_of(row), certificate=certificate, ca=authority
            )

        key = "IssueCertificate", digest_of(request)
        try:
            return await self._granted_once.answer(key, pb.IssueCertificateResponse, issue)
        except TooManyCredentials:
            await _refuse_more(context)
        except BadRequest as error:
            await refuse_field(
                context, "certificate_request", f"cannot be used: {error}", "BAD_CERTIFICATE_REQUEST"
            )

    async def ListPrincipals(
        self, request: pb.ListPrincipalsRequest, context: Context
    ) -> pb.ListPrincipalsResponse:
        """All who may call from elsewhere."""
        configured = [
            pb.Credential(
                kind=pb.CREDENTIAL_KIND_CONFIGURED, id=each.name, name=each.name, role=_PB_ROLE[each.role],
                account_id=each.account,
            )
            for each in self._access.principals
        ]  # fmt: skip
        rows = sorted(self._access.rows(), key=lambda row: row.kind)
        return pb.ListPrincipalsResponse(credentials=[*configured, *map(credential_of, rows)])

    async def RevokePrincipal(
        self, request: pb.RevokePrincipalRequest, context: Context
    ) -> pb.RevokePrincipalResponse:
        """All tokens and certificates of a name are refused from now on."""
        await check_request_id(request.request_id, context)
        found = [row for row in self._access.rows() if row.name == request.name]
        if any(each.name == request.name for each in self._access.principals):
            # What can be taken away is, and that this is not all of it is no good news.
            gone = len(self._revoke(found, context))
            words = (
                f"{request.name} is a name of the configuration, whose certificate is let in until it is "
                "taken out there: then `krakencopy reload`"
            )
            also = f"; {gone} tokens and certificates of that name are refused from now on" if gone else ""
            await refuse(
                context, grpc.StatusCode.FAILED_PRECONDITION, "CONFIGURED_PRINCIPAL", f"{words}{also}"
            )
        if not found:
            words = f"nothing was given to {request.name!r}; `krakencopy certificate list` shows all"
            await refuse(context, grpc.StatusCode.NOT_FOUND, "PRINCIPAL_NOT_FOUND", words)

        async def revoke() -> pb.RevokePrincipalResponse:
            rows = self._revoke(found, context)
            return pb.RevokePrincipalResponse(credentials=map(credential_of, rows))

        key = "RevokePrincipal", digest_of(request)
        return await self._granted_once.answer(key, pb.RevokePrincipalResponse, revoke)

    def _revoke(self, found: list[CredentialRow], context: Context) -> list[CredentialRow]:
        return self._access.revoke(found, principal_of(context).name)

    async def _grant(self, request: Any, context: Context) -> tuple[Role, str, timedelta]:
        """What is asked for: role, account, how long. Refuses what cannot be."""
        await check_request_id(request.request_id, context)
        if not NAME.fullmatch(request.name):
            words = 'is to be 1 to 64 of a-z, A-Z, 0-9, ".", "_", "@" and "-", a letter or digit first'
            await refuse_field(context, "name", words, "BAD_NAME")
        role = ROLES.get(request.role)
        if role is None:
            words = f"is not given; it is {', '.join(sorted(ROLES.values()))}"
            await refuse_field(context, "role", words, "ROLE_MISSING")
        if role is Role.OWNER:
            if not request.account_id:
                await refuse_field(context, "account_id", "is empty: an owner has one", "ACCOUNT_MISSING")
            await find_account(self._of_access.accounts, request.account_id, context)
        elif request.account_id:
            await refuse_field(context, "account_id", "is an owner's alone", "ACCOUNT_NOT_MEANT")
        ttl = timedelta(seconds=request.ttl.seconds) if abs(request.ttl.seconds) < 10**9 else TTL_MAX * 2
        if not TTL_MIN <= ttl <= TTL_MAX:
            await refuse_field(context, "ttl", "is to be a minute at least, and 3660 days at most", "BAD_TTL")
        return role, request.account_id, ttl


async def _refuse_more(context: Context) -> NoReturn:
    words = f"there are {CREDENTIALS_MAX} tokens and certificates; revoke some that are not used any more"
    await refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CREDENTIALS", words)


def credential_of(row: CredentialRow) -> pb.Credential:
    """As it is shown."""
    kind = pb.CREDENTIAL_KIND_TOKEN if row.kind == TOKEN else pb.CREDENTIAL_KIND_CERTIFICATE
    shown = pb.Credential(
        kind=kind, id=row.id, name=row.name, role=_PB_ROLE[Role(row.role)], account_id=row.account_id,
        created_at=timestamp(row.created_at), created_by=row.created_by, expires_at=timestamp(row.expires_at),
        revoked_by=row.revoked_by,
    )  # fmt: skip
    if row.revoked_at is not None:
        shown.revoked_at.CopyFrom(timestamp(row.revoked_at))
    if row.last_used_at is not None:
        shown.last_used_at.CopyFrom(timestamp(row.last_used_at))
    return shown
