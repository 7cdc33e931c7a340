"""The SDK's calls about who may call: what is asked for, and what comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from krakencopy.client import BadInput
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import access_pb2 as pb
from tests.support.scripted_supervisor import Scripted

ONE = pb.Credential(id="abcd", name="bot")


def test_what_is_granted_is_asked_for_by_its_words(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on["CreateToken"] = lambda *_: pb.CreateTokenResponse(credential=ONE, token="kct_abcd_x")
    supervisor.on["IssueCertificate"] = lambda *_: pb.IssueCertificateResponse(certificate="C", ca="A")
    assert (
        sdk.create_token("bot", "owner", timedelta(days=1), account_id="anna", request_id="1").token
        == "kct_abcd_x"
    )
    assert sdk.issue_certificate("olga", "admin", timedelta(hours=1), "REQUEST").certificate == "C"
    [token] = supervisor.requests(pb.CreateTokenRequest)
    assert token == pb.CreateTokenRequest(
        request_id="1", name="bot", role=pb.ACCESS_ROLE_OWNER, account_id="anna", ttl=token.ttl
    )
    assert token.ttl.seconds == 86_400
    [certificate] = supervisor.requests(pb.IssueCertificateRequest)
    assert (certificate.role, certificate.certificate_request) == (pb.ACCESS_ROLE_ADMIN, "REQUEST")
    assert certificate.request_id
    with pytest.raises(BadInput, match="'king' is no role; there are viewer, operator"):
        sdk.create_token("bot", "king", timedelta(days=1))


def test_what_there_is_is_shown_and_revoked(sdk: MessageClient, supervisor: Scripted) -> None:
    supervisor.on |= {
        "WhoAmI": lambda *_: pb.WhoAmIResponse(name="olga"),
        "ListTokens": lambda *_: pb.ListTokensResponse(tokens=[ONE]),
        "ListPrincipals": lambda *_: pb.ListPrincipalsResponse(credentials=[ONE, ONE]),
        "RevokeToken": lambda *_: pb.RevokeTokenResponse(credential=ONE),
        "RevokePrincipal": lambda *_: pb.RevokePrincipalResponse(credentials=[ONE]),
    }
    assert sdk.who_am_i().name == "olga"
    assert sdk.list_tokens() == [ONE]
    assert len(sdk.list_principals()) == 2
    assert sdk.revoke_token("abcd") == ONE
    assert sdk.revoke_principal("bot") == [ONE]
    [token], [name] = (
        supervisor.requests(pb.RevokeTokenRequest),
        supervisor.requests(pb.RevokePrincipalRequest),
    )
    assert (token.id, name.name) == ("abcd", "bot")
    assert token.request_id != name.request_id
