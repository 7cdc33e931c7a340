"""The life of one account's process, as one pure function: what is wanted, what is seen, what follows.

    STOPPED ──▶ WAITING ──▶ STARTING ──▶ RUNNING ⇄ DEGRADED
       ▲           ▲  ▲        │ │          │         │
       │           │  └ BACKOFF ◀┴──────────┴─────────┤   the process ended by itself
       │           │        │                         │
       │           │        └──▶ FAILED ◀─────────────┘   ... and starting it again cannot help, or did not
       └───────────┴──── STOPPING ◀── (not wanted, or to be restarted)

``step`` is level-triggered: it compares what is wanted with what is observed and may be called at any time,
any number of times. It reads no clock, starts nothing and knows no gRPC; the effects it returns are carried
out by the supervisor's loop (supervisor.py).

STOPPED, RUNNING and FAILED may last. Every other state has a deadline: the end of its patience, or, where
force would not help (WAITING, and a DEGRADED that answers), the next time that operators are reminded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES, ExitCode


class State(StrEnum):
    """Where an account's process stands; the names are those of ``krakencopy.v1.AccountState``."""

    STOPPED = "STOPPED"
    WAITING = "WAITING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"
    STOPPING = "STOPPING"
    BACKOFF = "BACKOFF"
    FAILED = "FAILED"


#: Reasons of a process that answers no more, and of one that answers and does not say why it cannot trade.
NOT_SERVING = "NOT_SERVING"
NO_ANSWER = "NO_ANSWER"
#: Of one that ended, or may not be started, as the disk is full.
NO_ROOM = "DISK_NOT_WRITABLE"
#: Reason of a user whose master is not healthy.
MASTER_LOST = "MASTER_LOST"
#: Reasons of a process that was killed because it did not answer, and whose end is not known yet.
KILLED = frozenset({"START_TIMEOUT", "HUNG"})
#: What comes before another start, by the reason of a FAILED that no restart can help.
REMEDIES = {
    "LOCK_HELD": "once the other process is gone",
    "CREDENTIALS": "once its key is corrected",
    "CONFIGURATION": "once its configuration is corrected",
    "OTHER_ACCOUNT": "once that is corrected",
    "FOREIGN_LEDGER": "once that is corrected",
    "NEWER_LEDGER": "once that version is installed",
    "KEY_USED_ELSEWHERE": "once the other program is stopped",
}
#: Of the backoff and of the reminders; more would overflow a float, for an account that fails for days slower
#: than restarts_window forbids.
DOUBLINGS_MAX = 30

#: In a hurry, for what is in flight before SIGTERM, and again before SIGKILL, in seconds.
HURRIED_S = 1.0

#: States in which a process exists.
ALIVE = frozenset({State.STARTING, State.RUNNING, State.DEGRADED, State.STOPPING})


