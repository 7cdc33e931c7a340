"""What each command asks and shows. Thin: the SDK asks, views/rows.py and views/explain.py make the lines.

A command gets checked arguments, ``connect`` (dials only when called) and the output; it returns its exit
code or raises a KrakenCopyError. Imports no gRPC, so that input that only protobuf can judge is judged before
anything is dialled.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.client.cli.arguments import LATEST, LOG_LINES, LOG_LINES_MAX
from krakencopy.client.cli.chosen_ids import keep_group, members_of
from krakencopy.client.cli.consent import ask_if_live
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.sdk.errors import (
    BadInput,
    ExitCode,
)
from krakencopy.client.views import pages
from krakencopy.client.views import rows as views
from krakencopy.client.views.formats import word
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

#: Pairs that are named where another one has no fills, at most.
PAIRS_NAMED_MAX = 8

Connect = Callable[[], "MessageClient"]
Command = Callable[[Namespace, Connect, Output], ExitCode]


def status(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`status [--group GROUP]`."""
    with connect() as supervisor:
        found = supervisor.get_status()
        if arguments.group:
            keep_group(found, arguments.group)
        out.one(found, lambda status: pages.status_page(status, out.room))
    return ExitCode.DONE


def report(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`report`."""
    with connect() as supervisor:
        answer = supervisor.get_report(since=arguments.since, until=arguments.until)
        out.one(answer, lambda report: pages.report_page(report, out.room))
    return ExitCode.DONE


def accounts(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`accounts [ID [--rules]] [--group GROUP]`."""
    with connect() as supervisor:
        if arguments.id is None:
            found = list(supervisor.list_accounts())
            if arguments.group:
                members = members_of(supervisor.get_status(), arguments.group)
                found = [account for account in found if account.id in members]
            TableOutput(out, views.account_columns(), views.account_row, nouns.Account.DESCRIPTOR).show(found)
            if not out.as_data and not out.columns:
                out.lines(views.account_notes(found))
        else:
            from krakencopy.client.views.account_page import account_page, rules_page  # for one account

            page = rules_page if arguments.rules else partial(account_page, now=time.time())
            out.one(supervisor.get_account(arguments.id), page)
    return ExitCode.DONE


def rename(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`rename OLD NEW`."""
    with connect() as supervisor:
        if not arguments.yes:
            ask_if_live(
                arguments, supervisor, "nothing was renamed",
                lambda _: f"all positions in {arguments.old} are in {arguments.new} from now on, for good.",
                "Rename it?",
            )  # fmt: skip
        out.one(
            supervisor.rename_asset(arguments.old, arguments.new),
            lambda answer: [
                (
                    f"{arguments.old} is {arguments.new} from now on; the master's counted position in it is "
                    f"{answer.journal_position}"
                )
            ],
        )
    return ExitCode.DONE


def fills(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`fills`."""
    table = TableOutput(out, views.fill_columns(), views.fill_row, nouns.Fill.DESCRIPTOR)
    with connect() as supervisor:
        head = supervisor.get_status().head_seq if arguments.follow else 0
        limit = _limit(arguments, None if arguments.after is not None else LATEST)
        found = list(
            supervisor.list_fills(
                pair=arguments.pair,
                after_seq=arguments.after,
                since=arguments.since,
                until=arguments.until,
                limit=limit,
            )
        )
        if arguments.after is None:
            found.reverse()
        table.show(found)
        if not found:
            table.none(f"no fills{_of_pair(arguments, supervisor)}{_yet(arguments)}")
        if arguments.follow:
            # Fills of other pairs may have come after the last one found; those before `head` need no second
            # look.
            position = max(
                [head if arguments.after is None else arguments.after, *(fill.seq for fill in found)]
            )
            for fill in supervisor.watch_fills(position, pair=arguments.pair):
                if _is_since(arguments, fill.executed_at):
                    table.show([fill])
    return ExitCode.DONE


def copies(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`copies`."""
    state = _copy_state(arguments.state)
    table = TableOutput(out, views.copy_columns(), views.copy_row, nouns.Copy.DESCRIPTOR)
    with connect() as supervisor:
        # The watch begins where the journal ended before the list: what changes in between is in both and
        # shown once.
        watch = None
        if arguments.follow:
            head = supervisor.get_status().head_change
            watch = supervisor.watch_copies(head, account_id=arguments.account)
        found = list(
            supervisor.list_copies(
                account_id=arguments.account,
                fill_seq=arguments.fill,
                state=state,
                since=arguments.since,
                until=arguments.until,
                limit=_limit(arguments, LATEST),
            )
        )
        table.show(found[::-1])
        if not found:
            table.none(f"no such copies{_yet(arguments)}")
        shown = {(copy.account_id, copy.copy_id): copy.revision for copy in found}
        for change in watch or ():
            copy = change.copy
            is_new = copy.revision > shown.pop((copy.account_id, copy.copy_id), 0)
            is_asked_for = arguments.fill in {0, *copy.fill_seqs} and state in {0, copy.state}
            if is_new and is_asked_for and _is_since(arguments, views.last_hop(copy)):
                table.show([copy])
    return ExitCode.DONE


def events(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`events`."""
    table = TableOutput(out, views.event_columns(), views.event_row, nouns.Event.DESCRIPTOR)
    with connect() as supervisor:
        position = supervisor.get_status().head_event if arguments.follow else 0
        found = list(
            supervisor.list_events(
                account_id=arguments.account,
                since=arguments.since,
                until=arguments.until,
                limit=_limit(arguments, LATEST),
            )
        )
        table.show(found[::-1])
        if not found:
            about = f" about {arguments.account}" if arguments.account else ""
            table.none(f"no events{about}{_yet(arguments)}")
        if arguments.follow:
            position = max([position, *(event.seq for event in found)])
            for event in supervisor.watch_events(position):
                if arguments.account in {"", event.account_id} and _is_since(arguments, event.at):
                    table.show([event])
    return ExitCode.DONE


def watch(_arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`watch`."""
    if out.columns and not out.as_data:
        raise BadInput("--columns of a watch are those of -o csv; fills, copies and events have tables")
    from krakencopy.client.cli.watch import watch_all  # other commands need none of it

    with connect() as supervisor:
        watch_all(supervisor, out)
    return ExitCode.DONE


def nonce(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`nonce ID`. A verdict that needs someone to act is 5, so that scripts notice."""
    with connect() as supervisor:
        report = supervisor.get_nonce(arguments.id, timeout_s=arguments.timeout)
    out.one(report, pages.nonce_page)
    return ExitCode.NOT_IN_TIME if report.verdict in pages.NONCE_TROUBLE else ExitCode.DONE


def logs(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`logs ID`. A log's lines are JSON objects already."""
    from krakencopy.client.views.lines import LOG_FIELDS, log_line  # other commands need none of it

    with connect() as supervisor:
        lines = supervisor.read_log(
            arguments.id,
            lines=arguments.lines or (LOG_LINES if arguments.since is None else LOG_LINES_MAX),
            follow=arguments.follow,
            since=arguments.since,
            until=arguments.until,
        )
        out.objects(lines, LOG_FIELDS, log_line)
    return ExitCode.DONE


def _of_pair(arguments: Namespace, supervisor: MessageClient) -> str:
    """Which pair has no fills, and which ones do: another one may have been meant."""
    if not arguments.pair:
        return ""
    traded = supervisor.get_status().pairs
    from difflib import get_close_matches  # what is found needs none of it

    near = get_close_matches(arguments.pair.upper(), traded, n=3) or traded[:PAIRS_NAMED_MAX]
    more = ", ..." if len(traded) > len(near) else ""
    return f" of {arguments.pair}" + (f" (there are fills of {', '.join(near)}{more})" if near else "")


def _yet(arguments: Namespace) -> str:
    return " yet" if arguments.follow else ""


def _limit(arguments: Namespace, default: int | None) -> int | None:
    """At most how many; None for all."""
    if arguments.limit is None:
        return default if arguments.since is None else None
    return arguments.limit or None


def _is_since(arguments: Namespace, moment: Timestamp) -> bool:
    """Whether something that is followed is asked for: what comes late may be old."""
    return arguments.since is None or moment.ToDatetime(UTC) >= arguments.since


def _copy_state(text: str) -> nouns.CopyState.ValueType:
    if not text:
        return nouns.COPY_STATE_UNSPECIFIED
    known = {word(nouns.CopyState.DESCRIPTOR, value): value for value in nouns.CopyState.values() if value}
    if text not in known:
        raise BadInput(f"{text!r} is no state of a copy; there are {', '.join(known)}")
    return known[text]


def _later(module: str, name: str) -> Command:
    """A command of another module, which is imported when it is given: most commands wait for no other's."""

    def run(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
        command: Command = getattr(import_module(f"krakencopy.client.cli.{module}"), name)
        return command(arguments, connect, out)

    return run


COMMANDS: dict[str, Command] = {
    "status": status,
    "accounts": accounts,
    **{verb: _later("process_commands", "act") for verb in ("start", "stop", "restart", "pause")},
    "wait": _later("process_commands", "wait"),
    "shutdown": _later("process_commands", "shutdown"),
    "context": _later("context_commands", "context"),
    "resume": _later("trading_commands", "resume"),
    "halt": _later("trading_commands", "set_state"),
    "exit-only": _later("trading_commands", "set_state"),
    "flatten": _later("trading_commands", "flatten"),
    "fills": fills,
    "copies": copies,
    "why": _later("fill_commands", "why"),
    "copy": _later("fill_commands", "copy"),
    "order": _later("order_commands", "order"),
    "orders": _later("order_commands", "orders"),
    "cancel": _later("order_commands", "cancel"),
    "rename": rename,
    "resync": _later("sync_commands", "resync"),
    "set": _later("setting_commands", "set_settings"),
    "account": _later("config_commands", "account"),
    "group": _later("config_commands", "group"),
    "rotate-credentials": _later("config_commands", "rotate"),
    "watch": watch,
    "events": events,
    "nonce": nonce,
    "logs": logs,
    "report": report,
    "reload": _later("config_commands", "reload"),
    "audit": _later("audit_commands", "audit"),
    "whoami": _later("access_commands", "whoami"),
    "token": _later("access_commands", "token"),
    "certificate": _later("access_commands", "certificate"),
    "simulate": _later("offline_simulation", "simulate"),
    "forecast": _later("offline_simulation", "forecast"),
    "gateway": _later("gateway_commands", "gateway"),
    "limits": _later("limit_commands", "limits"),
    "reset-limit": _later("limit_commands", "reset_limit"),
}
