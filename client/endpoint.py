"""Where the supervisor listens: the spelling of endpoints, and which one is meant when several are given.

Pure: looks at no file, opens no connection, imports no gRPC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from client.errors import BadInput

#: Linux: sun_path holds 108 bytes, the last one is the terminating zero.
_SOCKET_PATH_BYTES_MAX = 107
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")

ENDPOINT_VARIABLE = "KRAKENCOPY_ENDPOINT"
DEFAULT_STATE_DIR = "data"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint. ``target`` is what gRPC dials."""

    target: str
    #: For Unix sockets: where the socket is.
    socket_path: Path | None

    def __str__(self) -> str:
        return self.target


def parse_endpoint(text: str) -> Endpoint:
    """Read ``unix:/path/control.sock`` (or a relative path) or ``host:port``. Raises BadInput for anything else."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if path.startswith("//"):  # unix:///absolute, the URL's spelling
            path = "/" + path.lstrip("/")
        return _unix_endpoint(path)
    match = _HOST_PORT.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= 65535:
        raise BadInput(f"{text!r} is no endpoint; write unix:/path/control.sock or host:port")
    return Endpoint(text, None)


def _unix_endpoint(path: str) -> Endpoint:
    if not path:
        raise BadInput("the endpoint 'unix:' names no path; write unix:/path/control.sock")
    if len(path.encode()) > _SOCKET_PATH_BYTES_MAX:
        raise BadInput(
            f"the socket's path {path} is longer than {_SOCKET_PATH_BYTES_MAX} bytes, which Linux does not allow; "
            "use a shorter or a relative one"
        )
    return Endpoint(f"unix:{path}", Path(path))


def choose_endpoint(endpoint: str | None, from_environment: str | None, state_dir: str | None) -> Endpoint:
    """Which endpoint is meant: the given one, the environment's, the state folder's. Raises BadInput."""
    if endpoint:
        return parse_endpoint(endpoint)
    if from_environment:
        return parse_endpoint(from_environment)
    return _unix_endpoint(str(Path(state_dir or DEFAULT_STATE_DIR) / "run" / "control.sock"))
