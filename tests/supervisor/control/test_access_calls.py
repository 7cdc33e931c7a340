"""Tokens and certificates over the API, and what they open: a supervisor with a front of its own, by TLS."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from krakencopy.supervisor.config.model import CallerRole, Config, ControlConfig, PrincipalConfig
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.control.reloader import Keys, Reloader
from krakencopy.supervisor.control.server import ControlServer
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import access_pb2 as pb
from krakencopy.v1 import control_pb2, control_pb2_grpc, types_pb2
from tests.support.certificates import request_of
from tests.support.front import SMALL_WINDOW, run, stub_of
from tests.support.idle_supervisor import idle_supervisor
from tests.support.served_control import refused
from tests.support.supervisor_samples import small_config

VIEWER, OWNER, ADMIN = pb.ACCESS_ROLE_VIEWER, pb.ACCESS_ROLE_OWNER, pb.ACCESS_ROLE_ADMIN
DAY: Any = {"seconds": 86_400}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class World:
    """A supervisor that serves on its socket and a port."""

    def __init__(self, folder: Path, supervisor: Supervisor, port: int, local: Any) -> None:
        self.tls, self.supervisor, self.port, self.local = folder / "tls", supervisor, port, local

    def journal_has(self, text: str) -> bool:
        """Whether it stands anywhere in the journal's files."""
        files = self.tls.parent.glob("journal.db*")
        return any(text.encode() in path.read_bytes() for path in files)

    @asynccontextmanager
    async def remote(
        self, token: str = "", certificate: bytes | None = None, key: bytes | None = None
    ) -> AsyncIterator[Any]:
        credentials = grpc.ssl_channel_credentials((self.tls / "ca.pem").read_bytes(), key, certificate)
        if token:
            credentials = grpc.composite_channel_credentials(
                credentials, grpc.access_token_call_credentials(token)
            )
        async with grpc.aio.secure_channel(
            f"dns:127.0.0.1:{self.port}", credentials, SMALL_WINDOW
        ) as channel:
            yield control_pb2_grpc.ControlServiceStub(channel)


@asynccontextmanager
async def world(
    folder: Path, journal: Journal, *principals: PrincipalConfig, listens: bool = True
) -> AsyncIterator[World]:
    port = free_port()
    control = ControlConfig(listen=f"127.0.0.1:{port}") if listens else ControlConfig()
    config: Config = replace(small_config("anna", "bob"), control=control, principals=principals)
    supervisor = idle_supervisor(folder, journal, config)
    path = supervisor.place.socket("control")
    for each in (path.parent, folder / "logs"):
        each.mkdir(exist_ok=True)
    server = ControlServer()
    server.open_port(config, None, folder, journal)
    await server.start(supervisor, Reloader(supervisor, None, cast("Keys", None)))
    try:
        async with stub_of(path) as local:
            yield World(folder, supervisor, port, local)
    finally:
        await server.close()
        supervisor.trading.close()


async def end_of(watch: Any) -> grpc.StatusCode:
    """By which code a watch is ended."""
    try:
        while await watch.read():
            pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    raise AssertionError("it ended without an error")


