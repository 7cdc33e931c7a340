"""Where the supervisor listens: the spelling of endpoints, and which one is meant when several, or none, are
given.

Imports no gRPC. Only where nothing is given are the sockets of the default state folders tried.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from krakencopy.client.sdk.errors import BadInput

#: Linux: sun_path holds 108 bytes, the last one is the terminating zero.
_SOCKET_PATH_BYTES_MAX = 107

ENDPOINT_VARIABLE = "KRAKENCOPY_ENDPOINT"
#: Where krakencopyd keeps the state of a live run, and of a paper run as `make run` starts it.
DEFAULT_STATE_DIRS = ("data", "data-paper")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint. ``target`` is what gRPC dials."""

    target: str
    socket_path: Path

    def __str__(self) -> str:
        return self.target


def parse_endpoint(text: str) -> Endpoint:
    """Read ``unix:/path/control.sock``, or one with a relative path. Raises BadInput for anything else."""
    if not text.startswith("unix:"):
        raise BadInput(f"{text!r} is no endpoint; write unix:/path/control.sock (no port is served)")
    path = text.removeprefix("unix:")
    if path.startswith("//"):  # unix:///absolute, the URL's spelling
        path = "/" + path.lstrip("/")
    return _unix_endpoint(path)


def _unix_endpoint(path: str) -> Endpoint:
    if not path:
        raise BadInput("the endpoint 'unix:' names no path; write unix:/path/control.sock")
    if not path.isprintable():
        raise BadInput(f"the socket's path {path!a} has characters that cannot be shown")
    if len(path.encode()) > _SOCKET_PATH_BYTES_MAX:
        raise BadInput(
            f"the socket's path {path} is longer than {_SOCKET_PATH_BYTES_MAX} bytes, which Linux does not "
            "allow; "
            "use a shorter or a relative one"
        )
    return Endpoint(f"unix:{path}", Path(path))


def choose_endpoint(endpoint: str | None, from_environment: str | None, state_dir: str | None) -> Endpoint:
    """Which endpoint is meant: the given one, the environment's, the state folder's; without any, that of the
    one supervisor that listens in a default folder. Raises BadInput, also where two do: nobody must order
    with real money by accident.
    """
    if endpoint:
        return parse_endpoint(endpoint)
    if from_environment:
        return parse_endpoint(from_environment)
    if state_dir:
        return _endpoint_in(state_dir)
    listening = [folder for folder in DEFAULT_STATE_DIRS if _listens(_socket_in(folder))]
    if len(listening) > 1:
        choice = " or ".join(f"--state-dir {folder}" for folder in listening)
        raise BadInput(f"two supervisors run here, a live and a paper one; say which one is meant: {choice}")
    return _endpoint_in(listening[0] if listening else DEFAULT_STATE_DIRS[0])


def _endpoint_in(state_dir: str) -> Endpoint:
    return _unix_endpoint(str(_socket_in(state_dir)))


def _socket_in(state_dir: str) -> Path:
    return Path(state_dir) / "run" / "control.sock"


def _listens(path: Path) -> bool:
    """Whether somebody listens there: a supervisor that was killed leaves its socket behind."""
    with socket.socket(socket.AF_UNIX) as tried:
        tried.setblocking(False)  # one that is too busy to take the connection listens as well
        try:
            tried.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True
