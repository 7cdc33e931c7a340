"""The floor's processes: forked, connected and warm, each waits on a socket pair for a byte and sends one
signed order.

``python -m tests.bench.bare`` reads ``{host, port, rounds, volume, keys: [[key, secret]]}`` from standard
input and writes ``[began_ns, ...]``: when it was about to write the first byte of each round, by the
monotonic clock. It imports nothing but the standard library, as there is nothing below this that still has a
process for each key.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
import json
import os
import random
import socket
import sys
import time
from typing import Any

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nAPI-Key: {key}\r\nAPI-Sign: {sign}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
)
ANSWER_BYTES = 65536
#: Between two rounds, in seconds: about what krakencopy is given, and drawn, so that no clock of the exchange
#: beats along.
PAUSE_S = (0.05, 0.1)


class Trader:
    """One key and one warm connection."""

    def __init__(self, host: str, port: int, key: str, secret: str) -> None:
        self._connection = socket.create_connection((host, port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host, self._key, self._secret = host, key, base64.b64decode(secret)

    def call(self, method: str, fields: str = "") -> bytes:
        """One signed call; the whole answer."""
        path, nonce = f"/0/private/{method}", str(time.time_ns() // 1000)
        body = f"nonce={nonce}{fields}".encode()
        message = path.encode() + hashlib.sha256(nonce.encode() + body).digest()
        sign = base64.b64encode(hmac.digest(self._secret, message, "sha512")).decode()
        head = HEAD.format(path=path, host=self._host, key=self._key, sign=sign, length=len(body))
        self._connection.sendall(head.encode() + body)
        return self._answer()

    def _answer(self) -> bytes:
        whole = b""
        while True:
            chunk = self._connection.recv(ANSWER_BYTES)
            assert chunk, "the exchange closed the connection"
            whole += chunk
            head, found, body = whole.partition(b"\r\n\r\n")
            if found and len(body) >= int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
                return body


def serve(change_signal: socket.socket, trader: Trader, volume: str) -> None:
    """In a process of its own: an order for each byte, in and out alternately, until the other side is
    gone.
    """
    assert b'"error":[]' in trader.call("Balance").replace(b" ", b"")
    change_signal.send(b".")
    sides = [f"&pair=XBTUSD&type={side}&ordertype=market&volume={volume}" for side in ("buy", "sell")]
    while change_signal.recv(1):
        answer = trader.call("AddOrder", sides[0])
        sides.reverse()
        change_signal.send(b"." if b'"error":[]' in answer.replace(b" ", b"") else b"!")


def fork(given: dict[str, Any]) -> list[socket.socket]:
    """A process for each key; our ends of the socket pairs."""
    bells: list[socket.socket] = []
    for key, secret in given["keys"]:
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            # Held open here, these would keep the others waiting after their parent's end.
            for change_signal in (*bells, ours):
                change_signal.close()
            try:
                serve(theirs, Trader(given["host"], given["port"], key, secret), given["volume"])
            finally:
                os._exit(0)
        theirs.close()
        bells.append(ours)
    return bells


def read_bells(bells: list[socket.socket]) -> None:
    """Waits until everyone has signalled that its call was answered and taken."""
    signals = {change_signal.recv(1) for change_signal in bells}
    assert signals == {b"."}, "a process of the floor has ended, or its order was refused"


def main() -> None:
    given = json.load(sys.stdin)
    gc.collect()
    gc.freeze()
    bells = fork(given)
    read_bells(bells)
    began: list[int] = []
    for _ in range(given["rounds"]):
        time.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret depends on it
        began.append(time.monotonic_ns())
        for change_signal in bells:
            change_signal.send(b".")
        read_bells(bells)
    json.dump(began, sys.stdout)
    sys.stdout.flush()
    for change_signal in bells:
        change_signal.close()
    for _ in bells:
        os.wait()


if __name__ == "__main__":
    main()
