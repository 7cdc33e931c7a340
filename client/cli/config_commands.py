"""`krakencopy account`, `group` and `rotate-credentials`, for what is configured over the API, and `reload`,
for what the file has. They are given what those of client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from krakencopy.client.cli.consent import ask_to_go_on, status_if_any, system_words
from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.progress import progress
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadConfiguration, BadInput, ExitCode, Refused
from krakencopy.client.views import config_pages as views
from krakencopy.client.views.pages import reload_page
from krakencopy.v1 import configuration_pb2 as pb
from krakencopy.v1.control_pb2 import CHANGE_KIND_REMOVED, ReloadResponse

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]
#: Fields of an account that are maps, and are given key by key.
MAPS = ("copy", "reserve", "strategy_options")
#: The others that can be given; what else an account is shown with follows from them.
TEXTS = ("broker", "credentials_file", "group", "mode", "strategy", "strategy_risk", "tier")
NEEDS_YES = "it needs a yes; give it with --yes, or see what would follow with --validate-only"


def account(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`account create|update|delete|show|history`."""
    return _VERBS["account", arguments.verb](arguments, connect, out)


def group(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`group create|update|delete|list`."""
    return _VERBS["group", arguments.verb](arguments, connect, out)


def rotate(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`rotate-credentials ID...`. One whose key is not taken does not keep the others from theirs."""
    code = ExitCode.DONE
    with connect() as supervisor:
        for account_id in dict.fromkeys(arguments.ids):
            try:
                answer = supervisor.rotate_credentials(
                    account_id, validate_only=arguments.validate_only, timeout_s=arguments.timeout
                )
            except Refused as error:
                complain(f"{account_id}: {error}")
                code = ExitCode.REFUSED
            else:
                out.one(answer, partial(views.rotation_page, account_id))
    return code


def reload(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`reload [--dry-run] [--yes]`. A file that cannot be used is reported as `krakencopyd check` does it:
    one line for each fault.
    """
    with connect() as supervisor:
        try:
            if not arguments.dry_run and not arguments.yes:
                _ask_about_removed(arguments, supervisor)
            answer = _reloaded(arguments, supervisor, dry_run=arguments.dry_run)
        except BadConfiguration as error:
            complain("the configuration cannot be used; nothing was changed")
            for line in error.message.splitlines():
                complain(line)
            return error.exit_code
    out.one(answer, reload_page)
    return ExitCode.DONE


def _reloaded(arguments: Namespace, supervisor: MessageClient, *, dry_run: bool) -> ReloadResponse:
    with progress(
        "reload: waiting for the supervisor to read the configuration and its credentials",
        "the supervisor goes on with the reload; see `krakencopy events`",
    ):
        return supervisor.reload(dry_run=dry_run, timeout_s=arguments.timeout)


def _ask_about_removed(arguments: Namespace, supervisor: MessageClient) -> None:
    """Goes on only after a yes where accounts are taken out: they are copied to no more, and may be sold.
    Raises BadInput, Refused.
    """
    plan = _reloaded(arguments, supervisor, dry_run=True)
    gone = ", ".join(one.account_id for one in plan.accounts if one.kind == CHANGE_KIND_REMOVED)
    if gone:

        def shown() -> list[str]:
            return [f"{system_words(arguments, supervisor, status_if_any(supervisor))}:", *reload_page(plan)]

        needs = f"it takes out {gone}, which needs a yes; give it with --yes, or see more with --dry-run"
        ask_to_go_on("nothing was changed", shown, f"Take out {gone}?", needs=needs)


def _create(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    fields, _ = _asked(arguments)
    with connect() as supervisor:
        if arguments.command == "account":
            call: Callable[..., Any] = supervisor.create_account
        else:
            call, fields = supervisor.create_group, fields.get("copy", {})
        answer = _faults(
            lambda: call(
                arguments.id, fields, validate_only=arguments.validate_only, timeout_s=arguments.timeout
            )
        )
    out.one(
        answer, lambda answer: views.change_page(answer, f"{arguments.command} {arguments.id}", "created")
    )
    return ExitCode.DONE


def _update(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    fields, paths = _asked(arguments)
    if not paths:
        raise BadInput("what is to be changed? give FIELD=VALUE, or --unset FIELD")
    with connect() as supervisor:
        if arguments.command == "account":
            call: Callable[..., Any] = supervisor.update_account
        else:
            call, fields = supervisor.update_group, fields.get("copy", {})
        answer = _faults(
            lambda: call(
                arguments.id, fields, paths=paths, etag=arguments.etag,
                validate_only=arguments.validate_only, timeout_s=arguments.timeout,
            )
        )  # fmt: skip
    out.one(
        answer, lambda answer: views.change_page(answer, f"{arguments.command} {arguments.id}", "changed")
    )
    return ExitCode.DONE


def _delete(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    is_account = arguments.command == "account"
    what = f"{arguments.command} {arguments.id}"
    with connect() as supervisor:

        def ask(*, validate_only: bool) -> Any:
            given = {"etag": arguments.etag, "validate_only": validate_only, "timeout_s": arguments.timeout}
            if is_account:
                return supervisor.delete_account(arguments.id, on_leave=arguments.on_leave, **given)
            return supervisor.delete_group(arguments.id, **given)

        if not arguments.validate_only and not arguments.yes:

            def plan() -> list[str]:
                where = system_words(arguments, supervisor, status_if_any(supervisor))
                answer = ask(validate_only=True)
                # What was shown is deleted, and nothing that it has become since.
                arguments.etag = answer.account.etag if is_account else answer.group.etag
                return [f"{where}:", *views.change_page(answer, what, "deleted")]

            ask_to_go_on("nothing was deleted", plan, f"Delete {what}?", needs=NEEDS_YES)
        answer = ask(validate_only=arguments.validate_only)
    out.one(answer, lambda answer: views.change_page(answer, what, "deleted"))
    return ExitCode.DONE


def _show(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    with connect() as supervisor:
        if arguments.id:
            out.one(supervisor.get_account_config(arguments.id), views.account_page)
        else:
            found = list(supervisor.list_account_configs())
            TableOutput(out, views.account_columns(), views.account_row, pb.AccountConfig.DESCRIPTOR).show(
                found
            )
    return ExitCode.DONE


def _history(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    with connect() as supervisor:
        found = list(supervisor.list_config_changes(arguments.id, limit=arguments.limit))
    table = TableOutput(out, views.change_columns(), views.change_row, pb.ConfigChange.DESCRIPTOR)
    table.show(found[::-1])
    if not found:
        table.none(f"nothing was changed over the API{f' of {arguments.id}' if arguments.id else ''}")
    return ExitCode.DONE


def _groups(_arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    with connect() as supervisor:
        found = list(supervisor.list_groups())
    table = TableOutput(out, views.group_columns(), views.group_row, pb.GroupConfig.DESCRIPTOR)
    table.show(found)
    if not found:
        table.none("there are no groups; krakencopy group create ID makes one")
    return ExitCode.DONE


def _asked(arguments: Namespace) -> tuple[dict[str, Any], list[str]]:
    """The fields that are given, maps by key, and the paths that are named. A group has rules alone."""
    fields: dict[str, Any] = {}
    paths: list[str] = []
    for word in arguments.words:
        path, is_pair, value = word.partition("=")
        if not is_pair or not path:
            raise BadInput(f"{word!r} is no FIELD=VALUE; see: krakencopy {arguments.command} --help")
        path = _path(arguments.command, path)
        field, _, key = path.partition(".")
        if arguments.command == "account" and field not in {*MAPS, *TEXTS}:
            known = ", ".join(sorted((*TEXTS, *(f"{name}.KEY" for name in MAPS))))
            raise BadInput(f"{field} is no field that can be given; there are {known}")
        if key:
            fields.setdefault(field, {})[key] = value
        elif field in MAPS:
            raise BadInput(f"{field} is given key by key: {field}.KEY=VALUE")
        else:
            fields[field] = value
        paths.append(path)
    paths += [_path(arguments.command, path) for path in getattr(arguments, "unset", [])]
    if twice := next((path for path in paths if paths.count(path) > 1), ""):
        raise BadInput(f"{twice} is given twice")
    return fields, paths


def _path(command: str, written: str) -> str:
    """As a mask has it."""
    return f"copy.{written.removeprefix('copy.')}" if command == "group" else written


def _faults(ask: Callable[[], Any]) -> Any:
    """What is wrong with it has a line each."""
    try:
        return ask()
    except BadInput as error:
        *lines, last = error.message.splitlines()
        for line in lines:
            complain(line)
        raise type(error)(f"{last}; nothing was changed", reason=error.reason) from None


_VERBS: Mapping[tuple[str, str], Callable[[Namespace, Connect, Output], ExitCode]] = {
    ("account", "create"): _create,
    ("account", "update"): _update,
    ("account", "delete"): _delete,
    ("account", "show"): _show,
    ("account", "history"): _history,
    ("group", "create"): _create,
    ("group", "update"): _update,
    ("group", "delete"): _delete,
    ("group", "list"): _groups,
}
