"""`krakencopy set`: values of the copy rules that hold in the place of the file's. It is given what the
commands of client/cli/commands.py are.
"""

from __future__ import annotations

import os
import pwd
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.output import Output, TableOutput
from krakencopy.client.cli.stderr import complain
from krakencopy.client.sdk.errors import BadInput, ExitCode
from krakencopy.client.views import setting_pages as views
from krakencopy.v1.control_pb2 import KeptSetting

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


def set_settings(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`set [ID|--all] [KEY=VALUE...] [--unset KEY]...`; without a key it shows what is set."""
    target, settings = _asked(arguments)
    with connect() as supervisor:
        if not settings:
            status = supervisor.get_status()
            everything = not target and not arguments.all
            found = [each for each in status.settings if everything or each.target == target]
            table = TableOutput(out, views.setting_columns(), views.setting_row, KeptSetting.DESCRIPTOR)
            table.show(found)
            if not found and status.settings:
                whose = "all" if arguments.all else f"{target} alone"
                table.none(f"nothing is set for {whose}; see krakencopy set")
            elif not found:
                table.none("nothing is set; everything is as the file says")
            return ExitCode.DONE
        try:
            answer = supervisor.set_settings(
                settings, target=target, everyone=arguments.all, validate_only=arguments.dry_run,
                set_by=_who(), timeout_s=arguments.timeout,
            )  # fmt: skip
        except BadInput as error:
            *lines, last = error.message.splitlines()
            for line in lines:
                complain(line)
            raise type(error)(f"{last}; nothing was changed", reason=error.reason) from None
    out.one(answer, lambda answer: views.set_page(answer, target))
    return ExitCode.DONE


def _asked(arguments: Namespace) -> tuple[str, dict[str, str]]:
    """The target, empty for all, and the value of each key, empty for one that is taken back."""
    words = list(arguments.words)
    target = "" if arguments.all or not words or "=" in words[0] else words.pop(0)
    settings: dict[str, str] = {}
    for word in [*words, *(f"{key}=" for key in arguments.unset)]:
        key, is_pair, value = word.partition("=")
        if not is_pair or not key:
            raise BadInput(f"{word!r} is no KEY=VALUE; see: krakencopy set --help")
        if key in settings:
            raise BadInput(f"{key} is given twice")
        settings[key] = value
    if settings and not target and not arguments.all:
        raise BadInput("for whom? name an account or a group before the keys, or give --all")
    return target, settings


def _who() -> str:
    """The operator, as this machine knows them."""
    by_sudo = os.environ.get("SUDO_USER", "")
    if by_sudo.isprintable() and by_sudo:
        return by_sudo[:64]
    try:
        return pwd.getpwuid(os.getuid()).pw_name[:64]
    except KeyError:
        return f"user {os.getuid()}"
