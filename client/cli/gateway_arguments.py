"""Arguments of `krakencopy gateway`. As the rest of the grammar (client/cli/arguments.py) it knows no
commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

DEFAULT_LISTEN = "127.0.0.1:8443"


def add_gateway(command: Any) -> None:
    """Adds it."""
    gateway = command("gateway", "serve the API over HTTP (Connect, gRPC-Web) to who brings a token")
    gateway.add_argument(
        "--listen", default=DEFAULT_LISTEN, metavar="ADDRESS:PORT",
        help=f"{DEFAULT_LISTEN}; other addresses than this machine's own need a certificate",
    )  # fmt: skip
    gateway.add_argument(
        "--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="pages of this origin may call, such as https://panel.example; none may by default",
    )  # fmt: skip
    gateway.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="also called by this name, as behind a reverse proxy",
    )  # fmt: skip
    for name, text in (("certificate", "serve by TLS with this certificate"), ("key", "and this key")):
        gateway.add_argument(f"--tls-{name}", type=Path, metavar="FILE", help=f"{text}, in PEM")
