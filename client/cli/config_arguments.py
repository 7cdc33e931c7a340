"""Arguments of the commands about accounts and groups that are configured over the API. As the rest of the
grammar (client/cli/arguments.py) it knows no commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any

from krakencopy.client.cli.consent import add_yes

FIELDS = (
    "credentials_file=NAME, group=G, mode=shadow, tier=pro, broker=B, strategy=S, strategy_risk=0.1, "
    "copy.KEY=VALUE, reserve.ASSET=AMOUNT, strategy_options.KEY=VALUE"
)
#: How an account may leave (``on_leave`` of the copy rules).
WAYS = ("keep", "close_only", "close_all")


def add_config_commands(command: Any, common: Callable[[Any], None]) -> None:
    """Adds them. ``common`` adds the options of every command."""
    account = command(
        "account", "configure accounts over the API; keys stay in files on the supervisor's machine"
    )
    verbs = _verbs(account, common)
    create = verbs("create", "configure a new account")
    create.add_argument("id", metavar="ID")
    _fields(create, FIELDS)
    update = verbs("update", "change an account of the API")
    update.add_argument("id", metavar="ID")
    _fields(update, FIELDS)
    _changes(update)
    delete = verbs("delete", "delete an account of the API, which leaves")
    delete.add_argument("id", metavar="ID")
    delete.add_argument(
        "--on-leave", choices=WAYS, default="", metavar="WAY",
        help=f"what becomes of what copying bought: {', '.join(WAYS)}; as its rules say without",
    )  # fmt: skip
    _deletion(delete)
    show = verbs("show", "accounts as they are configured, by the file or the API; or one of them")
    show.add_argument("id", nargs="?", default="", metavar="ID")
    history = verbs("history", "what was changed over the API, the latest last: who, when, before, after")
    history.add_argument("id", nargs="?", default="", metavar="ID", help="only of this account or group")
    history.add_argument("--limit", type=_count, metavar="N", help="at most this many; all without")
    _add_group(command, common)
    rotate = command("rotate-credentials", "have accounts use the keys that their sources give now")
    rotate.add_argument("ids", nargs="+", metavar="ID", help="account")
    rotate.add_argument("--validate-only", action="store_true", help="only fetch the key and try it")


def add_reload(command: Any) -> None:
    """Adds `reload`, for what the file configures."""
    reload = command("reload", "read the configuration file again and apply what has changed in it")
    reload.add_argument("--dry-run", action="store_true", help="only check the file and show the difference")
    add_yes(reload, "accounts are taken out")


def _add_group(command: Any, common: Callable[[Any], None]) -> None:
    verbs = _verbs(command("group", "configure groups over the API"), common)
    rules = "rules of copying that its members share: max_user_risk=0.05"
    create = verbs("create", "configure a new group")
    create.add_argument("id", metavar="ID")
    _fields(create, rules)
    update = verbs("update", "change a group of the API")
    update.add_argument("id", metavar="ID")
    _fields(update, rules)
    _changes(update)
    delete = verbs("delete", "delete a group of the API to which nobody belongs")
    delete.add_argument("id", metavar="ID")
    _deletion(delete)
    verbs("list", "groups as they are configured, by the file or the API")


def _verbs(parser: Any, common: Callable[[Any], None]) -> Callable[[str, str], Any]:
    found = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str) -> Any:
        sub = found.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        common(sub)
        return sub

    return verb


def _fields(parser: Any, which: str) -> None:
    parser.add_argument("words", nargs="*", default=[], metavar="FIELD=VALUE", help=which)
    parser.add_argument("--validate-only", action="store_true", help="check all of it and change nothing")


def _changes(parser: Any) -> None:
    parser.add_argument(
        "--unset", action="append", default=[], metavar="FIELD", help="take it out, e.g. group or copy.ratio"
    )
    _etag(parser)


def _deletion(parser: Any) -> None:
    _etag(parser)
    parser.add_argument("--validate-only", action="store_true", help="only show what would follow")
    add_yes(parser, "it is deleted")


def _etag(parser: Any) -> None:
    parser.add_argument(
        "--etag", default="", metavar="E", help="only if it is still as it was when this was shown with it"
    )


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
