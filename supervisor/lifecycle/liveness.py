"""Whose pulse has stopped: judged by what the accounts' loops say (account_proc/runtime/liveness.py) and by
the kernel's word on who is stopped.

A machine that is overloaded, or was frozen, is late with everything, this judge included. So the lateness of
its own looks is given to everyone on top of the limit. Pure: what was read and the time are passed in. It
must not know what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from krakencopy.account_proc.runtime.liveness import Beat

#: Between two looks, in seconds. 300 pulses and the kernel's word on them are read in some two milliseconds.
LOOK_S = 0.5
#: A loop that has not moved for so long, or does not wake when it wanted to, does not answer. With a look
#: missed by a hair, it is noticed within 2.9 s.
SILENT_S = 2.4
#: A process that is stopped for so long after it was seen stopped first does not answer, whatever it said
#: before: noticed within 2 s.
STOPPED_S = 1.0
_NS_PER_S = 1_000_000_000


class Seen(NamedTuple):
    """One process at one look."""

    beat: Beat
    #: By the kernel's word.
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a process has stood since a look."""

    seen: Seen
    #: From when on it is overdue, as far as is known: a process that has not beaten yet counts from when it
    #: was first seen, and so does one that is stopped.
    at_ns: int
    #: All lateness before the look that found it.
    late_ns: int

    def is_silent(self, now_ns: int, late_ns: int) -> bool:
        """Whether it has been overdue for too long, with the lateness of all looks given on top."""
        limit_s = STOPPED_S if self.seen.stopped else SILENT_S
        return now_ns - self.at_ns - (late_ns - self.late_ns) > limit_s * _NS_PER_S


class Pulses:
    """Remembers how every process stood from look to look."""

    def __init__(self, now_ns: int) -> None:
        self._looked_ns = now_ns
        self._late_ns = 0
        self._standings: dict[str, _Standing] = {}

    def due(self, now_ns: int) -> bool:
        """Whether it is time for a look."""
        return now_ns - self._looked_ns >= LOOK_S * _NS_PER_S

    def look(self, processes: Mapping[str, Seen], now_ns: int) -> frozenset[str]:
        """Those whose pulse has stopped. ``processes`` by a name that no two of them share."""
        late_ns = max(0, now_ns - self._looked_ns - round(LOOK_S * _NS_PER_S))
        standings: dict[str, _Standing] = {}
        for who, seen in processes.items():
            known = self._standings.get(who)
            if known is None or known.seen != seen:
                # The lateness of this very look may have come after the beat, so it is given on top as well.
                known = _Standing(seen, _overdue_from(seen, now_ns), self._late_ns)
            standings[who] = known
        self._looked_ns, self._late_ns, self._standings = now_ns, self._late_ns + late_ns, standings
        return frozenset(who for who, known in standings.items() if known.is_silent(now_ns, self._late_ns))


def _overdue_from(seen: Seen, now_ns: int) -> int:
    if seen.stopped or not seen.beat.at_ns:
        return now_ns
    return seen.beat.at_ns if seen.beat.asleep else min(seen.beat.at_ns, now_ns)
