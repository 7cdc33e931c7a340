"""Words of the command line: where the supervisor is, and who asks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from krakencopy.client.sdk.access import CA_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE

#: Their defaults.
NO_ACCESS: dict[str, Any] = {"ca": None, "certificate": None, "key": None, "token_file": None}


def add_access_options(group: Any) -> None:
    """Options of every command, without defaults (client/cli/arguments.py)."""
    group.add_argument(
        "--endpoint", default=argparse.SUPPRESS, metavar="E",
        help="unix:/path/control.sock, or https://host:port by TLS",
    )  # fmt: skip
    for name, variable, text in (
        ("--ca", CA_VARIABLE, "the CA that the certificate of https://... is from"),
        ("--certificate", CERTIFICATE_VARIABLE, "your certificate, with --key"),
        ("--key", KEY_VARIABLE, "its key"),
        ("--token-file", TOKEN_VARIABLE, "a file with your token"),
    ):
        group.add_argument(
            name, default=argparse.SUPPRESS, type=Path, metavar="FILE", help=f"{text} (or ${variable})"
        )
