"""CPU time of a whole copy, by process: until the last user's order is at the exchange, and until all is
settled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.bench.person import Contestant, arrivals_of
from tests.bench.rows import EXCHANGE, OWN, Cpu, Who
from tests.bench.timing import NS_PER_MS, Spread
from tests.bench.venue import Record, answering

#: After so long a copy is settled, in seconds, and so much more for each user; where it is not yet, the
#: window is twice as long from then on.
WINDOW_S, WINDOW_USER_S = 1.0, 0.01
#: Clocks are read when so much more time has gone by, as a share of what has since the fill, and at least so
#: much: a few hundred times in all, as reading is in the way of what is measured.
STEP, STEP_LEAST_S = 0.03, 0.0005
#: When, by the monotonic clock, and what each group has used until then; in ns.
Sample = tuple[int, tuple[int, ...]]


def clock_ns(pid: int) -> int:
    """CPU time that a process has used, all of its threads, to the nanosecond: what clock_getcpuclockid(3)
    names, which Linux makes of the process's number (MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED).
    """
    return time.clock_gettime_ns(~pid << 3 | 2)


def measure(who: Who, contestant: Contestant, fills: int, answer_ms: int) -> Cpu:
    """Of so many fills, in ms for each user and fill; less what the same processes use in as long a time
    without one, measured before each.
    """
    groups = {**contestant.processes, EXCHANGE: [contestant.paper.process.pid]}
    left: list[dict[str, float]] = []
    settled: list[dict[str, float]] = []
    window_s = WINDOW_S + WINDOW_USER_S * contestant.users
    with answering(contestant.paper, answer_ms):
        record = Record(contestant.paper)
        while len(settled) < fills:
            idle = _window(groups, window_s, lambda: None)
            samples = _window(groups, window_s, contestant.person.trade)
            was_settled = contestant.is_at_rest()
            arrivals_ns = arrivals_of(record, contestant.users).values()
            contestant.rest()
            if not was_settled:
                window_s *= 2
                continue
            for found, until_ns in ((left, max(arrivals_ns)), (settled, samples[-1][0])):
                used = zip(groups, used_ns(samples, until_ns, idle), strict=True)
                found.append({name: ns / NS_PER_MS / contestant.users for name, ns in used})
    return Cpu(who, contestant.users, answer_ms, spreads(left), spreads(settled))


def spreads(rows: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Of each group, and of a contestant's own together. Pure."""
    whole = [{**row, OWN: sum(row.values()) - row[EXCHANGE]} for row in rows]
    return {name: Spread.of([row[name] for row in whole]) for name in whole[0]}


def used_ns(samples: Sequence[Sample], until_ns: int, idle: Sequence[Sample]) -> Iterator[float]:
    """What each group used from the first sample on until then, less what it uses idle; never below zero.
    Pure.
    """
    (idle_from_ns, idle_from), (idle_to_ns, idle_to) = idle[0], idle[-1]
    began_ns, began = samples[0]
    share = (until_ns - began_ns) / (idle_to_ns - idle_from_ns)
    for number, reached in enumerate(reached_ns(samples, until_ns)):
        yield max(0.0, reached - began[number] - share * (idle_to[number] - idle_from[number]))


def reached_ns(samples: Sequence[Sample], at_ns: int) -> list[float]:
    """What each group had used at a time between the first sample and the last, on straight lines. Pure."""
    after = next(number for number, (when_ns, _) in enumerate(samples) if when_ns >= at_ns)
    (from_ns, before), (to_ns, then) = samples[max(0, after - 1)], samples[after]
    part = (at_ns - from_ns) / (to_ns - from_ns) if to_ns > from_ns else 1.0
    return [was + part * (now - was) for was, now in zip(before, then, strict=True)]


def _window(groups: Mapping[str, Sequence[int]], seconds: float, act: Callable[[], None]) -> list[Sample]:
    """Samples of so long a time, at whose beginning something is done."""
    samples = [_sample(groups)]
    reader = threading.Thread(target=_read, args=(groups, samples, seconds))
    reader.start()
    act()
    reader.join()
    return samples


def _read(groups: Mapping[str, Sequence[int]], samples: list[Sample], seconds: float) -> None:
    began = time.monotonic()
    while (gone := time.monotonic() - began) < seconds:
        time.sleep(max(STEP_LEAST_S, STEP * gone))
        samples.append(_sample(groups))


def _sample(groups: Mapping[str, Sequence[int]]) -> Sample:
    return time.monotonic_ns(), tuple(sum(map(clock_ns, pids)) for pids in groups.values())
