"""`krakencopy resync`: a user is brought to the master's positions; the plan first. It is given what the
commands of client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.consent import ask_to_go_on, status_if_any, system_words
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.progress import progress
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.client.views import sync_pages as views
from krakencopy.client.views.table import table
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1.types_pb2 import SyncPosition

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


def resync(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`resync ID [--dry-run] [--not-worse] [--yes]`."""
    with connect() as supervisor:

        def ask(*, dry_run: bool) -> pb.ResyncAccountResponse:
            return supervisor.resync_account(
                arguments.id, not_worse=arguments.not_worse, reason=arguments.reason, dry_run=dry_run
            )

        def plan() -> list[str]:
            where = system_words(arguments, supervisor, status_if_any(supervisor))
            return [f"{where}:", *_plan(ask(dry_run=True))]

        if not arguments.dry_run and not arguments.yes:
            ask_to_go_on("nothing was ordered", plan, "Order this?")
        with progress(
            f"resync: waiting for {arguments.id} to make its plan",
            f"an order that {arguments.id} has got goes on; see `krakencopy copies --account {arguments.id}`",
        ):
            answer = ask(dry_run=arguments.dry_run)
        _show(answer, out)
    return ExitCode.DONE


def _plan(answer: pb.ResyncAccountResponse) -> list[str]:
    rows = [views.position_row(each) for each in answer.positions]
    return table(views.position_columns(), rows) if rows else [views.NOTHING]


def _show(answer: pb.ResyncAccountResponse, out: Output) -> None:
    if out.as_data:
        out.one(answer, lambda _: [])
        return
    positions = TableOutput(out, views.position_columns(), views.position_row, SyncPosition.DESCRIPTOR)
    positions.show(answer.positions)
    if not answer.positions and not answer.number:
        positions.none(views.NOTHING)
    out.lines(views.notes(answer))
