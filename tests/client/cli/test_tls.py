"""TCP endpoints: always TLS, checked against the given root; the token comes from a file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from krakencopy.client.cli.main import main
from krakencopy.v1.control_pb2_grpc import add_ControlServiceServicer_to_server
from tests.support.scripted_supervisor import Scripted

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="makes its certificate with the openssl command")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that signs itself; its key lies beside it."""
    path = tmp_path / "tls.crt"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run([OPENSSL or "", "req", "-x509", *kind, *subject, *files], check=True, capture_output=True)
    return path


@pytest.fixture
def tls_endpoint(supervisor: Scripted, certificate: Path) -> Iterator[str]:
    pair = (certificate.with_suffix(".key").read_bytes(), certificate.read_bytes())
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        add_ControlServiceServicer_to_server(supervisor, server)  # type: ignore[arg-type]  # its methods are made there
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        server.start()
        yield f"localhost:{port}"
        server.stop(0).wait()


def test_host_and_port_work_with_the_right_root_and_the_token_from_its_file(
    tls_endpoint: str,
    certificate: Path,
    supervisor: Scripted,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    token = tmp_path / "token"
    token.write_text("t0k3n\n")
    line = ["status", "--endpoint", tls_endpoint, "--ca-file", str(certificate), "--token-file", str(token)]
    assert main(line) == 0
    assert "NOT READY" in capsys.readouterr().out
    assert supervisor.metadata[0]["authorization"] == "Bearer t0k3n"


def test_a_server_that_the_root_does_not_vouch_for_gets_no_call(
    tls_endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--endpoint", tls_endpoint]) == 2
    assert "no supervisor answers" in capsys.readouterr().err
    assert supervisor.asked == []


def test_a_server_without_tls_gets_no_call(supervisor: Scripted, certificate: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        add_ControlServiceServicer_to_server(supervisor, server)  # type: ignore[arg-type]  # its methods are made there
        port = server.add_insecure_port("localhost:0")
        server.start()
        assert main(["status", "--endpoint", f"localhost:{port}", "--ca-file", str(certificate)]) == 2
        server.stop(0).wait()
    assert supervisor.asked == []
