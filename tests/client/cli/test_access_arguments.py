"""A command goes to another machine by its own words, before or after its name, or by the environment's."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from krakencopy.client.cli.arguments import parse
from krakencopy.client.cli.run import dial, run
from krakencopy.client.sdk.errors import BadInput
from tests.support.certificates import Authority
from tests.support.scripted_supervisor import Scripted, serve


def test_its_words_may_stand_before_or_after_the_command() -> None:
    words = ["--ca", "ca", "--certificate", "c", "--key", "k", "--token-file", "t"]
    for argv in ([*words, "status"], ["status", *words]):
        found = parse(argv)
        assert (found.ca, found.certificate, found.key, found.token_file) == tuple(
            map(Path, ("ca", "c", "k", "t"))
        )
    assert parse(["status"]).ca is None


def test_a_command_reaches_a_supervisor_by_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = Authority(tmp_path / "ca")
    own, mine, supervisor = ca.issue("box", "127.0.0.1"), ca.issue("olga", client=True), Scripted()
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.certificate.read_bytes())], ca.ca.read_bytes(), require_client_auth=True
    )
    with serve(supervisor, None, credentials) as endpoint:
        shown = ["--certificate", str(mine.certificate), "--key", str(mine.key)]
        assert run(["fills", "--endpoint", endpoint, "--ca", str(ca.ca), *shown], dial) == 0
        monkeypatch.setenv("KRAKENCOPY_ENDPOINT", endpoint)
        monkeypatch.setenv("KRAKENCOPY_CA", str(ca.ca))
        monkeypatch.setenv("KRAKENCOPY_CERTIFICATE", str(mine.certificate))
        monkeypatch.setenv("KRAKENCOPY_KEY", str(mine.key))
        assert run(["fills"], dial) == 0
        assert len(supervisor.asked) == 2
        monkeypatch.setenv("KRAKENCOPY_CA", str(mine.key) + ".gone")
        assert run(["fills"], dial) == 3
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_certificates_for_a_unix_socket_are_bad_input() -> None:
    with pytest.raises(BadInput, match="is a Unix socket, which has no certificates"):
        dial(parse(["status", "--endpoint", "unix:x", "--ca", "ca"]))
