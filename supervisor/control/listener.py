"""Who listens on a Unix socket: whether it is alive, so that nobody takes it away."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

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
