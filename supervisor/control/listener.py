"""Who listens on the control socket: whether one is alive, so that nobody takes it away, and new ones."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

#: Clients that have connected and are not served yet.
BACKLOG = 128

#: struct ucred (unix(7), SO_PEERCRED): pid, uid, gid.
_CREDENTIALS = struct.Struct("3i")
#: A supervisor that is stopped, or has many clients, does not take a connection at once; in seconds.
CONNECT_S = 1.0


def listener_of(path: Path) -> int | None:
    """The process that listens on the socket; None where nobody does, or nothing is there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(CONNECT_S)
        try:
            client.connect(str(path))
        except OSError:
            return None
        pid, _, _ = _CREDENTIALS.unpack(
            client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
    # What is served for a supervisor that was killed ends with it, and may need a moment.
    return int(pid) if Path(f"/proc/{pid}").exists() else None


def listener_at(path: Path) -> socket.socket:
    """A new socket there. Raises OSError."""
    # The state folder's lock is held, so whatever lies here was left by a dead supervisor
    # (listener_of in daemon.py has asked it).
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - as pathlib's, which is looked upon as slow
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def port_listener_at(address: str, port: int) -> socket.socket:
    """A new socket on a port. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A supervisor that starts again need not wait for connections of the one before.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made
