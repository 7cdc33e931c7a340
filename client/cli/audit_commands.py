"""Commands about the audit: audit list, audit watch, audit verify. They are given what those of
client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views import audit_pages as views
from krakencopy.v1 import audit_pb2 as pb

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]
#: How many calls are shown when --limit is not given.
LATEST = 20


def audit(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`audit list|watch|verify`."""
    return _ACTIONS[arguments.action](arguments, connect, out)


def _list(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`audit list`."""
    limit = LATEST if arguments.since is None else None
    table = TableOutput(out, views.entry_columns(), views.entry_row, pb.AuditEntry.DESCRIPTOR)
    with connect() as supervisor:
        found = list(
            supervisor.list_audit_entries(
                principal=arguments.who, account_id=arguments.account, method=arguments.call,
                since=arguments.since, until=arguments.until, each_entry=arguments.each_entry,
                limit=limit if arguments.limit is None else arguments.limit or None,
            )
        )  # fmt: skip
    table.show(found[::-1])
    if not found:
        table.none("no such calls")
    return ExitCode.DONE


def _watch(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`audit watch`."""
    table = TableOutput(out, views.entry_columns(), views.entry_row, pb.AuditEntry.DESCRIPTOR)
    with connect() as supervisor:
        for entry in supervisor.watch_audit(arguments.after, with_lines=arguments.lines):
            if arguments.lines:
                out.lines([entry.line])
            else:
                table.show([entry])
    return ExitCode.DONE


def _verify(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`audit verify`. A log that is not what was written is 5, so that scripts notice."""
    head = arguments.head or ""
    if arguments.files:
        answer = _verified(arguments.files, head)
    else:
        with connect() as supervisor:
            answer = supervisor.verify_audit(head=head, timeout_s=arguments.timeout)
    out.one(answer, views.verify_page)
    return ExitCode.DONE if answer.intact else ExitCode.NOT_IN_TIME


def _verified(files: list[str], head: str) -> pb.VerifyAuditResponse:
    """By the files alone. Raises BadInput for one that cannot be read."""
    # What only this needs is imported here: it brings the rules of the supervisor.
    from krakencopy.supervisor.audit.verification import verify

    try:
        verdict = verify([(Path(file), None) for file in files], None, [head] if head else [], is_whole=False)
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be read: {error.strerror}") from error
    return pb.VerifyAuditResponse(
        intact=verdict.intact, first_number=verdict.first, last_number=verdict.last, head=verdict.hash,
        files=verdict.files, findings=[
            pb.AuditFinding(
                reason=each.why, message=each.message, number=each.number, file=each.file, line=each.line
            )
            for each in verdict.findings
        ],
    )  # fmt: skip


_ACTIONS: dict[str, Callable[[Namespace, Connect, Output], ExitCode]] = {
    "list": _list,
    "watch": _watch,
    "verify": _verify,
}
