"""When an account must be looked at again though nothing has happened. Pure."""

from __future__ import annotations

from krakencopy.supervisor.lifecycle.state_machine import Life, Limits, State


def next_look(life: Life, users_from: float, limits: Limits) -> float:
    """When this account must be looked at again even if nothing happens; 0 for never."""
    if life.state is State.WAITING and life.reason == "SEPARATION_WAIT":
        return min(users_from, life.deadline)
    if life.state is State.RUNNING:
        return life.serving_since + limits.healthy if life.attempt else 0.0
    return life.deadline
