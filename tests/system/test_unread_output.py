"""Standard output and standard error that nobody reads stop nothing: all copying goes on, the control API
answers, and SIGTERM ends the run.
"""

from __future__ import annotations

import os
import pty
import socket
from collections.abc import Iterator

import pytest

from tests.support.system import Paper, System

#: What makes gRPC's core complain on standard error: the beginning of HTTP/2, and then no frame of it.
MALFORMED = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64
MALFORMED_CLIENTS = 50


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """A pipe that takes not one byte more."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    try:
        while True:
            os.write(writes, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writes, True)
    yield writes
    os.close(writes)
    os.close(reads)


@pytest.fixture
def stopped_terminal() -> Iterator[int]:
    ours, theirs = pty.openpty()
    os.write(ours, b"\x13")  # Ctrl-S
    yield theirs
    os.close(theirs)
    os.close(ours)


def send_malformed_frames(system: System) -> None:
    for _ in range(MALFORMED_CLIENTS):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(system.endpoint.removeprefix("unix:"))
            client.sendall(MALFORMED)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):  # until it hangs up
                pass


@pytest.mark.parametrize("unread", ["full_pipe", "stopped_terminal"])
def test_output_that_nobody_reads_stops_nothing(
    paper: Paper, unread: str, request: pytest.FixtureRequest
) -> None:
    output: int = request.getfixturevalue(unread)
    users = {"anna": "1000", "ben": "500"}
    with System(paper, users, stdout=output, stderr=output, arguments=()) as system:
        system.start().wait_ready()
        send_malformed_frames(system)
        for count in range(1, 6):
            system.buy("BTC/USD", "0.001")
            system.settled(count)
        assert {account.copies.filled for account in system.settled(5).accounts} == {5}
        assert system.status().ready
        system.stop()
