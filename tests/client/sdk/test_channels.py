"""A connection by TLS: whom it trusts, what it shows, and the words when one of the two is refused."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from krakencopy.client import KrakenCopy, NotConnected
from krakencopy.client.sdk.access import Access
from krakencopy.v1 import control_pb2 as pb
from tests.support.certificates import Authority, Pair
from tests.support.scripted_supervisor import Scripted, serve

PAST = timedelta(hours=-1)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("foreign"), "another CA")


@contextmanager
def tls_server(ca: Authority, own: Pair) -> Iterator[str]:
    """Ends TLS 1.3 as the front does, and then the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(own.certificate, own.key)
    context.load_verify_locations(ca.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["h2"])
    with _answering(lambda connected: _end_tls(context, connected)) as endpoint:
        yield endpoint


def _end_tls(context: ssl.SSLContext, connected: socket.socket) -> None:
    try:
        with context.wrap_socket(connected, server_side=True) as secured:
            secured.recv(1)
    except (ssl.SSLError, OSError):
        connected.close()


@contextmanager
def _answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    def run() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            with connected:
                answer(connected)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def words_of(endpoint: str, access: Access) -> str:
    """With which words a call is refused before it has left."""
    with KrakenCopy(endpoint, timeout_s=20, access=access) as client, pytest.raises(NotConnected) as raised:
        client.get_status()
    return str(raised.value)


def test_certificate_and_token_arrive_with_every_call_and_stream(ca: Authority) -> None:
    supervisor = Scripted()
    seen: list[tuple[str | bytes, str | bytes]] = []

    def answer(_request: object, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        header = dict(context.invocation_metadata())["authorization"]
        seen.append((header, context.auth_context()["x509_common_name"][0]))  # type: ignore[arg-type]  # bytes, whatever the stubs say
        return pb.GetStatusResponse()

    def stream(_request: object, context: grpc.ServicerContext) -> Iterator[pb.WatchFillsResponse]:
        seen.append((dict(context.invocation_metadata())["authorization"], b""))
        yield pb.WatchFillsResponse()

    supervisor.on |= {"GetStatus": answer, "WatchFills": stream}
    own, client = ca.issue("box", "127.0.0.1"), ca.issue("olga", client=True)
    credentials = grpc.ssl_server_credentials(
        [(own.key.read_bytes(), own.certificate.read_bytes())], ca.ca.read_bytes(), require_client_auth=True
    )
    with serve(supervisor, None, credentials) as address:
        access = Access(ca.ca, client.certificate, client.key, "kct_1_x")
        with KrakenCopy(address, access=access) as sdk:
            next(iter(sdk.watch_fills()))
    assert seen == [("Bearer kct_1_x", b"olga"), ("Bearer kct_1_x", b"")]


def test_a_token_goes_over_a_unix_socket_as_well(tmp_path: Path) -> None:
    supervisor, seen = Scripted(), []

    def answer(_request: object, context: grpc.ServicerContext) -> pb.GetStatusResponse:
        seen.append(dict(context.invocation_metadata())["authorization"])
        return pb.GetStatusResponse()

    supervisor.on["GetStatus"] = answer
    with serve(supervisor, tmp_path / "s") as address, KrakenCopy(address, access=Access(token="t")) as sdk:
        sdk.get_status()
    assert seen == ["Bearer t"]


def test_each_fault_of_a_certificate_says_what_to_do(ca: Authority, foreign: Authority) -> None:
    with tls_server(ca, ca.issue("box", "127.0.0.1")) as endpoint:
        assert "is from another CA than this client's" in words_of(endpoint, Access(foreign.ca))
        assert "is from another CA than this client's" in words_of(endpoint, Access())
        same_name = Authority(foreign.ca.parent / "same")
        assert "is from another CA than this client's" in words_of(endpoint, Access(same_name.ca))
        for mine in (foreign.issue("olga", client=True), ca.issue("olga", client=True, ends_in=PAST)):
            words = words_of(endpoint, Access(ca.ca, mine.certificate, mine.key))
            assert "refused this client's certificate: it has expired, or is from a CA" in words
        stranger = foreign.issue("olga", client=True)
        words = words_of(endpoint, Access(ca.ca, mine.certificate, stranger.key))
        assert "certificate and key are in PEM and belong together" in words
    with tls_server(ca, ca.issue("box", "127.0.0.1", ends_in=PAST)) as endpoint:
        assert "has expired: it renews its own" in words_of(endpoint, Access(ca.ca))
    with tls_server(ca, ca.issue("box", "box.example.org")) as endpoint:
        assert "is no name in its certificate: dial a name" in words_of(endpoint, Access(ca.ca))


def test_who_speaks_no_tls_and_who_is_not_there_are_named(ca: Authority) -> None:
    def answer(connected: socket.socket) -> None:
        connected.recv(100)
        connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with _answering(answer) as endpoint:
        assert "speaks no TLS: see [control] listen" in words_of(endpoint, Access(ca.ca))
    words = words_of(endpoint, Access(ca.ca))
    assert words.startswith(
        f"no supervisor answers at {endpoint} (Connection refused); is krakencopyd running"
    )
    assert "no supervisor answers at https://nowhere.invalid:1" in words_of(
        "https://nowhere.invalid:1", Access()
    )
