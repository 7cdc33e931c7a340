"""The context that forked processes share trusts only who is to be trusted, is what calls go by, and gives
each of them randomness of its own.
"""

from __future__ import annotations

import base64
import multiprocessing
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import pytest

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.account_proc.kraken.rest import http_connection
from krakencopy.account_proc.kraken.rest.client import KrakenRest
from krakencopy.account_proc.kraken.tls import EXCHANGE_TLS

CERTIFICATE = Path(__file__).parents[2] / "support" / "localhost.pem"
#: TLS: a handshake record's header, the message's type and length, the version; then 32 random bytes.
RANDOM = slice(5 + 4 + 2, 5 + 4 + 2 + 32)


def hello() -> bytes:
    """What a client sends first."""
    sent = ssl.MemoryBIO()
    client = EXCHANGE_TLS.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def test_somebody_who_is_not_trusted_is_not_talked_to() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = EXCHANGE_TLS.wrap_bio(to_client, to_server, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        client.do_handshake()
    assert EXCHANGE_TLS.check_hostname
    assert EXCHANGE_TLS.cert_store_stats()["x509_ca"] > 50


def _tell(to: Connection) -> None:
    to.send_bytes(hello())


def test_forked_processes_do_not_share_randomness() -> None:
    hello()
    fork = multiprocessing.get_context("fork")
    hellos = [hello()]
    for _ in range(2):
        here, there = fork.Pipe()
        process = fork.Process(target=_tell, args=(there,))
        process.start()
        hellos.append(here.recv_bytes())
        process.join()
        here.close()
        there.close()
    assert len({told[RANDOM] for told in hellos}) == 3
    # What is compared is the random part: what comes before is the same in all.
    assert len({told[: RANDOM.start - 6] for told in hellos}) == 1


class _Answers(BaseHTTPRequestHandler):
    """Tells the time, whatever it is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"error":[],"result":{"unixtime":1}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def https() -> Iterator[int]:
    """The port of a server whose certificate is for 127.0.0.1."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


def test_calls_are_made_only_to_whom_the_context_trusts_and_under_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(host: str) -> object:
        credentials = Credentials("key", base64.b64encode(bytes(64)).decode())
        rest = KrakenRest(f"https://{host}:{port}", credentials, _NoNonces())
        try:
            return rest.public("Time")
        finally:
            rest.close()

    with https() as port:
        with pytest.raises(OutcomeUnknown, match="self-signed"):
            ask("127.0.0.1")
        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        monkeypatch.setattr(http_connection, "EXCHANGE_TLS", trusting)
        assert ask("127.0.0.1") == {"unixtime": 1}
        with pytest.raises(OutcomeUnknown, match="Hostname mismatch"):
            ask("localhost")
    # Nobody's roots were read into it besides.
    assert trusting.cert_store_stats()["x509"] == 1


class _NoNonces:
    """For calls that need none."""

    def next(self) -> int:
        raise AssertionError("nothing is signed here")

    def top_up(self) -> None:
        """Nothing to do."""

    def resynchronise(self) -> bool:
        raise AssertionError("nothing is signed here")
