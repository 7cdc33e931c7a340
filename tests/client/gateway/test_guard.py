"""Under which name the gateway is called, and whose page calls: with real sockets, as a browser asks."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from krakencopy.client.gateway.options import read_options
from krakencopy.client.gateway.upstream import SERVICE
from tests.support.front import run
from tests.support.gateway import TOKEN, StandIn, gateway

PANEL = "https://panel.example"
PATH = f"/{SERVICE.full_name}/GetStatus"


async def ask(
    url: str, verb: str, headers: Mapping[str, str], path: str = PATH
) -> tuple[int, Mapping[str, str]]:
    """Status and headers. ``Host`` as given."""

    def answered() -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.putrequest(verb, path, skip_host=True, skip_accept_encoding=True)
        given = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}", **headers}
        for name, value in given.items():
            connection.putheader(name, *value.split(";;"))
        connection.putheader("content-length", "2")
        connection.endheaders(b"{}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}

    return await asyncio.to_thread(answered)


def played(folder: Path, play: Any, *, origins: tuple[str, ...] = (), hosts: tuple[str, ...] = ()) -> StandIn:
    servicer = StandIn()

    async def whole() -> None:
        options = read_options("127.0.0.1:0", hosts, origins, None, None)
        async with gateway(folder, servicer, options) as served:
            await play(served.url)

    run(whole())
    return servicer


def test_a_name_of_somebody_elses_that_leads_here_is_refused(tmp_path: Path) -> None:
    async def play(url: str) -> None:
        for host in ("evil.example", "evil.example:8443", "127.0.0.1.evil.example", "localhost.", "[::2]"):
            assert (await ask(url, "POST", {"host": host}))[0] == 421, host
        assert (await ask(url, "POST", {}))[0] == 400
        assert (await ask(url, "POST", {"host": "a b"}))[0] == 400
        assert (await ask(url, "GET", {"host": "evil.example"}, "/healthz"))[0] == 421
        for host in ("127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8443", "api.example"):
            assert (await ask(url, "POST", {"host": host}))[0] == 200, host

    assert len(played(tmp_path, play, hosts=("api.example",)).seen) == 5


def test_pages_of_no_origin_may_call_by_default(tmp_path: Path) -> None:
    async def play(url: str) -> None:
        for verb in ("OPTIONS", "POST"):
            asked = {"host": "localhost", "origin": PANEL, "access-control-request-method": "POST"}
            status, headers = await ask(url, verb, asked)
            assert status == 403
            assert not [name for name in headers if name.startswith("access-control")]

    assert played(tmp_path, play).seen == []


def test_pages_of_an_origin_that_was_allowed_may_call_and_no_others(tmp_path: Path) -> None:
    async def play(url: str) -> None:
        status, headers = await ask(
            url, "OPTIONS", {"host": "localhost", "origin": PANEL, "access-control-request-method": "POST"}
        )
        assert status == 204
        assert headers["access-control-allow-origin"] == PANEL
        assert headers["access-control-allow-methods"] == "POST"
        allowed = headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "content-type", "connect-protocol-version", "x-grpc-web"} <= set(allowed)
        assert headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in headers
        status, headers = await ask(url, "POST", {"host": "localhost", "origin": PANEL})
        assert (status, headers["access-control-allow-origin"]) == (200, PANEL)
        assert "grpc-status" in headers["access-control-expose-headers"]
        for other in (
            "https://panel.example.evil",
            "http://panel.example",
            "https://panel.example:1",
            "null",
        ):
            status, headers = await ask(url, "POST", {"host": "localhost", "origin": other})
            assert (status, "access-control-allow-origin" in headers) == (403, False), other

    assert len(played(tmp_path, play, origins=(PANEL,)).seen) == 1


def test_health_is_asked_without_a_token(tmp_path: Path) -> None:
    async def play(url: str) -> None:
        status, headers = await ask(url, "GET", {"host": "localhost", "authorization": ""}, "/healthz")
        assert (status, headers["x-content-type-options"]) == (200, "nosniff")
        assert (await ask(url, "POST", {"host": "localhost"}, "/healthz"))[0] == 404

    assert played(tmp_path, play).seen == []


def test_a_web_socket_is_refused() -> None:
    from krakencopy.client.gateway.guard import Guard

    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    async def whole() -> None:
        guard = Guard(nothing, read_options("127.0.0.1:0", (), (), None, None), nothing)
        await guard({"type": "websocket"}, nothing, keep)

    run(whole())
    assert sent == [{"type": "websocket.close", "code": 1003}]
