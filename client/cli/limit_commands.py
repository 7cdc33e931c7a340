"""Commands about limits to losses: limits, reset-limit. They are given what those of client/cli/commands.py
are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.consent import ask_if_live
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views import limit_pages as views
from krakencopy.v1.types_pb2 import LossLimit

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]
#: Of a reset: an account and a limit.
WORDS_MAX = 2


def limits(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`limits [ID...]`."""
    with connect() as supervisor:
        found = supervisor.list_limits(dict.fromkeys(arguments.ids))
    table = TableOutput(out, views.limit_columns(), views.limit_row, LossLimit.DESCRIPTOR)
    table.show(found)
    if not found:
        table.none("there are no limits; [[copy.limits]] in the configuration sets them")
    return ExitCode.DONE


def reset_limit(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`reset-limit ID|--total [NAME] --reason TEXT`."""
    words = ["", *arguments.words] if arguments.total else arguments.words
    if not words or len(words) > WORDS_MAX:
        raise BadInput(
            "name an account, or --total, and at most one limit: reset-limit ID [NAME] --reason TEXT"
        )
    account_id, name = [*words, ""][:WORDS_MAX]
    whose = account_id or "all users"
    with connect() as supervisor:
        if not arguments.yes:
            ask_if_live(
                arguments, supervisor, "no limit begins anew",
                lambda _: f"what was lost so far by {whose} does not count any more, and it trades again.",
                "Reset it?",
            )  # fmt: skip
        answer = supervisor.reset_limit(account_id, name, reason=arguments.reason)
    out.one(answer, lambda done: [f"{whose}: limit {name} begins anew" for name in done.names])
    return ExitCode.DONE
