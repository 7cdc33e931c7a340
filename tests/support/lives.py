"""Lives of an account's process for tests of lifecycle/state_machine.py, and one step of one."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from krakencopy.supervisor.lifecycle.state_machine import Effect, Ended, Life, Limits, Observed, State, step

LIMITS = Limits()
NOW = 1_800_000_000.0
CRASH = Ended(1, None, "KeyError: 'XBT'")
#: Dice at both ends of what random() gives, and in between.
DICE = st.floats(0, 1, exclude_max=True)


def seen(**what: Any) -> Observed:
    return Observed(**{"wanted": True, "gate_open": True, **what})


def after(life: Life, dice: float = 0.5, now: float = NOW, **what: Any) -> tuple[Life, tuple[Effect, ...]]:
    return step(life, seen(**what), now, LIMITS, dice)


def life_in(state: State, **more: Any) -> Life:
    deadline = NOW + 5 if state in {State.STARTING, State.STOPPING, State.BACKOFF} else 0.0
    return Life(**{"account_id": "anna", "state": state, "since": NOW - 100, "deadline": deadline, **more})


RUNNING = life_in(State.RUNNING, serving_since=NOW - 10)
STARTING = life_in(State.STARTING)
OVERDUE = life_in(State.STARTING, deadline=NOW)
STOPPING = life_in(State.STOPPING)
SILENT = life_in(State.DEGRADED, silent_since=NOW - LIMITS.silence, deadline=NOW)
