"""Arguments of the commands about limits to losses. As the rest of the grammar (client/cli/arguments.py) it
knows no commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.consent import add_yes


def add_limits(command: Any, reason: Callable[[str], str]) -> None:
    """Adds them. ``reason`` reads one."""
    limits = command("limits", "limits to losses, each with how much of it is lost")
    limits.add_argument("ids", nargs="*", default=[], metavar="ID", help="only of these accounts")
    reset = command("reset-limit", "have a limit that was hit begin anew; nothing else lifts it")
    reset.add_argument("--total", action="store_true", help="of all users together, instead of an ID")
    reset.add_argument("words", nargs="*", metavar="ID [NAME]", help="account; the limit's name")
    add_yes(reset, "it trades again on a live system")
    reset.add_argument("--reason", type=reason, required=True, metavar="TEXT", help="why it may go on")
