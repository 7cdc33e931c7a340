"""What cannot be undone goes on only after a yes of somebody who was shown what it does: at a terminal, or
with --yes. What sells or orders by a plan asks everywhere; all else only where real money is at stake.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from krakencopy.client.sdk.errors import BadInput, NoRoom, NotConnected, Refused, TimedOut, Unavailable

if TYPE_CHECKING:
    from krakencopy.client.sdk.message_client import MessageClient
    from krakencopy.v1.control_pb2 import GetStatusResponse

#: An exchange's mode with real money (ExchangeStatus.mode).
_LIVE = "live"


def ask_to_go_on(
    nothing: str, shown: Callable[[], Sequence[str]], question: str, *,
    needs: str = "it needs a yes; give it with --yes, or see the plan with --dry-run",
) -> None:  # fmt: skip
    """``nothing``: how a refusal begins, "nothing was sold"; ``shown``: lines before the question; ``needs``:
    what is said where nobody can be asked. Raises BadInput, Refused.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadInput(f"{nothing}: {needs}")
    lines = shown()
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write("\n".join([*lines, f"{question} [y/N] "]))
        sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refused(f"{nothing}: the answer was not yes")


def add_yes(parser: Any, before: str) -> None:
    """The option that answers the question."""
    parser.add_argument("--yes", action="store_true", help=f"answers the question before {before}")


def ask_if_live(
    arguments: Namespace, supervisor: MessageClient, nothing: str,
    shown: Callable[[GetStatusResponse | None], str], question: str, *, needs: str = "",
) -> None:  # fmt: skip
    """Goes on only after a yes where the system is live, or nobody knows what it is as its supervisor does
    not say. ``nothing`` and ``needs`` are those of ``ask_to_go_on``; ``shown``: what it does, by the status
    where there is one. Raises BadInput, Refused, NotConnected.
    """
    try:
        status = status_if_any(supervisor)
    except NoRoom:
        return  # it waits for room, and nothing runs: whatever is asked but its end is refused
    if status is not None and status.exchange.mode != _LIVE:
        return
    where = system_words(arguments, supervisor, status)
    ask_to_go_on(
        nothing, lambda: [f"{where}: {shown(status)}"], question,
        needs=needs or "on a live system it needs a yes; give it with --yes",
    )  # fmt: skip


def status_if_any(supervisor: MessageClient) -> GetStatusResponse | None:
    """What the supervisor says of the whole; None where it does not answer in time. Raises NotConnected, and
    NoRoom of one that waits for room.
    """
    try:
        return supervisor.get_status()
    except (NotConnected, NoRoom):
        raise
    except (Unavailable, TimedOut):
        return None


def system_words(arguments: Namespace, supervisor: MessageClient, status: GetStatusResponse | None) -> str:
    """Which system is asked about, and whether real money is at stake there."""
    name = f" (context {arguments.context_name})" if arguments.context_name else ""
    if status is None:
        return f"the system at {supervisor.endpoint}{name}, which may be live, as it does not answer"
    kind = "LIVE" if status.exchange.mode == _LIVE else status.exchange.mode or "unknown"
    return f"the {kind} system at {supervisor.endpoint}{name}"
