"""Where the gateway listens, to whom, and by which certificate: words of the command line, checked. Imports
nothing of the web.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from krakencopy.client.sdk.errors import BadInput

PORT_MAX = 65_535
#: By what a program of this machine calls it.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """All that the gateway is told."""

    host: str
    port: int
    #: Names and addresses that a request's Host may have, in lower case; empty for any.
    hosts: frozenset[str]
    #: Whose pages may call, exactly as browsers write it: "https://panel.example".
    origins: frozenset[str]
    #: The server's certificate and key, in PEM; both or none.
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"{'https' if self.certificate else 'http'}://{shown_host(self.host)}:{self.port}"


def shown_host(address: str) -> str:
    """An address as URLs have it."""
    return f"[{address}]" if ":" in address else address


def read_options(
    listen: str, hosts: Iterable[str], origins: Iterable[str], certificate: Path | None, key: Path | None
) -> Options:
    """What was asked for. Raises BadInput."""
    host, port = _listen(listen)
    if (certificate is None) != (key is None):
        raise BadInput("a certificate needs its key; give both (--tls-certificate and --tls-key)")
    is_loopback = ip_address(host).is_loopback
    if not is_loopback and certificate is None:
        raise BadInput(
            f"--listen {listen}: tokens would cross the network in plain text; give --tls-certificate and "
            "--tls-key, or listen on 127.0.0.1 behind a reverse proxy that has TLS"
        )
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise BadInput(f"{path} is no file; give a certificate and its key in PEM")
    allowed = {_host_name(name) for name in hosts}
    if is_loopback:
        allowed |= {*LOOPBACK_NAMES, shown_host(host)}
    found = frozenset(_origin(origin) for origin in origins)
    return Options(host, port, frozenset(allowed), found, certificate, key)


def _listen(text: str) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None or match[2] is None or int(match[2]) > PORT_MAX:
        raise BadInput(f"--listen {text!a} is no address and port; write 127.0.0.1:8443 or [::1]:8443")
    host = match[1].strip("[]")
    try:
        # A name may lead anywhere, and to several addresses.
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise BadInput(f"--listen {text!a}: write an address such as 127.0.0.1, and no name") from None
    return (address.compressed if isinstance(address, IPv6Address) else str(address)), int(match[2])


def _host_name(text: str) -> str:
    match = _HOST.fullmatch(text)
    if match is None or match[2] is not None:
        raise BadInput(f"--allow-host {text!a} is no name or address without a port, such as api.example")
    return match[1].lower()


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = shown_host(parts.hostname or "")
    plain = f"{parts.scheme}://{host}{f':{port}' if port else ''}"
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or plain != text.lower():
        raise BadInput(
            f"--allow-origin {text!a} is no origin as browsers write it, such as https://panel.example or "
            "http://localhost:5173; no path, no slash at its end, and * is not taken"
        )
    return plain


def host_of(header: str) -> str | None:
    """The name in a request's Host, in lower case and without its port; None for what is none."""
    match = _HOST.fullmatch(header)
    return match[1].lower() if match else None
