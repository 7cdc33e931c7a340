"""A line between a client and a supervisor that a test cuts: a proxy from one Unix socket to another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Line:
    """Carries bytes both ways between ``path`` and ``to``."""

    def __init__(self, path: Path, to: Path) -> None:
        self._to = to
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Ends all connections; new ones are carried."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._to))
            except OSError:  # nobody there
                client.close()
                server.close()
                continue
            with self._lock:
                self._pairs.append((client, server))
            both = [
                threading.Thread(target=_carry, args=(client, server), daemon=True),
                threading.Thread(target=_carry, args=(server, client), daemon=True),
            ]
            for thread in both:
                thread.start()
            closer = threading.Thread(target=_close, args=(both, client, server), daemon=True)
            closer.start()
            self._threads.append(closer)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65_536):
            sink.sendall(part)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _close(both: list[threading.Thread], *ends: socket.socket) -> None:
    for thread in both:
        thread.join()
    for end in ends:
        end.close()


@contextmanager
def line(path: Path, to: Path) -> Iterator[Line]:
    """A line for the time of a test."""
    found = Line(path, to)
    try:
        yield found
    finally:
        found.close()
