"""`krakencopy resync`: a user is brought to the master's positions; the plan first. It is given what the
commands of client/cli/commands.py are.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.sdk.errors import BadInput, ExitCode, Refused
from krakencopy.client.views import sync_pages as views
from krakencopy.client.views.table import table
from krakencopy.v1 import control_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.client import KrakenCopy

Connect = Callable[[], "KrakenCopy"]


def resync(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`resync ID [--dry-run] [--not-worse] [--yes]`."""
    with connect() as supervisor:

        def ask(*, dry_run: bool) -> pb.ResyncAccountResponse:
            return supervisor.resync_account(
                arguments.id, not_worse=arguments.not_worse, reason=arguments.reason, dry_run=dry_run
            )

        if not arguments.dry_run and not arguments.yes:
            _ask_to_trade(ask)
        _show(ask(dry_run=arguments.dry_run), out)
    return ExitCode.DONE


def _ask_to_trade(ask: Callable[..., pb.ResyncAccountResponse]) -> None:
    """Goes on only after a yes. Raises BadInput, Refused."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadInput(
            "nothing was ordered: it needs a yes; give it with --yes, or see the plan with --dry-run"
        )
    plan = ask(dry_run=True)
    lines = table(views.position_columns(), [views.position_row(each) for each in plan.positions])
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write("\n".join(lines if plan.positions else [views.NOTHING]))
        sys.stderr.write("\nOrder this? [y/N] ")
        sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused("nothing was ordered: the answer was not yes")


def _show(answer: pb.ResyncAccountResponse, out: Output) -> None:
    if out.as_json:
        out.one(answer, lambda _: [])
        return
    positions = TableOutput(out, views.position_columns(), views.position_row)
    positions.show(answer.positions)
    if not answer.positions and not answer.number:
        positions.none(views.NOTHING)
    out.lines(views.notes(answer))
