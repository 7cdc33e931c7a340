"""When many accounts' processes end at once, it is not the accounts: a bad deploy, a full disk, no memory.

    CLOSED ──(many ended)──▶ OPEN ──(pause over)──▶ PROBING ──(the probe holds)──▶ CLOSED
                               ▲                        │
                               └─────(it ended)─────────┘   the pause doubles

While it is not closed, nothing is started but one probe at a time, another account each time; and no end is
held against the account that it happens to. Pure: time and what is seen are passed in. It must not know what
a start is, nor who waits for whom.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from krakencopy.supervisor.lifecycle.start_order import Gate

#: So many accounts, and so large a share of those that are to run, within so many seconds. Below three there
#: is no "many". A third is more than independent faults reach (a chaos campaign of 21 accounts, one of which
#: is killed each second, ends five of them in ten seconds, seldom seven), and a common cause soon reaches
#: everyone: the first three backoffs are over within 7 seconds.
MANY, SHARE, WINDOW_S = 3, 1 / 3, 10.0
#: Before the first probe, then twice as long after each that ended.
PAUSE_MIN_S, PAUSE_MAX_S = 5.0, 300.0
#: The probe holds when it has been SERVING for so long, or, where the exchange lets nobody serve, has
#: answered for so long.
SERVING_S, ANSWERING_S = 3.0, 30.0
#: Opened again so soon after it closed, it is the same trouble: the pause goes on doubling.
RELAPSE_S = 60.0
REASON = "MANY_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """What is remembered. Times in Unix seconds, 0 for none."""

    #: When each account's process last ended by itself, within the window.
    ends: tuple[tuple[str, float], ...] = ()
    open: bool = False
    #: What opened it, for people.
    why: str = ""
    #: The account that may start, if it is one's turn; otherwise when one's turn comes.
    probe: str = ""
    probe_at: float = 0.0
    #: How the probe has fared.
    answering_since: float = 0.0
    serving_since: float = 0.0
    #: Probes that ended, for the pause; who had a turn, the latest last.
    failed: int = 0
    tried: tuple[str, ...] = ()
    closed_at: float = -math.inf

    @property
    def message(self) -> str:
        """Why accounts are held back, what comes next, and what an operator can do; empty while it is
        closed.
        """
        if not self.open:
            return ""
        clock = time.strftime("%H:%M:%S", time.localtime(self.probe_at))
        following = f"{self.probe} is tried first" if self.probe else f"one is tried again at {clock}"
        return (
            f"{self.why}: that is hardly the accounts' own fault (full disk, no memory, a bad release?), so "
            "nothing is "
            f"started for now; {following}, the others follow by themselves if it holds; `krakencopy start "
            "ID` tries at once"
        )

    def gate(self, account_id: str) -> Gate:
        """Whether a process of this account may start, as far as this goes."""
        if not self.open or account_id == self.probe:
            return Gate(open=True)
        return Gate(open=False, reason=REASON, message=self.message)


@dataclass(frozen=True, slots=True)
class ProbeSeen:
    """The probe's process right now."""

    #: Whether there is one, or could be as soon as it is admitted.
    there: bool
    answering: bool
    serving: bool


def ended(breaker: CircuitBreaker, account_id: str, now: float, wanted: int) -> CircuitBreaker:
    """After a process ended by itself, not finally, of an account that is one of ``wanted``."""
    if breaker.open:
        return _probe_failed(breaker, now) if account_id == breaker.probe else breaker
    recent = [(who, at) for who, at in breaker.ends if who != account_id and now - at < WINDOW_S]
    breaker = replace(breaker, ends=(*recent, (account_id, now)))
    many = len(breaker.ends)
    if many < MANY or many < wanted * SHARE:
        return breaker
    failed = breaker.failed + 1 if now - breaker.closed_at < RELAPSE_S else 0
    why = f"{many} of {wanted} accounts ended within {WINDOW_S:g} s"
    return replace(breaker, open=True, why=why, failed=failed, probe="", probe_at=now + _pause(failed))


def look(breaker: CircuitBreaker, candidates: Sequence[str], probe: ProbeSeen, now: float) -> CircuitBreaker:
    """After time has passed. ``candidates`` wait for nothing but this, the one to try first at the front."""
    if not breaker.open:
        return breaker
    if breaker.probe:
        return _look_at_probe(breaker, probe, now)
    if now < breaker.probe_at or not candidates:
        return breaker
    chosen = _turn(candidates, breaker.tried)
    tried = (*(who for who in breaker.tried if who != chosen), chosen)
    return replace(breaker, probe=chosen, tried=tried, answering_since=0.0, serving_since=0.0)


def hurry(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    """An operator has corrected something, or hopes so: the next probe need not wait."""
    return replace(breaker, probe_at=min(breaker.probe_at, now))


def _turn(candidates: Sequence[str], tried: Sequence[str]) -> str:
    """Who had no turn yet, or the longest ago: an account that is broken for reasons of its own must not
    hold up the rest.
    """
    return min(candidates, key=lambda who: tried.index(who) if who in tried else -1)


def _look_at_probe(breaker: CircuitBreaker, probe: ProbeSeen, now: float) -> CircuitBreaker:
    if not probe.there:
        # An operator stopped it, or what it waits for is gone: somebody else's turn.
        return replace(breaker, probe="", probe_at=now)
    breaker = replace(
        breaker,
        answering_since=(breaker.answering_since or now) if probe.answering else 0.0,
        serving_since=(breaker.serving_since or now) if probe.serving else 0.0,
    )
    holds = _lasted(breaker.serving_since, SERVING_S, now) or _lasted(
        breaker.answering_since, ANSWERING_S, now
    )
    return CircuitBreaker(failed=breaker.failed, closed_at=now) if holds else breaker


def _lasted(since: float, seconds: float, now: float) -> bool:
    return bool(since) and now - since >= seconds


def _probe_failed(breaker: CircuitBreaker, now: float) -> CircuitBreaker:
    failed = breaker.failed + 1
    return replace(breaker, failed=failed, probe="", probe_at=now + _pause(failed))


def _pause(failed: int) -> float:
    return min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(failed, 10))
