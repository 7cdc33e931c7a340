"""The gateway from its beginning to its end, by its own process where signals are meant: TLS, a certificate
that is read again, watches that end with it, what it does not begin with.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import requests

from krakencopy.client.gateway.options import read_options
from krakencopy.client.gateway.server import Gateway, serve
from krakencopy.client.gateway.upstream import SERVICE
from krakencopy.client.sdk.errors import BadInput, Refused, Unavailable
from tests.client.gateway.test_application import frames, read_stream
from tests.support.front import run
from tests.support.gateway import TOKEN, StandIn, details_of, gateway, post, stand_in, until_answered
from tests.support.system import ROOT

CERTIFICATE = ROOT / "tests" / "support" / "localhost.pem"


def test_it_does_not_begin_where_tokens_are_not_checked(tmp_path: Path) -> None:
    async def play() -> None:
        with pytest.raises(Refused, match="a token that nobody has"):
            async with gateway(tmp_path, StandIn(checks=False)):
                raise AssertionError("it began")

    run(play())


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            again = read_options(served.url.removeprefix("http://"), (), (), None, None)
            with pytest.raises(Unavailable, match=r"cannot listen on http://127\.0\.0\.1:"):
                Gateway(again, "unix:nowhere")

    run(play())


def test_a_certificate_must_be_one(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(BadInput, match="no certificate and its key"):
        Gateway(read_options("127.0.0.1:0", (), (), wrong, wrong), "unix:nowhere")


def test_tls_and_its_certificate_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        pem = tmp_path / "pem"
        pem.write_bytes(CERTIFICATE.read_bytes())
        options = read_options("127.0.0.1:0", (), (), pem, pem)
        async with gateway(tmp_path, options=options) as served:
            assert served.url.startswith("https://127.0.0.1:")
            url = f"{served.url}/{SERVICE.full_name}/GetStatus"
            headers = {"authorization": f"Bearer {TOKEN}"}

            async def asked(context: ssl.SSLContext) -> int:
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(url, json={}, headers=headers, ssl=context) as answer,
                ):
                    return answer.status

            trusted = ssl.create_default_context(cafile=CERTIFICATE)
            assert await asked(trusted) == 200
            pem.write_text("half a certificate")
            served.read_certificate_again()
            assert await asked(trusted) == 200
            pem.write_bytes(CERTIFICATE.read_bytes())
            served.read_certificate_again()
            assert await asked(trusted) == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await asked(ssl.create_default_context())
            old = ssl.create_default_context(cafile=CERTIFICATE)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises(aiohttp.ClientError):
                await asked(old)

    with caplog.at_level("INFO"):
        run(play())
    assert "the certificate stays as it was" in caplog.text
    assert "the certificate was read again" in caplog.text


def test_without_a_certificate_there_is_none_to_read_again(tmp_path: Path) -> None:
    async def play() -> None:
        async with gateway(tmp_path) as served:
            served.read_certificate_again()
            assert (await post(served, "GetStatus")).ok

    run(play())


def test_signals_end_it(tmp_path: Path) -> None:
    async def play() -> None:
        options = read_options("127.0.0.1:0", (), (), None, None)
        async with stand_in(tmp_path / "s", StandIn()) as target:
            for number in (signal.SIGTERM, signal.SIGINT):
                await serve(options, target, lambda _, number=number: os.kill(os.getpid(), number))  # type: ignore[misc]

    run(play())


def test_its_process_ends_in_order_and_its_watches_say_why(tmp_path: Path) -> None:
    async def play() -> None:
        servicer = StandIn()
        async with stand_in(tmp_path / "s", servicer) as target:
            words = ["gateway", "--endpoint", target, "--listen", "127.0.0.1:0"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "krakencopy.client.cli.main", *words,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'protos'}{os.pathsep}{ROOT}"},
            )  # fmt: skip
            assert process.stdout
            assert process.stderr
            line = (await process.stdout.readline()).decode()
            assert line.startswith(f"serves {target} at http://127.0.0.1:")
            url = line.split()[-1]
            assert (await post(url, "GetStatus")).ok

            class At:
                pass

            At.url = url  # type: ignore[attr-defined]  # all that is asked of a gateway
            stream = read_stream(At, "application/connect+json", b"{}")  # type: ignore[arg-type]
            for _ in range(3):
                await anext(stream)
            process.send_signal(signal.SIGTERM)
            ((flags, end),) = [each async for each in stream]
            assert flags == 2
            assert details_of(json.loads(end)["error"])[0].reason == "GATEWAY_ENDS"
            errors = (await process.stderr.read()).decode()
            assert await process.wait() == 0
        assert TOKEN not in errors
        assert [json.loads(each)["message"].split(" in ")[0] for each in errors.splitlines()] == [
            "GetStatus: ok", "WatchFills: unavailable",
        ]  # fmt: skip

    run(play())


def test_it_begins_before_its_supervisor(tmp_path: Path) -> None:
    async def play() -> None:
        found = Gateway(read_options("127.0.0.1:0", (), (), None, None), f"unix:{tmp_path / 's'}")
        listens = asyncio.Event()
        task = asyncio.create_task(found.run(lambda _: listens.set()))
        await listens.wait()
        answer = await post(found, "GetStatus")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        health = await asyncio.to_thread(requests.get, f"{found.url}/healthz", timeout=30)
        assert (health.status_code, health.text) == (503, "NOT_SERVING\n")
        async with stand_in(tmp_path / "s", StandIn()):
            await until_answered(found)
        found.end()
        await task

    run(play())


def test_frames_are_read_to_the_last_byte() -> None:
    assert list(frames(b"\x00\x00\x00\x00\x01a\x02\x00\x00\x00\x00")) == [(0, b"a"), (2, b"")]
