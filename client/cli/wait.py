"""Waiting: until the system is ready, until it is gone, until accounts are where they were to be brought."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Mapping

from krakencopy.client.sdk.errors import TimedOut, Unavailable
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S, WAIT_S
from krakencopy.client.views.rows import account_notes, standing
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Status is one small call; four of them a second disturb nobody, and nobody notices a quarter of a second.
_INTERVAL_S = 0.25

GetStatus = Callable[[float], pb.GetStatusResponse]
#: Whether an account is where it was to be brought: as it stood when it was asked, and as it stands now.
Settled = Callable[[nouns.Account, nouns.Account], bool]
_HAS_PROCESS = frozenset(
    {nouns.ACCOUNT_STATE_RUNNING, nouns.ACCOUNT_STATE_DEGRADED, nouns.ACCOUNT_STATE_STOPPING}
)


def wait_limit_s(arguments: Namespace) -> float:
    """How long a wait may last as a whole."""
    return WAIT_S if arguments.timeout is None else float(arguments.timeout)


def wait_until_ready(
    get_status: GetStatus, limit_s: float, say: Callable[[str], None] = lambda _: None
) -> pb.GetStatusResponse:
    """Ask until the system is ready; at least once. Raises TimedOut with the reason why it is not.

    ``get_status`` takes the seconds that the call may last. Nobody answering is no error before the limit.
    ``say`` is called with why it is not ready yet.
    """
    deadline = time.monotonic() + limit_s
    while True:
        try:
            status = get_status(_call_limit(deadline))
        except (Unavailable, TimedOut) as error:
            why_not = error.message
        else:
            if status.ready:
                return status
            why_not = _why_not(status)
        say(why_not)
        if not _pause(deadline):
            waited = f" after {limit_s:g} s" if limit_s else ""
            raise TimedOut(f"not ready{waited}: {why_not}")


def wait_until_gone(get_status: GetStatus, limit_s: float) -> None:
    """Ask until nobody answers any more. Raises TimedOut when someone still does."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            get_status(_call_limit(deadline))
        except Unavailable as error:
            if not error.reason:
                return  # else somebody answers
        except TimedOut:
            pass  # busy with ending
        if not _pause(deadline):
            raise TimedOut(
                f"the supervisor still answers {limit_s:g} s after it was asked to stop; its log says why"
            )


def is_settled(verb: str) -> Settled:
    """Where `start`, `stop` and `restart` bring an account that stood as ``before`` when it was asked."""

    def stopped(_before: nouns.Account, account: nouns.Account) -> bool:
        return account.state == nouns.ACCOUNT_STATE_STOPPED

    def running(_before: nouns.Account, account: nouns.Account) -> bool:
        return account.state == nouns.ACCOUNT_STATE_RUNNING

    def another_runs(before: nouns.Account, account: nouns.Account) -> bool:
        # A process that was asked to end stands as it did until it is told.
        is_old = before.state in _HAS_PROCESS and account.pid == before.pid
        return running(before, account) and not is_old

    return {"start": running, "stop": stopped, "restart": another_runs}[verb]


def wait_until_settled(
    get_status: GetStatus, accounts: Mapping[str, nouns.Account], settled: Settled, limit_s: float,
    say: Callable[[str], None] = lambda _: None, words: Callable[[nouns.Account], str] = standing,
) -> None:  # fmt: skip
    """Ask until each of these accounts is settled; at least once. ``accounts``: as they stood when they were
    asked; ``say`` is called with those that are left, each in ``words``. Raises TimedOut, also where all that
    are left have FAILED, which does not change by itself.
    """
    deadline = time.monotonic() + limit_s
    left = dict(accounts)
    why_not: dict[str, str] = {}
    while True:
        try:
            status = get_status(_call_limit(deadline))
        except (Unavailable, TimedOut) as error:
            why_not = dict.fromkeys(left, error.message)
        else:
            now = {account.id: account for account in status.accounts if account.id in left}
            left = {
                account_id: before
                for account_id, before in left.items()
                if account_id in now and not settled(before, now[account_id])
            }
            why_not = {account_id: words(now[account_id]) for account_id in left}
            failed = [each for each in left if now[each].state == nouns.ACCOUNT_STATE_FAILED]
            if failed and failed == list(left):
                raise TimedOut("; ".join(f"{each}: {standing(now[each])}" for each in failed))
        if not left:
            return
        waited_for = "; ".join(f"{each}: {why}" for each, why in why_not.items())
        say(waited_for)
        if not _pause(deadline):
            raise TimedOut(f"not done after {limit_s:g} s, and goes on: {waited_for}")


def _call_limit(deadline: float) -> float:
    """A call may be as long as any other, but not much longer than the whole wait; one that can't succeed
    is not worth making.
    """
    return max(min(CALL_TIMEOUT_S, deadline - time.monotonic()), 1.0)


def _pause(deadline: float) -> bool:
    """Wait for the next try; False when there is no time left for one."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        return False
    time.sleep(min(_INTERVAL_S, left_s))
    return True


def _why_not(status: pb.GetStatusResponse) -> str:
    still = (nouns.ACCOUNT_STATE_RUNNING, nouns.ACCOUNT_STATE_STOPPED)
    notes = account_notes(account for account in status.accounts if account.state not in still)
    parts = [part for part in (status.message, *notes) if part]
    return "; ".join(parts) or "the supervisor gives no reason"
