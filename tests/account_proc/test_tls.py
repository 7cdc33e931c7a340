"""The context that forked processes share trusts only who is to be trusted, and gives each of them randomness of its own."""

from __future__ import annotations

import multiprocessing
import ssl
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from account_proc.tls import EXCHANGE_TLS

CERTIFICATE = Path(__file__).with_name("localhost.pem")
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
