"""Accounts and their processes as the state machine sees them, without any process."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from krakencopy.account_proc.contract.errors import FINAL_EXIT_CODES
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle.state_machine import (
    Ended,
    Life,
    Limits,
)

LIMITS = Limits()


NOW = 1_800_000_000.0


MASTER, ABROAD = "master", "abroad"


USERS = ("anna", "ben", "eve")


EVERYONE = (MASTER, *USERS, ABROAD)


SEPARATION_S = 5.0


#: Longer than everything that the supervisor may wait for by itself: a breaker's pause, a start, a backoff,
#: two limits of a stop.
RECOVERY_S = breaker.PAUSE_MAX_S + breaker.ANSWERING_S + 2 * LIMITS.start + LIMITS.backoff_max + 60


ENDS = st.one_of(
    st.builds(Ended, st.integers(0, 255), st.none()),
    st.builds(Ended, st.none(), st.integers(1, 64)),
    st.builds(Ended, st.sampled_from(sorted(FINAL_EXIT_CODES)), st.none()),
)


WHO = st.sampled_from(EVERYONE)


@dataclass
class Process:
    """A process as the supervisor can see it, and whether it ends when it is asked to."""

    linked: bool = False
    serving: bool = False
    polite: bool = True
    #: Since when it does not answer.
    silent_since: float = 0.0


@dataclass(frozen=True)
class Spawn:
    """What was so at the moment of a start."""

    account: str
    others_alive: int
    master_served: bool
    separated: bool
    stopped: bool
    #: Ends by itself, not among many, in the window before the last of them, since an operator last helped.
    recent_ends: int
    after_a_final_end: bool
    held_back: bool


@dataclass
class Account:
    """One account: its life, and what the model knows of it."""

    life: Life
    processes: list[Process] = field(default_factory=list)
    ended: Ended | None = None
    restart: bool = False
    reset: bool = False
    own_ends: list[float] = field(default_factory=list)
    final: bool = False
    #: A process that is to be stopped is over by then.
    gone_by: float = 0.0

    @property
    def process(self) -> Process | None:
        return self.processes[-1] if self.processes else None

    @property
    def linked(self) -> bool:
        return self.process is not None and self.process.linked

    @property
    def serving(self) -> bool:
        return self.process is not None and self.process.linked and self.process.serving
