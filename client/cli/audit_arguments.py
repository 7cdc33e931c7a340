"""Arguments of `audit list`, `audit watch` and `audit verify`. As the rest of the grammar
(client/cli/arguments.py) it knows no commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
Number = Callable[[str], int]


def add_audit(
    command: Any, add_common: Callable[[Any], None], add_interval: Callable[[Any, str], None], number: Number
) -> None:
    """Adds them. ``add_common`` adds what each command takes, ``add_interval`` a part of time; ``number``
    reads one that is not negative.
    """
    audit = command("audit", "who has changed what, and whether the record of it is what was written")
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str) -> Any:
        sub = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        add_common(sub)
        return sub

    listed = action("list", "calls that changed something, the latest last, each with what came of it")
    listed.add_argument("--who", default="", metavar="NAME", help="only calls of this one")
    listed.add_argument("--account", default="", metavar="ID", help="only calls about this account, or all")
    listed.add_argument("--call", default="", metavar="RPC", help="only calls of this RPC, e.g. StopAccount")
    listed.add_argument("--each-entry", action="store_true", help="also that a call began, and files")
    listed.add_argument("--limit", type=number, metavar="N", help="at most this many; 0 for all")
    add_interval(listed, "calls whose outcome was known")

    watched = action("watch", "entries as they come: that a call began, and what came of it")
    watched.add_argument("--after", type=number, metavar="ENTRY", help="all behind this one; 0 for all")
    watched.add_argument(
        "--lines", action="store_true", help="as they stand in the log: a copy of it, for another machine"
    )
    watched.set_defaults(follow=True)

    verified = action("verify", "whether the log was changed or cut; names the entry")
    verified.add_argument(
        "--file", action="append", default=[], dest="files", metavar="COPY",
        help="these files in this order, without a supervisor, in place of its log",
    )  # fmt: skip
    verified.add_argument(
        "--head", type=_hash, metavar="HASH", help="one that was noted earlier must be there"
    )


def _hash(text: str) -> str:
    found = text.strip().lower()
    if not _HASH.fullmatch(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no SHA-256 in hexadecimal (64 digits)")
    return found
