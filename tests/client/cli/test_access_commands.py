"""`krakencopy whoami`, `token`, `certificate`: what is asked and shown, and where keys and tokens go."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.cli.main import main
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.v1 import access_pb2 as pb
from tests.support.scripted_supervisor import Scripted, refuse
from tests.support.typed_lines import Typed

BOT = pb.Credential(kind=pb.CREDENTIAL_KIND_TOKEN, id="4kq7zc2m", name="bot", role=pb.ACCESS_ROLE_VIEWER)
OLGA = pb.Credential(
    kind=pb.CREDENTIAL_KIND_CERTIFICATE, id="ab" * 32, name="olga", role=pb.ACCESS_ROLE_OWNER,
    account_id="anna", created_by="root",
)  # fmt: skip


def types(endpoint: str, *words: str) -> int:
    return main(["--endpoint", endpoint, *words])


def test_who_one_is(endpoint: str, supervisor: Scripted, capsys: Any) -> None:
    supervisor.on["WhoAmI"] = lambda *_: pb.WhoAmIResponse(
        name="olga", role=pb.ACCESS_ROLE_OWNER, account_id="anna", origin="tls 10.0.0.7:5",
        credential="token 4kq7zc2m", permissions=["know_oneself"],
    )  # fmt: skip
    assert types(endpoint, "whoami") == ExitCode.DONE
    assert capsys.readouterr().out.splitlines() == [
        "olga: owner of anna", "from tls 10.0.0.7:5, by token 4kq7zc2m", "may: know oneself",
    ]  # fmt: skip


def test_a_token_alone_is_written_to_standard_output(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["CreateToken"] = lambda *_: pb.CreateTokenResponse(credential=BOT, token="kct_4kq7zc2m_x")
    asked = ("token", "create", "bot", "--role", "owner", "--account", "anna", "--ttl", "12h")
    assert types(endpoint, *asked) == ExitCode.DONE
    shown = capsys.readouterr()
    assert shown.out == "kct_4kq7zc2m_x\n"
    assert "shown this once: krakencopy token revoke 4kq7zc2m ends it" in shown.err
    [request] = supervisor.requests(pb.CreateTokenRequest)
    assert (request.name, request.role, request.account_id) == ("bot", pb.ACCESS_ROLE_OWNER, "anna")
    assert request.ttl.seconds == 12 * 3_600
    assert request.request_id


def test_tokens_and_principals_are_listed_and_revoked(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    supervisor.on["ListTokens"] = lambda *_: pb.ListTokensResponse(tokens=[BOT])
    supervisor.on["ListPrincipals"] = lambda *_: pb.ListPrincipalsResponse(credentials=[OLGA, BOT])
    gone = pb.Credential(name="olga", id="ab" * 32, role=pb.ACCESS_ROLE_OWNER, revoked_by="root")
    gone.revoked_at.seconds = 5
    supervisor.on["RevokePrincipal"] = lambda *_: pb.RevokePrincipalResponse(credentials=[gone])
    assert types(endpoint, "token", "list") == ExitCode.DONE
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["NAME", "ROLE", "ACCOUNT", "BY", "ID"]
    assert row.split()[:6] == ["bot", "viewer", "-", "token", "4kq7zc2m", "valid"]
    assert types(endpoint, "certificate", "list") == ExitCode.DONE
    assert capsys.readouterr().out.splitlines()[1].split()[:5] == [
        "olga",
        "owner",
        "anna",
        "certificate",
        "ab" * 8,
    ]
    assert types(endpoint, "certificate", "revoke", "olga") == ExitCode.DONE, "nobody is shut out"
    assert "REVOKED by root" in capsys.readouterr().out
    assert types(endpoint, "token", "revoke", "4kq7zc2m", "other") == ExitCode.DONE
    assert [each.id for each in supervisor.requests(pb.RevokeTokenRequest)] == ["4kq7zc2m", "other"]
    supervisor.on["ListTokens"] = lambda *_: pb.ListTokensResponse()
    capsys.readouterr()
    assert types(endpoint, "token", "list") == ExitCode.DONE
    assert "there are no tokens" in capsys.readouterr().out


def test_a_certificate_is_for_a_key_that_is_made_here_and_stays_here(
    endpoint: str, supervisor: Scripted, capsys: Any, tmp_path: Path
) -> None:
    answer = pb.IssueCertificateResponse(credential=OLGA, certificate="CERTIFICATE", ca="CA")
    supervisor.on["IssueCertificate"] = lambda *_: answer
    out = tmp_path / "new" / "certificates"
    asked = ("certificate", "create", "olga", "--role", "operator", "--out", str(out))
    assert types(endpoint, *asked) == ExitCode.DONE
    assert {path.name for path in out.iterdir()} == {"olga.key", "olga.pem", "ca.pem"}
    assert (out / "olga.key").stat().st_mode & 0o777 == 0o600
    assert ((out / "olga.pem").read_text(), (out / "ca.pem").read_text()) == ("CERTIFICATE", "CA")
    key = serialization.load_pem_private_key((out / "olga.key").read_bytes(), None)
    [request] = supervisor.requests(pb.IssueCertificateRequest)
    read = x509.load_der_x509_csr(base64.b64decode(request.certificate_request))
    assert read.public_key() == key.public_key()
    assert request.ttl.seconds == 90 * 86_400
    assert f"--ca {out}/ca.pem --certificate {out}/olga.pem --key {out}/olga.key" in capsys.readouterr().out
    # A key that is there is never written over.
    assert types(endpoint, *asked) == ExitCode.BAD_INPUT
    assert "olga.key is there already; nothing was made" in capsys.readouterr().err
    assert len(supervisor.requests(pb.IssueCertificateRequest)) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("token", "create", "bot"),
        ("token", "create", "bot", "--role", "king"),
        ("token", "create", "bot", "--role", "viewer", "--ttl", "30"),
        ("token", "create", "bot", "--role", "viewer", "--ttl", "0d"),
        ("token", "revoke"),
        ("certificate", "create", "olga", "--role", "viewer"),
        ("certificate", "create", "a/b", "--role", "viewer", "--out", "x"),
    ],
)
def test_what_makes_no_sense_is_not_asked(
    endpoint: str, supervisor: Scripted, words: tuple[str, ...]
) -> None:
    assert types(endpoint, *words) == ExitCode.BAD_INPUT
    assert supervisor.asked == []


def admin(name: str, kind: Any = pb.CREDENTIAL_KIND_TOKEN, **more: Any) -> pb.Credential:
    return pb.Credential(name=name, id=f"{name}-id", kind=kind, role=pb.ACCESS_ROLE_ADMIN, **more)


ENDED = admin("ended", expires_at=Timestamp(seconds=1))
REVOKED = admin("revoked", revoked_at=Timestamp(seconds=1))


@pytest.mark.parametrize(
    ("there", "mine", "line", "asks"),
    [
        ([admin("root"), admin("ops"), BOT], "", "token revoke ops-id", ""),
        ([admin("ops"), BOT, ENDED, REVOKED], "", "token revoke ops-id", "none of 1 admins may call"),
        ([admin("ops"), BOT], "", "certificate revoke ops", "none of 1 admins may call"),
        ([admin("ops"), admin("a", pb.CREDENTIAL_KIND_CONFIGURED)], "", "certificate revoke ops", ""),
        ([admin("ops"), BOT], "token 4kq7zc2m", "token revoke 4kq7zc2m", "token 4kq7zc2m is what you call"),
        ([admin("ops"), OLGA], f"certificate {'ab' * 8}", "certificate revoke olga", "is what you call with"),
    ],
)
def test_who_shuts_out_itself_or_the_last_admin_is_asked(
    endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: Any,
    there: list[pb.Credential], mine: str, line: str, asks: str,
) -> None:  # fmt: skip
    supervisor.on["ListPrincipals"] = lambda *_: pb.ListPrincipalsResponse(credentials=there)
    supervisor.on["WhoAmI"] = lambda *_: pb.WhoAmIResponse(credential=mine)

    def revoked() -> int:
        kinds = (pb.RevokeTokenRequest, pb.RevokePrincipalRequest)
        return sum(len(supervisor.requests(kind)) for kind in kinds)

    monkeypatch.setattr(sys, "stdin", None)
    assert types(endpoint, *line.split()) == (ExitCode.BAD_INPUT if asks else ExitCode.DONE)
    assert revoked() == (not asks)
    if asks:
        said = capsys.readouterr().err
        assert asks in said
        assert "--yes" in said
        monkeypatch.setattr(sys, "stdin", Typed("n\n"))
        assert types(endpoint, *line.split()) == ExitCode.REFUSED
        assert revoked() == 0
        assert "Revoke 1 of 2? [y/N]" in capsys.readouterr().err
        monkeypatch.setattr(sys, "stdin", None)
        assert types(endpoint, *line.split(), "--yes") == ExitCode.DONE
        assert revoked() == 1


def test_a_slip_of_the_pen_keeps_no_stolen_token_alive(
    endpoint: str, supervisor: Scripted, capsys: Any
) -> None:
    def revoke(request: pb.RevokeTokenRequest, context: Any) -> pb.RevokeTokenResponse:
        if request.id == "tpyo":
            refuse(grpc.StatusCode.NOT_FOUND, "TOKEN_NOT_FOUND", "there is no token 'tpyo'")(request, context)
        return pb.RevokeTokenResponse(credential=BOT)

    supervisor.on["RevokeToken"] = revoke
    assert types(endpoint, "token", "revoke", "tpyo", "4kq7zc2m") == ExitCode.REFUSED
    shown = capsys.readouterr()
    assert "4kq7zc2m" in shown.out
    assert "no token 'tpyo'" in shown.err
