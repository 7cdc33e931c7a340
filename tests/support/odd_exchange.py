"""A server that answers as a test wants it: cut off, late, in HTML, or not at all. And a real paper exchange
in its own process.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests

from krakencopy.account_proc.contract.spec import Tier
from krakencopy.account_proc.kraken.rest.rate_limits import AccountLimits, DecayingCounter

#: Base64, as Kraken's secrets are.
SECRET = "a3Jha2VuY29weS1wYXBlci1zZWNyZXQ="

#: Room in every counter, and full ones empty at once.
ROOM = 1e9

RESET = b"\0reset"
HANG = b"\0hang"
#: Before an answer: it comes byte by byte, for ever if need be.
TRICKLE = b"\0trickle"
#: Between two of its bytes.
TRICKLE_S = 0.05


def answer(result: Any = None, *errors: str, status: str = "200 OK", body: bytes | None = None) -> bytes:
    """A whole HTTP answer with Kraken's envelope."""
    if body is None:
        envelope = {"error": list(errors)} | ({} if errors else {"result": result})
        body = json.dumps(envelope).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def redirect(status: int, url: str) -> bytes:
    """An answer that sends the client to another address."""
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


def roomy_limits() -> AccountLimits:
    """Limits that keep no test waiting."""
    limits = AccountLimits(Tier.PRO)
    limits.rest = DecayingCounter(ROOM, ROOM * 1_000)
    return limits


@dataclass
class Asked:
    connection: int
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass
class OddExchange:
    """``answers`` are given in turn, then ``{}`` for ever."""

    answers: list[bytes] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    #: Set to let answers that hang go on.
    released: threading.Event = field(default_factory=threading.Event)
    #: Set when a request has been read whole.
    heard: threading.Event = field(default_factory=threading.Event)
    #: Set when a connection has been closed from this side.
    hung_up: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        for number in range(1_000):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(connection, number), daemon=True).start()

    def _serve_one(self, connection: socket.socket, number: int) -> None:
        self._converse(connection, number)
        self.hung_up.set()

    def _converse(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while (asked := _read_request(stream, number)) is not None:
                self.asked.append(asked)
                self.heard.set()
                reply = self.answers.pop(0) if self.answers else answer({})
                if reply.startswith(HANG):
                    self.released.wait(30)
                    reply = reply.removeprefix(HANG)
                if reply.startswith(TRICKLE):
                    self._trickle(connection, reply.removeprefix(TRICKLE))
                    return
                if reply == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(reply.removesuffix(RESET))
                if reply.endswith(RESET):
                    return

    def _trickle(self, connection: socket.socket, reply: bytes) -> None:
        """Its last byte again and again, until the other side has gone."""
        for place in itertools.count():
            connection.sendall(reply[place : place + 1] or reply[-1:])
            if self.released.wait(TRICKLE_S):
                return


def _read_request(stream: Any, number: int) -> Asked | None:
    first = stream.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(number, first[1], headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def odd_exchange(*answers: bytes) -> Iterator[OddExchange]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        exchange = OddExchange(list(answers), url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        serving = threading.Thread(target=exchange.serve, args=(listener,), daemon=True)
        serving.start()
        try:
            yield exchange
        finally:
            exchange.released.set()
            listener.shutdown(socket.SHUT_RDWR)
            serving.join(10)


@dataclass
class Paper:
    """A running paper exchange."""

    rest_url: str
    ws_url: str
    process: subprocess.Popen[str]

    def control(self, verb: str, path: str, body: object = None) -> Any:
        reply = requests.request(verb, f"{self.rest_url}/paper/v1/{path}", json=body, timeout=10)
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    def account(self, name: str, balances: dict[str, str], **key: object) -> None:
        """An account with one key: its name, and SECRET."""
        keys = [{"key": name, "secret": SECRET, **key}]
        self.control("POST", "accounts", {"id": name, "tier": "pro", "balances": balances, "keys": keys})


@contextmanager
def paper_exchange(*arguments: str) -> Iterator[Paper]:
    with ExitStack() as stack:
        # The exchange ends when this process does, whatever happens to it.
        lifeline, held = os.pipe()
        stack.callback(os.close, held)
        process = stack.enter_context(
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "krakencopy.paper_exchange",
                    "--port",
                    "0",
                    "--lifeline-fd",
                    str(lifeline),
                    *arguments,
                ],
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=(lifeline,),
                cwd=Path(__file__).parents[2],
            )
        )
        os.close(lifeline)
        stack.callback(process.kill)
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        yield Paper(urls["rest_url"], urls["ws_url"], process)
