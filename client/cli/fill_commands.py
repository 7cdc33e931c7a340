"""Commands about one fill: what users made of it, and that they copy it now. They are given what those of
client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.consent import ask_if_live
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views import fill_answers as views
from krakencopy.v1 import control_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


def why(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`why FILL [--account ID]... [--all]`."""
    from krakencopy.client.views.explain import story  # other commands need none of it

    accounts = tuple(dict.fromkeys(arguments.accounts))
    with connect() as supervisor:
        seq, exec_id = _fill(arguments)
        answer = supervisor.explain_fill(seq=seq, exec_id=exec_id)
    known = [outcome.account_id for outcome in answer.outcomes]
    if unknown := [account for account in accounts if account not in known]:
        users = ", ".join(known) or "nobody"
        raise BadInput(f"{', '.join(unknown)}: no user of this fill; there are {users}")
    if accounts and out.as_data:
        kept = [outcome for outcome in answer.outcomes if outcome.account_id in accounts]
        answer = pb.ExplainFillResponse(fill=answer.fill, outcomes=kept)
    out.one(answer, lambda answer: story(answer, accounts, show_all=arguments.all))
    return ExitCode.DONE


def copy(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`copy FILL [ID...] [--dry-run]`: 1 where a user was refused, 5 where one was not reached."""
    with connect() as supervisor:
        seq, exec_id = _fill(arguments)
        if not arguments.dry_run and not arguments.yes:
            who = ", ".join(arguments.ids) or "all users"
            ask_if_live(
                arguments, supervisor, "nothing was copied",
                lambda _: f"{who} order now what is not copied of fill {arguments.fill}.", "Copy it?",
                needs="on a live system it needs a yes; give it with --yes, or see what each would do with "
                "--dry-run",
            )  # fmt: skip
        answer = supervisor.copy_fill(
            seq=seq,
            exec_id=exec_id,
            account_ids=dict.fromkeys(arguments.ids),
            dry_run=arguments.dry_run,
            request_id=arguments.request_id,
            timeout_s=arguments.timeout,
        )
    if out.as_data:
        out.one(answer, lambda _: [])
    else:
        out.lines([views.fill_line(answer.fill), ""])
        answers = TableOutput(out, views.answer_columns(), views.answer_row, pb.CopyFillAnswer.DESCRIPTOR)
        answers.show(answer.answers)
        if not answer.answers:
            answers.none("nobody copies")
    if missed := views.not_reached(answer.answers):
        complain(f"NOT REACHED: {', '.join(missed)}; give the same command again, no fill is copied twice")
        return ExitCode.NOT_IN_TIME
    return ExitCode.REFUSED if views.are_refused(answer.answers) else ExitCode.DONE


def _fill(arguments: Namespace) -> tuple[int | None, str | None]:
    """The fill that is meant: its seq, or its execution id."""
    return (arguments.fill, None) if isinstance(arguments.fill, int) else (None, arguments.fill)
