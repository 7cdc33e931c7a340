"""The grammar of contexts: --context, and `context add|use|list|show|remove`. As the rest of it
(client/cli/arguments.py) it knows no commands' work.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

#: What is meant where nothing is given; ``context_name`` is set once it is known which one holds.
NO_CONTEXT: dict[str, Any] = {"context": None, "context_name": ""}


def add_context_option(group: Any) -> None:
    """The option of every command, without a default (client/cli/arguments.py says why)."""
    group.add_argument(
        "--context", default=argparse.SUPPRESS, metavar="CONTEXT",
        help="the installation of this name (or $KRAKENCOPY_CONTEXT); see krakencopy help context",
    )  # fmt: skip


def add_context_commands(command: Any, add_common: Callable[[argparse.ArgumentParser], None]) -> None:
    """`context add|use|list|show|remove`."""
    actions = command("context", "installations by name: where they are, and which one is meant")
    actions = actions.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str) -> Any:
        sub = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        add_common(sub)
        return sub

    add = action(
        "add",
        "name an installation: by --endpoint or --state-dir, and --ca, --certificate, --key, --token-file",
    )
    add.add_argument("name", metavar="NAME", help="letters, digits, points, - and _")
    use = action("use", "make a context the current one: that of commands that name none")
    which = use.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="CONTEXT", help="its name")
    which.add_argument("--none", action="store_true", help="none is the current one any more")
    action("list", "all contexts, and which is the current one")
    action("show", "which installation commands are about now, and why")
    remove = action("remove", "forget a context; the files that it names stay")
    remove.add_argument("name", metavar="CONTEXT", help="its name")
