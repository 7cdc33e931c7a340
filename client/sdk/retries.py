"""Whether a call that failed is asked again, and when: pure, from the error and times alone.

    what is known                              is asked again
    ─────────────────────────────────────────  ─────────────────────────────────────────────────────────────
    nothing was sent, or nothing done          any call, unless nobody was ever there
    (NotConnected, TOO_MANY_CALLS)
    the connection was lost after it was sent  a read; what is done once for ever by its request id; any other
                                               change only while the same run of the supervisor answers, which
                                               remembers the request ids of its own run
    the supervisor does not know what came of  what is done once for ever by its request id
    it (ORDER_OUTCOME_UNKNOWN, ...)
    anything else                              never

All of it within the limit of the call. A call that may have been done never ends as one that was not sent.
"""

from __future__ import annotations

from typing import NamedTuple

from krakencopy.client.sdk.errors import KrakenCopyError, NotConnected, TimedOut, Unavailable

#: A connection that was only dropped is back at once; a supervisor takes a second to start.
FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 0.5
#: An order is looked for at the exchange each time, which its account's rate limit counts.
LOOK_DELAY_S = 1.0

#: Nothing was done, and it may be taken in a moment.
_NOT_DONE = {"TOO_MANY_CALLS"}
#: Asking again with the same request id finds out what came of it.
_OUTCOME_UNKNOWN = {"ORDER_OUTCOME_UNKNOWN", "CANCEL_OUTCOME_UNKNOWN"}


class Run(NamedTuple):
    """Which run of which supervisor answers."""

    epoch: int
    started_at_ns: int


class Attempts:
    """All attempts of one call."""

    def __init__(self, request_id: str, limit_s: float, began_s: float, *, once_for_ever: bool) -> None:
        """``began_s`` is of a monotonic clock, as all times here. Without a ``request_id`` it is a read."""
        self._is_read = not request_id
        self._once_for_ever = once_for_ever
        self._ends_s = began_s + limit_s
        self._delay_s = FIRST_DELAY_S
        #: How it was lost after it may have been done; the first one.
        self._lost: KrakenCopyError | None = None
        #: To which run it was sent, where that matters.
        self._sent_to: Run | None = None

    @property
    def _is_bound_to_run(self) -> bool:
        """Whether it is done once by the supervisor's memory of its run alone."""
        return not self._is_read and not self._once_for_ever

    def needs_run(self, known: Run | None) -> bool:
        """Whether it has to be known which run answers now; ``known``: which one answered some time ago."""
        return self._is_bound_to_run and (known is None or self._lost is not None)

    def may_be_sent_to(self, run: Run | None) -> bool:
        """Whether it can be sent to this run, None for one that is not known, without being done twice."""
        if not self._is_bound_to_run:
            return True
        if self._lost is None:
            self._sent_to = run
            return True
        return run is not None and run == self._sent_to

    def left_s(self, now_s: float) -> float:
        """What is left for it; 0 at the least."""
        return max(self._ends_s - now_s, 0.0)

    def delay_s(self, error: KrakenCopyError, now_s: float, *, was_up: bool, was_sent: bool) -> float | None:
        """How long to wait before the next attempt; None for none. ``was_up``: the supervisor has answered
        before. ``was_sent``: the error is of the call itself, not of what is asked before it.
        """
        if was_sent and self._may_have_been_done(error) and self._lost is None:
            self._lost = error
        delay_s = LOOK_DELAY_S if error.reason in _OUTCOME_UNKNOWN else self._delay_s
        if not self._again(error, was_up=was_up) or now_s + delay_s >= self._ends_s:
            return None
        self._delay_s = min(self._delay_s * 2, LONGEST_DELAY_S)
        return delay_s

    def outcome(self, error: KrakenCopyError) -> KrakenCopyError:
        """What the caller gets in the end, where ``error`` was the last one."""
        if self._lost is not None and not self._is_read and isinstance(error, NotConnected | TimedOut):
            return self._lost
        return error

    def lost(self) -> KrakenCopyError:
        """How it was lost, where it may not be sent again."""
        assert self._lost is not None
        return self._lost

    def _again(self, error: KrakenCopyError, *, was_up: bool) -> bool:
        if error.reason:
            is_known_by_id = self._once_for_ever and error.reason in _OUTCOME_UNKNOWN
            return error.reason in _NOT_DONE or is_known_by_id
        if isinstance(error, NotConnected):
            return was_up
        return isinstance(error, Unavailable)

    def _may_have_been_done(self, error: KrakenCopyError) -> bool:
        if error.reason:
            return error.reason in _OUTCOME_UNKNOWN
        return isinstance(error, Unavailable | TimedOut) and not isinstance(error, NotConnected)
