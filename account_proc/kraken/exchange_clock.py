"""The exchange's clock as one account's process knows it: what orders' deadlines are set by, and ages are
counted by.

Each answer of the exchange says what time it was there, at some moment between the request and the answer; so
each bounds how far the exchange's clock is from our steady one (runtime/steady_clock.py), and all of them
together bound it closely. ``Bounds`` is the arithmetic, pure. ``ExchangeClock`` is the shell around it:
clocks, threads, and what is said when this machine's own clock turns out to be wrong.

This machine's clock is believed as long as no answer contradicts it, so that processes that share it agree to
the microsecond; else the middle of what is possible. Why it is so: docs/decisions/0023.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from math import inf, isinf

from krakencopy.account_proc.domain.sent_values import UNREADABLE, instant
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: How fast two clocks may drift apart, in seconds a second: the most by which the kernel corrects a frequency
#: (adjtimex: 500 ppm); crystals are off by up to 100 ppm.
DRIFT = 500e-6
#: The exchange's machines (the front, the API, the engine) may differ from each other by this much, in
#: seconds: NTP keeps servers within tens of milliseconds.
DISAGREE_S = 0.1
#: From here on this machine's clock is reported as wrong, in seconds; orders' deadlines had this much margin
#: when they were set by it.
CLOCK_WARNING_S = 2.0
#: By how much a time is later than the one before while the clock stands still, in seconds: a microsecond,
#: the grain of the API's times.
TICK_S = 1e-6
#: What an HTTP Date leaves out, in seconds: it is cut to whole ones (RFC 9110, 5.6.7).
WHOLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Clock:
    """The exchange's clock against this machine's as it is set now, in seconds."""

    #: The exchange's minus ours.
    offset: float
    #: How wrong that may be.
    doubt: float

    @property
    def is_off(self) -> bool:
        """Whether ours is wrong for certain."""
        return abs(self.offset) > CLOCK_WARNING_S + self.doubt


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the exchange's clock minus the steady one lies, in seconds, as of ``at`` of the steady one."""

    low: float = -inf
    high: float = inf
    at: float = 0.0

    def aged(self, now: float) -> Bounds:
        """The same later: both clocks may have drifted."""
        grown = max(now - self.at, 0.0) * DRIFT
        return Bounds(self.low - grown, self.high + grown, now)

    def narrowed(self, more: Bounds) -> Bounds | None:
        """What both allow; None where they contradict each other."""
        low, high = max(self.low, more.low), min(self.high, more.high)
        return Bounds(low, high, max(self.at, more.at)) if low <= high else None

    def within(self, guess: float) -> float:
        """``guess`` if it is possible; else the middle of what is, or the bound where there is but one."""
        if self.low <= guess <= self.high:
            return guess
        if isinf(self.low) or isinf(self.high):
            return max(min(guess, self.high), self.low)
        return (self.low + self.high) / 2


def bounds_of(earliest: float, latest: float, sent_at: float, received_at: float) -> Bounds:
    """What an answer says: at some moment from ``sent_at`` to ``received_at`` (steady) the exchange's clock
    showed a time from ``earliest`` to ``latest`` (Unix seconds).
    """
    return Bounds(earliest - received_at - DISAGREE_S, latest - sent_at + DISAGREE_S, received_at)


