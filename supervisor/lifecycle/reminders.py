"""What operators are reminded of about accounts that stand still: how long, why, and what they can do. Pure.

Accounts that stand still for one reason are named together: hundreds of users wait for one master. It must
not know when reminders are due (lifecycle/state_machine.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from krakencopy.supervisor.lifecycle.state_machine import NO_ANSWER, NOT_SERVING, Life, State

#: More accounts than this with one reason are one reminder; so many of them are named.
SINGLE_MAX, NAMED_MAX = 3, 10
#: Reasons that pass by themselves, or that another account's reminder is about.
QUIET_REASONS = frozenset({"SEPARATION_WAIT", "MASTER_LOST"})


@dataclass(frozen=True, slots=True)
class Reminder:
    """One event. ``account_id`` is empty when it is about several."""

    account_id: str
    code: str
    message: str
    #: Somebody has to do something.
    loud: bool


def reminders(lives: Iterable[Life], now: float) -> Iterator[Reminder]:
    """Events about lives that stand still in WAITING or DEGRADED."""
    alike: dict[tuple[State, str], list[Life]] = defaultdict(list)
    for life in lives:
        alike[life.state, life.reason].append(life)
    for (state, reason), group in alike.items():
        code, loud = f"STILL_{state}", reason not in QUIET_REASONS
        if len(group) <= SINGLE_MAX:
            for life in group:
                words = f"{_standing(life, now)}; {_way_out(life, life.account_id)}"
                yield Reminder(life.account_id, code, words, loud)
        else:
            longest = min(group, key=lambda life: life.since)
            words = f"{_names(group)}: {_standing(longest, now)}; {_way_out(longest, 'ID')}"
            yield Reminder("", code, words, loud)


def _standing(life: Life, now: float) -> str:
    why = ": ".join(part for part in (life.reason, life.message) if part)
    return f"{life.state} for {_lasting(now - life.since)}" + (f" ({why})" if why else "")


def _lasting(seconds: float) -> str:
    minutes = round(seconds / 60)
    return (
        f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    )


def _way_out(life: Life, account_id: str) -> str:
    if life.state is State.WAITING:
        return f"it starts by itself once that is over; `krakencopy stop {account_id}` if it is not to run"
    if life.reason == "MASTER_LOST":
        return "it goes on by itself once the master is healthy"
    if life.reason in {NO_ANSWER, NOT_SERVING}:
        return f"see `krakencopy logs {account_id}`; `krakencopy restart {account_id}` gives it a new process"
    return f"a new process does not change that; see `krakencopy accounts {account_id}`"


def _names(group: Sequence[Life]) -> str:
    names = [life.account_id for life in group]
    more = len(names) - NAMED_MAX
    return f"{len(names)} accounts ({', '.join(names[:NAMED_MAX])}" + (
        f" and {more} more)" if more > 0 else ")"
    )
