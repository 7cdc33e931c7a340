"""The grammar of the commands about processes: start, stop, restart, pause, wait, shutdown. As the rest of it
(client/cli/arguments.py) it knows no commands' work, no gRPC, no protobuf.
"""

from __future__ import annotations

from typing import Any

from krakencopy.client.cli.consent import add_yes

#: What commands that can wait say of it.
WAIT_HELP = "until it is done; --timeout limits the whole wait"


def add_actions(command: Any) -> None:
    """What is done with accounts' processes."""
    for verb, text in (
        ("start", "run accounts; also the way out of FAILED"),
        ("stop", "let accounts finish what is in flight, and keep them stopped"),
        ("restart", "stop accounts and start them again"),
        ("pause", "let fills wait for users, who finish what is in flight"),
    ):
        sub = command(verb, text)
        which = sub.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", nargs="*", default=[], metavar="ID", help="account or group")
        which.add_argument("--all", action="store_true", help="all accounts")
        if verb != "pause":
            sub.add_argument("--wait", action="store_true", help=WAIT_HELP)


def add_system(command: Any) -> None:
    """What is about the whole."""
    wait = command("wait", "wait until the system is ready; --timeout limits the whole wait, 0 only looks")
    wait.add_argument(
        "--ready", action="store_true", required=True, help="master and all wanted users are RUNNING"
    )
    shutdown = command("shutdown", "stop the users, then the master, then the supervisor")
    hurry = "wait for nothing in flight; also hurries a shutdown that has begun"
    shutdown.add_argument("--now", action="store_true", help=hurry)
    shutdown.add_argument("--wait", action="store_true", help=WAIT_HELP)
    add_yes(shutdown, "a live system stops")