class Effect(StrEnum):
    """What is to be done about it."""

    SPAWN = "SPAWN"
    #: Ask it to finish what is in flight.
    DRAIN = "DRAIN"
    TERMINATE = "TERMINATE"
    KILL = "KILL"
    #: Remind operators that it still stands there, since when, why, and what they can do.
    REMIND = "REMIND"
    #: It ended by itself, in a way that a restart may cure: the circuit breaker counts it.
    COUNT_FAILURE = "COUNT_FAILURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All times in seconds."""

    #: From the start to the first SERVING.
    start: float = 60.0
    #: Without an answer or a beat, before a process counts as hung.
    silence: float = 10.0
    #: To finish what is in flight before SIGTERM, and then before SIGKILL.
    drain: float = 12.0
    terminate: float = 12.0
    backoff_min: float = 0.5
    backoff_max: float = 60.0
    #: A process that was healthy for so long has earned a fresh start.
    healthy: float = 60.0
    restarts_max: int = 5
    restarts_window: float = 300.0
    #: In WAITING, or DEGRADED though it answers, before operators are reminded; then twice as long each
    #: time, up to the maximum.
    remind: float = 60.0
    remind_max: float = 3_600.0

    def hurried(self) -> Limits:
        """When an operator does not want to wait: what is in flight then is taken up at the next start."""
        return replace(self, drain=min(self.drain, HURRIED_S), terminate=min(self.terminate, HURRIED_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is seen of the account right now."""

    wanted: bool
    #: Whether a process of this account may start, and if not, why.
    gate_open: bool
    gate_reason: str = ""
    gate_message: str = ""
    #: Whether its process answers (over gRPC, and its loop moves), and whether it says SERVING.
    linked: bool = False
    serving: bool = False
    reason: str = ""
    message: str = ""
    #: Set once, when the process has ended.
    ended: Ended | None = None
    #: An operator asks for a restart, or for another try after FAILED.
    restart: bool = False
    reset: bool = False
    #: What it needs and lacks while it says SERVING (account_proc/contract/conditions.py), as a code and for
    #: people: shown, and no reason to end anything or to hold anybody up.
    lacking: tuple[str, str] | None = None
    #: For users: whether their master is SERVING.
    master_serving: bool = True
    #: Why it must not trade until an operator starts it again, as a code and for people
    #: (accounts/same_account.py).
    condemned: tuple[str, str] | None = None
    #: The circuit breaker is open (lifecycle/circuit_breaker.py): the account's own end is not held against
    #: it. Ends that open it are forgiven afterwards (``forgive``).
    many_failed: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; ``last_words`` is what it left on standard error."""

    code: int | None
    signal: int | None
    last_words: str = ""

    def __str__(self) -> str:
        how = f"exit code {self.code}" if self.signal is None else f"signal {self.signal}"
        return f"{how}: {self.last_words}" if self.last_words else how


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One account's process, from the supervisor's side. Times in Unix seconds of a steady clock
    (lifecycle/steady_time.py), 0 for none.
    """

    #: The account's id, for the commands that messages name.
    account_id: str = "ID"
    state: State = State.STOPPED
    reason: str = ""
    message: str = ""
    since: float = 0.0
    #: When the state must have changed, or operators are to be reminded.
    deadline: float = 0.0
    #: How often they were, and when they are next, in this state.
    reminders: int = 0
    remind_at: float = 0.0
    #: When the process stopped answering.
    silent_since: float = 0.0
    #: When processes of this account ended by themselves, within the window.
    failures: tuple[float, ...] = ()
    #: Failures in a row, for the backoff.
    attempt: int = 0
    serving_since: float = 0.0
    #: While STOPPING: SIGTERM was sent because the deadline passed.
    terminated: bool = False

    def to(
        self, state: State, now: float, reason: str = "", message: str = "", deadline: float = 0.0
    ) -> Life:
        """The life in another state; the same state with other words keeps ``since``."""
        life = replace(self, state=state, reason=reason, message=message, deadline=deadline)
        return life if state is self.state else replace(life, since=now, reminders=0, remind_at=0.0)


Step = tuple[Life, tuple[Effect, ...]]


def step(life: Life, seen: Observed, now: float, limits: Limits, dice: float) -> Step:
    """What follows. ``dice`` in [0, 1) spreads restarts over time."""
    if seen.ended is not None and life.state in ALIVE:
        return _after_end(life, seen, seen.ended, now, limits, dice)
    match life.state:
        case State.STOPPED:
            if not seen.wanted:
                return life, ()
            # Only an operator or the supervisor's own start leads here: what failed before is no longer held
            # against it.
            return _waiting(_fresh(life), seen, now, limits)
        case State.WAITING:
            return _wait(life, seen, now, limits)
        case State.BACKOFF:
            if not seen.wanted:
                return life.to(State.STOPPED, now), ()
            over = now >= life.deadline or seen.reset
            return _waiting(life, seen, now, limits) if over else (life, ())
        case State.FAILED:
            if not seen.wanted:
                return life.to(State.STOPPED, now), ()
            if seen.reset:
                return _waiting(_fresh(life), seen, now, limits)
            return life, ()
        case State.STOPPING:
            return _stopping(life, now, limits)
        case _:
            return _alive(life, seen, now, limits)


def forgive(life: Life, since: float, now: float, limits: Limits) -> Life:
    """The life without its failures after ``since``, which had a cause outside of it; FAILED only by them,
    it gets another try.
    """
    kept = tuple(at for at in life.failures if at < since)
    forgiven = len(life.failures) - len(kept)
    if not forgiven:
        return life
    life = replace(life, failures=kept, attempt=max(life.attempt - forgiven, 0))
    if life.state is State.FAILED and life.reason == "RESTART_LIMIT":
        words = (
            "it ended too often, but at last together with many others; starting again in "
            f"{limits.backoff_min:g} s"
        )
        return life.to(State.BACKOFF, now, "PROCESS_ENDED", words, now + limits.backoff_min)
    return life


def excuse(life: Life, late: float) -> Life:
    """The life after ``late`` seconds in which the supervisor itself did not look: nobody is held to a
    time limit that nobody watched.
    """
    moved = {
        name: at + late
        for name in ("deadline", "silent_since", "serving_since", "remind_at")
        if (at := getattr(life, name))
    }
    return replace(life, **moved)


def _fresh(life: Life) -> Life:
    return replace(life, failures=(), attempt=0)


def _waiting(life: Life, seen: Observed, now: float, limits: Limits) -> Step:
    return _reminding(life.to(State.WAITING, now, seen.gate_reason, seen.gate_message), now, limits)


def _reminding(life: Life, now: float, limits: Limits) -> Step:
    """A state that force cannot end: its deadline is when operators hear of it again."""
    if not life.remind_at:
        life = replace(life, remind_at=now + limits.remind)
    if now < life.remind_at:
        return replace(life, deadline=life.remind_at), ()
    reminders = life.reminders + 1
    pause = min(limits.remind_max, limits.remind * 2 ** min(reminders, DOUBLINGS_MAX))
    return replace(life, reminders=reminders, remind_at=now + pause, deadline=now + pause), (Effect.REMIND,)


def _wait(life: Life, seen: Observed, now: float, limits: Limits) -> Step:
    # WAITING -> STOPPED | STARTING
    if not seen.wanted:
        return life.to(State.STOPPED, now), ()
    if not seen.gate_open:
        return _waiting(life, seen, now, limits)
    started = replace(life, silent_since=0.0, serving_since=0.0)
    return started.to(State.STARTING, now, deadline=now + limits.start), (Effect.SPAWN,)


def _alive(life: Life, seen: Observed, now: float, limits: Limits) -> Step:
    # STARTING | RUNNING | DEGRADED -> RUNNING | DEGRADED | STOPPING
    if seen.condemned is not None and seen.wanted:
        life = replace(life, terminated=False)
        return life.to(State.STOPPING, now, *seen.condemned, now + limits.drain), (Effect.DRAIN,)
    if not seen.wanted or seen.restart:
        reason, message = ("RESTART", "to be started again") if seen.wanted else ("", "")
        life = replace(life, terminated=False)
        return life.to(State.STOPPING, now, reason, message, now + limits.drain), (Effect.DRAIN,)
    if seen.serving:
        return _serving(life, seen, now, limits)
    life = replace(life, serving_since=0.0)
    if life.state is State.STARTING:
        if now < life.deadline:
            if life.reason in KILLED:
                return life, ()
            return life.to(State.STARTING, now, seen.reason, seen.message, life.deadline), ()
        if not seen.linked:
            words = f"no answer within {limits.start:g} s of its start; killed"
            return life.to(State.STARTING, now, "START_TIMEOUT", words, now + limits.terminate), (
                Effect.KILL,
            )
    if seen.linked:
        # It answers and says what it waits for: killing it would not bring that nearer.
        life = replace(life, silent_since=0.0)
        life = life.to(State.DEGRADED, now, seen.reason or NOT_SERVING, seen.message)
        return _reminding(life, now, limits)
    if life.reason in KILLED and now < life.deadline:
        return life, ()
    silent = life.silent_since or now
    life = replace(life, silent_since=silent)
    if now - silent < limits.silence:
        words = (
            f"the process does not answer; after {limits.silence:g} s it is killed, and another one starts"
        )
        return life.to(State.DEGRADED, now, NO_ANSWER, words, silent + limits.silence), ()
    words = f"the process did not answer for {limits.silence:g} s; killed"
    return life.to(State.DEGRADED, now, "HUNG", words, now + limits.silence), (Effect.KILL,)


def _serving(life: Life, seen: Observed, now: float, limits: Limits) -> Step:
    life = replace(life, silent_since=0.0, serving_since=life.serving_since or now)
    if now - life.serving_since >= limits.healthy:
        life = replace(life, attempt=0)
    if seen.lacking is not None:
        return _reminding(life.to(State.DEGRADED, now, *seen.lacking), now, limits)
    if not seen.master_serving:
        words = "the master is not healthy; there is nothing to copy until it is"
        return _reminding(life.to(State.DEGRADED, now, MASTER_LOST, words), now, limits)
    return life.to(State.RUNNING, now), ()


def _stopping(life: Life, now: float, limits: Limits) -> Step:
    # The limits may have become shorter since the deadline was set.
    longest = now + (limits.terminate if life.terminated else limits.drain)
    life = replace(life, deadline=min(life.deadline, longest))
    if now < life.deadline:
        return life, ()
    deadline = now + limits.terminate
    if not life.terminated:
        life = replace(life, terminated=True)
        words = "did not finish what was in flight in time; SIGTERM"
        return life.to(State.STOPPING, now, life.reason, words, deadline), (Effect.TERMINATE,)
    return life.to(State.STOPPING, now, life.reason, "ignored SIGTERM; SIGKILL", deadline), (Effect.KILL,)


def _after_end(life: Life, seen: Observed, ended: Ended, now: float, limits: Limits, dice: float) -> Step:
    # STARTING | RUNNING | DEGRADED | STOPPING -> STOPPED | WAITING | BACKOFF | FAILED
    if not seen.wanted:
        return life.to(State.STOPPED, now), ()
    is_asked, is_final = life.state is State.STOPPING, ended.code in FINAL_EXIT_CODES
    counted = () if is_asked or is_final else (Effect.COUNT_FAILURE,)
    if seen.condemned is not None:
        reason, message = seen.condemned
        words = f"{message}; then: `krakencopy start {life.account_id}`"
        return life.to(State.FAILED, now, reason, words), counted
    if is_asked:
        return _waiting(life, seen, now, limits)
    if is_final:
        assert ended.code is not None
        reason = ExitCode(ended.code).name
        # It has said its reason itself.
        last_words = ended.last_words.removeprefix(f"{reason}: ")
        words = f"{last_words or ended}; {REMEDIES[reason]}: `krakencopy start {life.account_id}`"
        return life.to(State.FAILED, now, reason, words), ()
    end = f"{life.message} ({ended})" if life.reason in KILLED else str(ended)
    failures = tuple(at for at in life.failures if now - at < limits.restarts_window)
    if ended.code == ExitCode.NO_ROOM:
        # Nothing of its own, and a start waits for room (supervisor/disk_watch.py).
        words = f"{ended.last_words or ended}; it is started again by itself"
        return life.to(State.BACKOFF, now, NO_ROOM, words, now + limits.backoff_min), ()
    if not seen.many_failed:
        failures = (*failures, now)
        life = replace(life, attempt=life.attempt + 1)
    life = replace(life, failures=failures)
    if len(failures) > limits.restarts_max:
        words = (
            f"ended {len(failures)} times in {limits.restarts_window:g} s, at last with {end}; find out why "
            f"(`krakencopy logs {life.account_id}`), correct it, then `krakencopy start {life.account_id}`"
        )
        return life.to(State.FAILED, now, "RESTART_LIMIT", words), counted
    # Full jitter: many accounts that failed together do not come back together.
    longest = min(limits.backoff_max, limits.backoff_min * 2 ** min(life.attempt, DOUBLINGS_MAX))
    pause = limits.backoff_min + dice * (longest - limits.backoff_min)
    return life.to(
        State.BACKOFF, now, "PROCESS_ENDED", f"{end}; starting again in {pause:.1f} s", now + pause
    ), counted
