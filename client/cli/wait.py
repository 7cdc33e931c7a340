"""Waiting for the system as a whole: until it is ready, until it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from krakencopy.client.sdk.errors import TimedOut, Unavailable
from krakencopy.client.sdk.timeouts import CALL_TIMEOUT_S
from krakencopy.client.views.rows import account_notes
from krakencopy.v1 import control_pb2 as pb
from krakencopy.v1 import types_pb2 as nouns

#: Status is one small call; four of them a second disturb nobody, and nobody notices a quarter of a second.
_INTERVAL_S = 0.25

GetStatus = Callable[[float], pb.GetStatusResponse]


def wait_until_ready(get_status: GetStatus, limit_s: float) -> pb.GetStatusResponse:
    """Ask until the system is ready; at least once. Raises TimedOut with the reason why it is not.

    ``get_status`` takes the seconds that the call may last. Nobody answering is no error before the limit.
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
