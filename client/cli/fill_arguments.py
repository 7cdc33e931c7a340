"""The arguments of commands about one fill: why, copy."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

from krakencopy.client.cli.consent import add_yes

FILL_HELP = "seq number, or the exchange's execution id"


def add_fill_commands(
    command: Callable[[str, str], ArgumentParser], fill: Callable[[str], int | str]
) -> None:
    """``command`` makes one by its name and what it does; ``fill`` reads which fill is meant."""
    why = command("why", "what every user made of one fill, and when")
    why.add_argument("fill", type=fill, metavar="FILL", help=FILL_HELP)
    which = why.add_mutually_exclusive_group()
    which.add_argument(
        "--account", action="append", default=[], dest="accounts", metavar="ID",
        help="this user's copy in detail; may be given more than once",
    )  # fmt: skip
    which.add_argument("--all", action="store_true", help="every user's copy in detail")
    copy = command("copy", "have users copy one fill now that they have not copied, at most once each")
    copy.add_argument("fill", type=fill, metavar="FILL", help=FILL_HELP)
    copy.add_argument("ids", nargs="*", metavar="ID", help="users, or groups; without any all that copy")
    copy.add_argument("--dry-run", action="store_true", help="only say what each would do")
    add_yes(copy, "anything is ordered on a live system")
    copy.add_argument(
        "--request-id", default="", metavar="R", help="repeat an earlier request; whatever it is, no user "
        "copies a fill twice",
    )  # fmt: skip
