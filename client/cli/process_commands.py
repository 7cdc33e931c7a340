"""Commands about processes: start, stop, restart, pause, wait, shutdown. They are given what those of
client/cli/commands.py are.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from krakencopy.client.cli.chosen_ids import chosen_ids
from krakencopy.client.cli.consent import ask_if_live
from krakencopy.client.cli.output import Output
from krakencopy.client.cli.progress import progress
from krakencopy.client.cli.stderr import complain
from krakencopy.client.cli.wait import (
    is_settled,
    wait_limit_s,
    wait_until_gone,
    wait_until_ready,
    wait_until_settled,
)
from krakencopy.client.sdk.errors import ExitCode, NotConnected, Refused, Unavailable
from krakencopy.client.views import pages
from krakencopy.client.views import rows as views
from krakencopy.client.views.formats import joined
from krakencopy.client.views.trading_pages import headline
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient

Connect = Callable[[], "MessageClient"]


def act(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`start|stop|restart|pause ID...|--all [--wait]`. Nothing is done where an id is wrong; after that, one
    account that refuses does not keep the others from it.
    """
    code = ExitCode.DONE
    command = arguments.command
    waits = command != "pause" and arguments.wait

    def standing_line(account: nouns.Account) -> list[str]:
        # Without a wait the account is as it was when it was asked, often before anything followed from it.
        done = "done" if waits else "accepted"
        return [f"{account.id}: {command} {done}; now {views.standing(account)}"]

    with connect() as supervisor:
        action = {
            "start": supervisor.start_account,
            "stop": supervisor.stop_account,
            "restart": supervisor.restart_account,
            "pause": supervisor.pause_account,
        }[command]
        accepted: dict[str, nouns.Account] = {}
        for account_id in chosen_ids(supervisor, command, arguments.ids, everyone=arguments.all):
            try:
                accepted[account_id] = answer = action(account_id)
            except Refused as error:
                complain(str(error))
                code = ExitCode.REFUSED
            else:
                if not waits:
                    out.one(answer, standing_line)
        if waits and accepted:
            _wait_for(arguments, supervisor, accepted)
            for account_id in accepted:
                out.one(supervisor.get_account(account_id), standing_line)
    return code


def _wait_for(arguments: Namespace, supervisor: MessageClient, accepted: dict[str, nouns.Account]) -> None:
    """Waits until these accounts are where the command brings them. Raises TimedOut."""
    verb = arguments.command
    with progress(
        f"{verb}: waiting for {', '.join(accepted)}",
        f"the supervisor goes on with the {verb} of {', '.join(accepted)}; see `krakencopy accounts`",
    ) as say:
        wait_until_settled(
            lambda limit_s: supervisor.get_status(timeout_s=limit_s), accepted, is_settled(verb),
            wait_limit_s(arguments), lambda left: say(f"{verb}: waiting for {left}"),
        )  # fmt: skip


def wait(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`wait --ready`."""

    def get_status(limit_s: float) -> pb.GetStatusResponse:
        # Anew each time: in which default folder one listens shows only when it has started.
        with connect() as supervisor:
            return supervisor.get_status(timeout_s=limit_s)

    with progress("waiting until the system is ready", "nothing else ends with this wait") as say:
        status = wait_until_ready(
            get_status, wait_limit_s(arguments), lambda why_not: say(f"not ready: {why_not}")
        )
    out.one(status, _ready_line)
    return ExitCode.DONE


def _ready_line(status: pb.GetStatusResponse) -> list[str]:
    running = sum(account.state == nouns.ACCOUNT_STATE_RUNNING for account in status.accounts)
    stopped = pages.stopped(status)
    accounts = f"ready: {running} of {len(status.accounts)} accounts running, {status.head_seq} fills"
    return [joined(accounts, stopped, headline(status.accounts))]


def shutdown(arguments: Namespace, connect: Connect, out: Output) -> ExitCode:
    """`shutdown [--now] [--wait] [--yes]`."""
    with connect() as supervisor:
        if not arguments.yes:
            ask_if_live(
                arguments, supervisor, "nothing was stopped",
                _shutdown_words, "Shut it down?",
            )  # fmt: skip
        answer = pb.ShutdownResponse()
        try:
            answer = supervisor.shutdown(now=arguments.now)
        except NotConnected:
            raise
        except Unavailable:
            if not arguments.wait:
                raise
            # It was gone before its answer got through: whether that was the end is what the wait finds out.
        if arguments.wait:
            with progress(
                "waiting for the supervisor and its accounts to stop",
                "the supervisor goes on stopping; `krakencopy shutdown --now` hurries it",
            ):
                wait_until_gone(
                    lambda limit_s: supervisor.get_status(timeout_s=limit_s), wait_limit_s(arguments)
                )
    out.one(
        answer,
        lambda _answer: ["the supervisor has stopped" if arguments.wait else "the supervisor is stopping"],
    )
    return ExitCode.DONE


def _shutdown_words(status: pb.GetStatusResponse | None) -> str:
    """What a shutdown does, in figures where they are known."""
    if status is None:
        return "nothing is copied until it is started again."
    users = sum(account.role == nouns.ROLE_USER for account in status.accounts)
    return (
        f"its {len(status.accounts)} accounts stop, {status.copies.open} copies are under way; nothing is "
        f"copied to {users} users until it is started again."
    )
