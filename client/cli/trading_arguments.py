"""The grammar of what accounts may trade: halt, exit-only, flatten, resume. As the rest of it
(client/cli/arguments.py) it knows no commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.consent import add_yes
from krakencopy.client.cli.process_arguments import WAIT_HELP
from krakencopy.client.sdk.errors import BadInput


def add_trading(command: Any, reason: Callable[[str], str]) -> None:
    """Adds them. ``reason`` reads why."""
    for verb, text in (
        ("halt", "let no order leave accounts any more; also cancels the open orders of copying"),
        ("exit-only", "let accounts buy nothing any more; what the master sells is sold"),
        ("flatten", "sell what copying bought, never an account's own coins, and buy nothing any more"),
        ("resume", "lift a halt, an exit-only and a pause"),
    ):
        sub = command(verb, text)
        sub.add_argument("ids", nargs="*", default=[], metavar="ID", help="these accounts")
        sub.add_argument(
            "--group", action="append", default=[], dest="groups", metavar="G", help="accounts of this group",
            type=_named,
        )  # fmt: skip
        sub.add_argument("--all", action="store_true", help="all accounts")
        sub.add_argument(
            "--reason", type=reason, default="", metavar="TEXT", help="why, for those who read it later"
        )
        sub.add_argument(
            "--offline",
            action="store_true",
            help="without the supervisor, where that is stuck or dead: by the state folder of --state-dir",
        )
        if verb == "flatten":
            sub.add_argument("--dry-run", action="store_true", help="only show what would be sold")
            sub.add_argument(
                "--cancel", action="store_true",
                help="take it back: what is not sold yet is held again; what accounts may trade stays",
            )  # fmt: skip
            add_yes(sub, "it is sold")
            sub.add_argument("--wait", action="store_true", help=WAIT_HELP)
        if verb == "resume":
            add_yes(sub, "--all of a live system trade again")


def check_target(arguments: argparse.Namespace) -> None:
    """Raises BadInput where nobody is named, or all and somebody."""
    if arguments.all and (arguments.ids or arguments.groups):
        raise BadInput("--all means every account; leave out the others")
    if not (arguments.all or arguments.ids or arguments.groups):
        raise BadInput("name accounts, --group or --all")


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text