class ExchangeClock:
    """One process's. Safe for threads: answers are read in more than one."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady_s) -> None:
        self._wall = wall
        self.steady = steady
        self._bounds = Bounds()
        #: What contradicts the bounds, until another answer says so too or one agrees with them.
        self._suspected: Bounds | None = None
        self._one_at_a_time = threading.Lock()
        self._was_off = False
        #: The last that ``stamp`` gave.
        self._stamped = -inf
        #: Is called, in any thread, when this machine's clock turns out to be wrong, or right again.
        self.changed: Callable[[], None] = lambda: None
        #: Is called, in any thread, when an answer contradicts what was known: the one that can ask for the
        #: time to the microsecond should.
        self.doubted: Callable[[], None] = lambda: None

    def now(self) -> float:
        """The exchange's time in Unix seconds; this machine's while the exchange has sent nothing."""
        steady, wall, bounds = self.steady(), self._wall(), self._bounds
        # Asked for several times on the way of an order, and nearly always so: the bounds need not be made
        # older for it.
        if bounds.low <= wall - steady <= bounds.high:
            return wall
        return steady + bounds.aged(steady).within(wall - steady)

    def stamp(self) -> float:
        """``now`` for a record: later than each stamp before, so that times keep the order in which things
        happened.

        Rather than going back by up to CLOCK_WARNING_S, it stands still; a longer way back is gone. For one
        thread.
        """
        now = self.now()
        if 0 <= self._stamped - now <= CLOCK_WARNING_S:
            now = self._stamped + TICK_S
        self._stamped = now
        return now

    def reading(self) -> Clock | None:
        """How far this machine's clock is off; None while the exchange has sent nothing."""
        steady = self.steady()
        bounds = self._bounds.aged(steady)
        if isinf(bounds.low) or isinf(bounds.high):
            return None
        middle, doubt = (bounds.low + bounds.high) / 2, (bounds.high - bounds.low) / 2
        return Clock(middle - (self._wall() - steady), doubt)

    async def ask(self, server_time: Callable[[], Awaitable[int]]) -> Clock:
        """Asks the exchange (whole Unix seconds) what time it is; how far this machine's clock is off.
        Raises what asking raises.
        """
        sent_at = self.steady()
        self.hear_second(await server_time(), sent_at, self.steady())
        reading = self.reading()
        assert reading is not None, "nobody asks before the exchange has sent anything"
        return reading

    # -- what the exchange tells ----------------------------------------------------------------------------

    def hear_date(self, date: str | None, sent_at: float, received_at: float) -> None:
        """The ``Date`` of an answer; one that cannot be read says nothing. Times on the steady clock."""
        second = None if date is None else http_date(date)
        if second is not None:
            self.hear_second(second, sent_at, received_at)

    def hear_second(self, second: float, sent_at: float, received_at: float) -> None:
        """A time that was cut to whole seconds (Unix seconds)."""
        self._hear(bounds_of(second, second + WHOLE_S, sent_at, received_at))

    def hear_span(self, time_in: str, time_out: str, sent_at: float, received_at: float) -> None:
        """Kraken's ``time_in`` and ``time_out`` of a request over WebSocket, to the microsecond (RFC
        3339).
        """
        try:
            arrived, left = (instant(text).timestamp() for text in (time_in, time_out))
        except UNREADABLE:
            return
        # It left after it had arrived: each is a bound of its own.
        self._hear(bounds_of(left, arrived, sent_at, received_at))

    def hear_event(self, happened_at: float) -> None:
        """Something of the exchange's that has come in by now had happened at this time of its clock."""
        now = self.steady()
        self._hear(Bounds(happened_at - now - DISAGREE_S, inf, now))

    def refused(self) -> None:
        """The exchange has just refused an order for its time: what the last answer said against the
        bounds is so.
        """
        with self._one_at_a_time:
            if self._suspected is not None and not isinf(self._suspected.high):
                self._jump(self._suspected)
        self._look()

    def _hear(self, more: Bounds) -> None:
        bounds, wall_ahead = self._bounds, self._wall() - more.at
        if (
            self._suspected is None
            and not self._was_off
            and more.low <= bounds.low <= wall_ahead <= bounds.high <= more.high
        ):
            # Nothing new, as nearly always once the feed has sent the time: also bounds that are older hold
            # in it.
            grown = (more.at - bounds.at) * DRIFT
            if more.low <= bounds.low - grown and bounds.high + grown <= more.high:
                return
        with self._one_at_a_time:
            narrowed = self._bounds.aged(more.at).narrowed(more)
            contradicts = narrowed is None
            if narrowed is not None:
                self._bounds, self._suspected = narrowed, None
            else:
                # A single answer may be an old one from a cache; two that agree are not.
                before = None if self._suspected is None else self._suspected.aged(more.at)
                agreed = None if before is None else before.narrowed(more)
                # What happened bounds on one side only, and one odd row may hold any time: an answer has to
                # say it as well.
                if agreed is None or isinf(agreed.high):
                    self._suspected = more
                else:
                    self._jump(agreed)
        if contradicts:
            self.doubted()
        self._look()

    def _jump(self, bounds: Bounds) -> None:
        before = self._bounds.aged(bounds.at)
        self._bounds, self._suspected = bounds, None
        low, high = bounds.low - before.high, bounds.high - before.low
        # One machine's clock against the other's: a suspended machine, or the exchange's was set.
        log.warning("the exchange's clock moved by %+.1f to %+.1f s against this machine's", low, high)

    def _look(self) -> None:
        """Says so when this machine's clock turns out to be wrong, or right again."""
        reading = self.reading()
        if reading is None or reading.is_off == self._was_off:
            return
        self._was_off = reading.is_off
        if reading.is_off:
            log.warning("CLOCK_OFF: %s", clock_words(reading))
        else:
            log.info("this machine's clock agrees with the exchange's again")
        self.changed()


def clock_words(clock: Clock) -> str:
    """What is wrong with this machine's clock, for people; empty where nothing is."""
    if not clock.is_off:
        return ""
    side = "behind" if clock.offset > 0 else "ahead of"
    return (
        f"this machine's clock is {abs(clock.offset):.0f} s {side} the exchange's: deadlines of orders and "
        "ages of entries go by the "
        "exchange's, which its answers tell, but logs and shown times are wrong; set the clock (NTP)"
    )


@lru_cache(maxsize=8)
def http_date(text: str) -> float | None:
    """Unix seconds of an HTTP Date; None for anything else. Answers of one second have the same one."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
