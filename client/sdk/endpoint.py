"""Where the supervisor listens: the spelling of endpoints, and which one is meant when several, or none, are
given.

An endpoint is a Unix socket, or a port by TLS. Imports no gRPC. Only where nothing is given are the sockets
of the default state folders tried.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from krakencopy.client.sdk.errors import BadInput

#: Linux: sun_path holds 108 bytes, the last one is the terminating zero.
_SOCKET_PATH_BYTES_MAX = 107

ENDPOINT_VARIABLE = "KRAKENCOPY_ENDPOINT"
#: How one is known there (client/sdk/access.py).
CA_VARIABLE = "KRAKENCOPY_CA"
CERTIFICATE_VARIABLE = "KRAKENCOPY_CERTIFICATE"
KEY_VARIABLE = "KRAKENCOPY_KEY"
TOKEN_VARIABLE = "KRAKENCOPY_TOKEN"  # noqa: S105 - the variable's name
#: Where krakencopyd keeps the state of a live run, and of a paper run as `make run` starts it.
DEFAULT_STATE_DIRS = ("data", "data-paper")


#: What a remote one is written with; both mean TLS.
_REMOTE = ("https://", "dns:")
#: A name or an address of IPv4, or one of IPv6 in brackets, and a port.
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253})):([0-9]{1,5})/?", re.ASCII)
_WRITE = "write unix:/path/control.sock, or https://host:port for one by TLS"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint. ``target`` is what gRPC dials."""

    target: str
    #: None for one by TLS.
    socket_path: Path | None

    @property
    def is_remote(self) -> bool:
        """Whether it is a port, by TLS."""
        return self.socket_path is None

    def __str__(self) -> str:
        return self.target if self.socket_path is not None else f"https://{self.target.removeprefix('dns:')}"


def parse_endpoint(text: str) -> Endpoint:
    """Read ``unix:/path/control.sock``, or one with a relative path, or ``https://host:port`` (or
    ``dns:host:port``), which is TLS always. Raises BadInput for anything else.
    """
    for scheme in _REMOTE:
        if text.startswith(scheme):
            return _remote_endpoint(text, text.removeprefix(scheme))
    if text.startswith("http://"):
        raise BadInput(f"{text!r} would be plain text, which is not served; write https://host:port")
    if not text.startswith("unix:"):
        raise BadInput(f"{text!r} is no endpoint; {_WRITE}")
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


def _remote_endpoint(text: str, authority: str) -> Endpoint:
    found = _AUTHORITY.fullmatch(authority.removeprefix("///"))
    if found is None or not 0 < int(found[3]) < 2**16:
        raise BadInput(f"{text!r} names no host with a port; write https://host:port, e.g. https://box:7443")
    host = found[2]
    if found[1]:
        from ipaddress import IPv6Address  # no other endpoint needs it

        try:
            host = f"[{IPv6Address(found[1])}]"
        except ValueError:
            raise BadInput(f"{text!r}: {found[1]} is no address of IPv6") from None
    return Endpoint(f"dns:{host}:{int(found[3])}", None)


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