def test_a_token_is_made_used_listed_and_revoked(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as at:
            asked = pb.CreateTokenRequest(request_id="1", name="bot", role=VIEWER, ttl=DAY)
            made = await at.local.CreateToken(asked)
            assert (await at.local.CreateToken(asked)).token == made.token, "the same for the same request"
            assert made.token.split("_")[1] == made.credential.id
            assert at.journal_has(made.credential.id)
            assert not at.journal_has(made.token.split("_")[2])
            async with at.remote(made.token) as stub:
                me = await stub.WhoAmI(pb.WhoAmIRequest(), timeout=20)
                assert (me.name, me.role, me.credential) == ("bot", VIEWER, f"token {made.credential.id}")
                assert list(me.permissions) == ["know_oneself", "read"]
                assert me.expires_at == made.credential.expires_at
                assert me.origin.startswith("tls 127.0.0.1:")
                code, reason, _ = await refused(stub.ListTokens(pb.ListTokensRequest(), timeout=20))
                assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
                watch = stub.WatchEvents(control_pb2.WatchEventsRequest(after_seq=0))
                await watch.read()
                revoke = pb.RevokeTokenRequest(request_id="2", id=made.credential.id)
                gone = (await at.local.RevokeToken(revoke)).credential
                assert gone.revoked_by
                assert (await at.local.RevokeToken(revoke)).credential == gone
                assert await end_of(watch) is grpc.StatusCode.UNAUTHENTICATED
            (shown,) = (await at.local.ListTokens(pb.ListTokensRequest())).tokens
            assert shown.HasField("last_used_at")
            assert [event.code for event in journal.events_before(2**62, 9, "")][:2] == [
                "CREDENTIAL_REVOKED",
                "TOKEN_CREATED",
            ]

    run(play())


def test_a_certificate_is_issued_for_a_key_and_revoked_by_its_name(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as at:
            key = ec.generate_private_key(ec.SECP256R1())
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            asked = pb.IssueCertificateRequest(
                request_id="1", name="vera", role=VIEWER, ttl=DAY, certificate_request=request_of(key)
            )
            made = await at.local.IssueCertificate(asked)
            assert made.ca == (at.tls / "ca.pem").read_text()
            async with at.remote(certificate=made.certificate.encode(), key=pem) as stub:
                me = await stub.WhoAmI(pb.WhoAmIRequest(), timeout=20)
                assert (me.name, me.credential) == ("vera", f"certificate {made.credential.id[:16]}")
                found = (await at.local.ListPrincipals(pb.ListPrincipalsRequest())).credentials
                assert {one.name: one.role for one in found} == {"vera": VIEWER, "admin": ADMIN}
                gone = await at.local.RevokePrincipal(pb.RevokePrincipalRequest(request_id="2", name="vera"))
                assert [one.id for one in gone.credentials] == [made.credential.id]
                call = stub.WhoAmI(pb.WhoAmIRequest(), timeout=20)
                assert (await refused(call))[1] == "CERTIFICATE_REVOKED"
            # The first client's is there from the start.
            first = [(at.tls / name).read_bytes() for name in ("admin.pem", "admin.key")]
            async with at.remote(certificate=first[0], key=first[1]) as stub:
                assert (await stub.WhoAmI(pb.WhoAmIRequest(), timeout=20)).role == ADMIN

    run(play())


def test_an_owner_sees_and_stops_its_own_account_alone(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as at:
            made = await at.local.CreateToken(
                pb.CreateTokenRequest(request_id="1", name="anna", role=OWNER, account_id="anna", ttl=DAY)
            )
            async with at.remote(made.token) as stub:
                status = await stub.GetStatus(control_pb2.GetStatusRequest(), timeout=20)
                assert [one.id for one in status.accounts] == ["anna"]
                assert "bob" not in str(status)
                pages = await stub.ListAccounts(control_pb2.ListAccountsRequest(page_size=1))
                assert ([one.id for one in pages.accounts], pages.next_page_token) == (["anna"], "")
                code, reason, words = await refused(
                    stub.GetAccount(control_pb2.GetAccountRequest(account_id="bob"))
                )
                assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_YOUR_ACCOUNT")
                assert "bob" not in words
                target = control_pb2.TradingTarget(account_ids=["anna"])

                def say(request_id: str, state: types_pb2.TradingState.ValueType) -> Any:
                    return control_pb2.SetTradingStateRequest(
                        request_id=request_id, target=target, state=state, by="olga"
                    )

                await stub.SetTradingState(say("2", types_pb2.TRADING_STATE_REDUCING))
                halted = await stub.SetTradingState(say("3", types_pb2.TRADING_STATE_HALTED))
                (said,) = halted.accounts[0].trading.settings
                assert said.by == "anna", "whatever it says of itself"
                code, reason, _ = await refused(
                    stub.SetTradingState(say("4", types_pb2.TRADING_STATE_REDUCING))
                )
                assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "OWNERS_NEVER_LIFT")
                await at.local.SetTradingState(say("5", types_pb2.TRADING_STATE_HALTED))
                await stub.SetTradingState(say("6", types_pb2.TRADING_STATE_HALTED))
                again = await stub.GetAccount(control_pb2.GetAccountRequest(account_id="anna"))
                (said,) = again.account.trading.settings
                assert said.by == "olga", "what an operator has said stays theirs"
                del cast("dict[str, Any]", at.supervisor.accounts)["anna"]
                _, reason, words = await refused(
                    stub.GetAccount(control_pb2.GetAccountRequest(account_id="anna"))
                )
                assert (reason, words) == ("ACCOUNT_NOT_FOUND", "it is not in the configuration")

    run(play())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"request_id": ""}, "REQUEST_ID_MISSING"),
        ({"name": ""}, "BAD_NAME"),
        ({"name": "two words"}, "BAD_NAME"),
        ({"role": pb.ACCESS_ROLE_UNSPECIFIED}, "ROLE_MISSING"),
        ({"ttl": None}, "BAD_TTL"),
        ({"ttl": {"seconds": 59}}, "BAD_TTL"),
        ({"ttl": {"seconds": 400 * 10**6}}, "BAD_TTL"),
        ({"ttl": {"seconds": 3 * 10**11}}, "BAD_TTL"),
        ({"role": OWNER}, "ACCOUNT_MISSING"),
        ({"role": OWNER, "account_id": "carl"}, "ACCOUNT_NOT_FOUND"),
        ({"account_id": "anna"}, "ACCOUNT_NOT_MEANT"),
    ],
)
def test_what_cannot_be_granted_is_refused(
    changes: dict[str, Any], reason: str, tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal, listens=False) as at:
            good = {"request_id": "1", "name": "bot", "role": VIEWER, "ttl": DAY}
            request = pb.CreateTokenRequest(**{**good, **changes})
            assert (await refused(at.local.CreateToken(request)))[1] == reason

    run(play())


