"""Whose pulse has stopped: judged by the times that the accounts' loops wrote (account_proc/pulse.py), on the monotonic clock.

A machine that is overloaded, or was frozen, is late with everything, this judge included. So the lateness of its own looks is given
to everyone on top of the limit. Pure: what was read and the time are passed in. It must not know what follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Between two looks, in seconds. 300 pulses are read in less than a millisecond.
LOOK_S = 0.5
#: A loop that has not moved for so long does not answer: a beat may be late by more than its period. With a look missed by a hair, it
#: is noticed within 2.9 s.
SILENT_S = 2.4
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Heard:
    """The last beat of one process."""

    beat_ns: int
    #: When that was, as far as is known: a process that has not beaten yet counts from when it was first seen.
    at_ns: int
    #: All lateness before the look that found it.
    late_ns: int


class Pulses:
    """Remembers every process's last beat from look to look."""

    def __init__(self, now_ns: int) -> None:
        self._looked_ns = now_ns
        self._late_ns = 0
        self._heard: dict[str, _Heard] = {}

    def due(self, now_ns: int) -> bool:
        """Whether it is time for a look."""
        return now_ns - self._looked_ns >= LOOK_S * _NS_PER_S

    def look(self, beats: Mapping[str, int], now_ns: int) -> frozenset[str]:
        """Those whose pulse has stopped. ``beats`` are last beats in ns, 0 for none, by a name that no two processes share."""
        late_ns = max(0, now_ns - self._looked_ns - round(LOOK_S * _NS_PER_S))
        heard: dict[str, _Heard] = {}
        for who, beat_ns in beats.items():
            known = self._heard.get(who)
            if known is None or known.beat_ns != beat_ns:
                # The lateness of this very look may have come after the beat, so it is given on top as well.
                known = _Heard(beat_ns, min(beat_ns, now_ns) if beat_ns else now_ns, self._late_ns)
            heard[who] = known
        self._looked_ns, self._late_ns, self._heard = now_ns, self._late_ns + late_ns, heard
        return frozenset(who for who, known in heard.items() if self._silent_ns(known) > SILENT_S * _NS_PER_S)

    def _silent_ns(self, known: _Heard) -> int:
        return self._looked_ns - known.at_ns - (self._late_ns - known.late_ns)
