"""Words of the command line: where the supervisor is, and who asks."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from krakencopy.client.cli.consent import add_yes
from krakencopy.client.sdk.endpoint import CA_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE

#: As the SDK knows them, which needs protobuf for it.
ROLES = ("viewer", "operator", "trader", "admin", "owner")
_TTL = re.compile(r"([1-9][0-9]{0,6})([mhd])", re.ASCII)
_MINUTES = {"m": 1, "h": 60, "d": 1_440}

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


def add_access(command: Any, add_common: Callable[[Any], None]) -> None:
    """Adds `whoami`, `token` and `certificate`. ``add_common`` adds what each command takes."""
    command("whoami", "who you are to the supervisor, and what you may do")

    def actions_of(name: str, text: str) -> Callable[[str, str], Any]:
        actions = command(name, text).add_subparsers(dest="action", metavar="ACTION", required=True)

        def action(name: str, text: str) -> Any:
            sub = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
            add_common(sub)
            return sub

        return action

    token = actions_of("token", "tokens, by which a service or a person may call from elsewhere")
    created = token("create", "make a token; it is written to standard output this once")
    _add_grant(created, "30d")
    token("list", "all tokens, without their secrets")
    revoked = token("revoke", "have tokens refused from now on; what they run ends")
    revoked.add_argument("ids", nargs="+", metavar="ID", help="what stands between kct_ and the next _")
    add_yes(revoked, "you or the last admin is shut out")
    certificate = actions_of("certificate", "client certificates of the supervisor's own CA, and who has one")
    made = certificate("create", "make a key here, and have a certificate issued for it")
    _add_grant(made, "90d")
    made.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for NAME.key, NAME.pem and ca.pem"
    )
    certificate("list", "all who may call from elsewhere: certificates, tokens, configured names")
    revoked = certificate("revoke", "have all certificates and tokens of names refused from now on")
    revoked.add_argument("names", nargs="+", metavar="NAME", help="for whom they were made")
    add_yes(revoked, "you or the last admin is shut out")


def _add_grant(parser: Any, ttl: str) -> None:
    parser.add_argument("name", metavar="NAME", help="for whom, as it is recorded with what that one does")
    parser.add_argument("--role", choices=ROLES, required=True, help="what that one may do")
    parser.add_argument("--account", default="", metavar="ID", help="of an owner: the account")
    parser.add_argument(
        "--ttl", type=_ttl, default=_ttl(ttl), metavar="TIME", help=f"how long, e.g. 12h or 30d ({ttl})"
    )


def _ttl(text: str) -> timedelta:
    found = _TTL.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write a number with m, h or d, e.g. 30d")
    return timedelta(minutes=int(found[1]) * _MINUTES[found[2]])
