"""Commands about limits to losses: limits, reset-limit. They are given what those of client/cli/commands.py
are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.client.views import limit_pages as views

if TYPE_CHECKING:
    from krakencopy.client.sdk.client import KrakenCopy

Connect = Callable[[], "KrakenCopy"]


def add_limits(command: Any, reason: Callable[[str], str]) -> None:
    """Their arguments. ``reason`` reads one."""
    limits = command("limits", "limits to losses, each with how much of it is lost")
    limits.add_argument("ids", nargs="*", default=[], metavar="ID", help="only of these accounts")
    reset = command("reset-limit", "have a limit that was hit begin anew; nothing else lifts it")
    reset.add_argument("id", metavar="ID", help="account")
    reset.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="its name; all that were hit without"
    )
    reset.add_argument("--reason", type=reason, required=True, metavar="TEXT", help="why it may go on")


def limits(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`limits [ID...]`."""
    with connect() as supervisor:
        found = supervisor.list_limits(dict.fromkeys(arguments.ids))
    table = TableOutput(out, views.limit_columns(), views.limit_row)
    table.show(found)
    if not found:
        table.none("there are no limits; [[copy.limits]] in the configuration sets them")
    return ExitCode.DONE


def reset_limit(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`reset-limit ID [NAME] --reason TEXT`."""
    with connect() as supervisor:
        answer = supervisor.reset_limit(arguments.id, arguments.name, reason=arguments.reason)
    out.one(answer, lambda done: [f"{arguments.id}: limit {name} begins anew" for name in done.names])
    return ExitCode.DONE


LIMIT_COMMANDS: dict[str, Callable[[Namespace, Connect, Output], ExitCode]] = {
    "limits": limits,
    "reset-limit": reset_limit,
}