def test_what_is_not_there_cannot_be_revoked_and_without_a_port_nothing_is_issued(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal, listens=False) as at:
            revoke = at.local.RevokeToken(pb.RevokeTokenRequest(request_id="1", id="none"))
            assert (await refused(revoke))[1] == "TOKEN_NOT_FOUND"
            revoke = at.local.RevokePrincipal(pb.RevokePrincipalRequest(request_id="1", name="none"))
            assert (await refused(revoke))[1] == "PRINCIPAL_NOT_FOUND"
            issue = pb.IssueCertificateRequest(request_id="1", name="x", role=VIEWER, ttl=DAY)
            assert (await refused(at.local.IssueCertificate(issue)))[1] == "NO_OWN_CA"
            # Without a port a token is a way to ask with less than all rights on the Unix socket.
            made = await at.local.CreateToken(
                pb.CreateTokenRequest(request_id="1", name="bot", role=VIEWER, ttl=DAY)
            )
            me = await at.local.WhoAmI(
                pb.WhoAmIRequest(), metadata=[("authorization", f"Bearer {made.token}")]
            )
            assert (me.name, me.role) == ("bot", VIEWER)
            assert (await at.local.WhoAmI(pb.WhoAmIRequest())).role == ADMIN
            assert not at.tls.exists()

    run(play())


def test_a_name_of_the_configuration_is_not_revoked_and_what_else_it_has_is(
    tmp_path: Path, journal: Journal
) -> None:
    desk = PrincipalConfig(name="desk", role=CallerRole.TRADER)

    async def play() -> None:
        async with world(tmp_path, journal, desk, listens=False) as at:
            await at.local.CreateToken(
                pb.CreateTokenRequest(request_id="1", name="desk", role=VIEWER, ttl=DAY)
            )
            for gone in ("; 1 tokens and certificates of that name are refused from now on", ""):
                revoke = at.local.RevokePrincipal(pb.RevokePrincipalRequest(request_id="2", name="desk"))
                code, reason, words = await refused(revoke)
                assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CONFIGURED_PRINCIPAL")
                assert words.endswith(f"taken out there: then `krakencopy reload`{gone}")
            (token,) = (await at.local.ListTokens(pb.ListTokensRequest())).tokens
            assert token.HasField("revoked_at")

    run(play())


def test_a_request_for_a_certificate_that_is_none_is_refused(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as at:
            issue = pb.IssueCertificateRequest(
                request_id="1", name="x", role=VIEWER, ttl=DAY, certificate_request="AAAA"
            )
            code, reason, _ = await refused(at.local.IssueCertificate(issue))
            assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_CERTIFICATE_REQUEST")

    run(play())


def test_a_port_that_somebody_has_is_a_fault_of_the_configuration(tmp_path: Path, journal: Journal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config = replace(small_config("anna"), control=ControlConfig(listen=listen))
        with pytest.raises(ConfigFaults, match="cannot be listened on: Address already in use"):
            ControlServer().open_port(config, None, tmp_path, journal)
