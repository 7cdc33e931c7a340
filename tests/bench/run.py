"""The parts of one run, in the order in which they are measured: one after another, as each needs the machine
for itself. Every contestant has an exchange of its own.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import (
    bot,
    cpu,
    flood,
    floor,
    hops,
    loop,
    ours,
    slowest,
    stopping,
    sustained,
    watchers,
    whole,
)
from tests.bench.ours import Running
from tests.bench.person import Contestant, Travel, travels
from tests.bench.rates import Search
from tests.bench.results import Results
from tests.bench.rows import Copying, Way, Who
from tests.bench.slowest import SlowCopy
from tests.bench.timing import RoundRobin
from tests.bench.venue import answering
from tests.support.footprint import SETTLE_S
from tests.support.system import ROOT

#: The exchange acts at once and answers after so many ms: as fast as it can, and as one far away.
ANSWERS_MS = [0, 50]
#: Where one of the two is enough.
SLOW_MS = 50

#: Turns of each contestant, and fills of one at least; before those that count there are others, in and out.
TURNS, TURN_FILLS_MIN, WARM_UP = 8, 10, 2
LOAD = Search(first=2.0, doublings=6, refinements=3, trial_s=15.0, proof_s=120.0, proofs=5)


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything is measured."""

    users: list[int]
    fills: int
    #: How long a system that is ready is left alone, and then looked at.
    settle_s: float = SETTLE_S
    idle_s: float = 20.0
    #: After so long the loop begins no new fill.
    loop_s: float = 30.0
    burst_users: int = 50
    burst_fills: int = 1000
    flood_users: int = 10
    flood_fills: int = 60
    watched_users: int = 10
    watched_fills: int = 100
    watches: int = watchers.WATCHES
    journal_s: float = 5.0
    cpu_fills: int = 10
    #: One of the numbers of users; else it is left out.
    load_users: int = 100
    load: Search = LOAD
    halts: int = stopping.HALTS
    flattens: int = stopping.FLATTENS


SHORT = Amounts(
    [1, 2],
    fills=5,
    settle_s=0.5,
    idle_s=0.5,
    loop_s=5.0,
    burst_users=2,
    burst_fills=20,
    journal_s=0.2,
    flood_users=1,
    flood_fills=2,
    watched_users=1,
    watched_fills=2,
    watches=20,
    cpu_fills=1,
    load_users=2,
    load=Search(first=8.0, doublings=0, refinements=0, trial_s=0.3, proof_s=0.3, proofs=1),
    halts=2,
    flattens=1,
)
LONG = Amounts([1, 10, 50, 100, 300], fills=200)


class Run:
    """What was found so far."""

    def __init__(
        self, amounts: Amounts, machine: dict[str, str], ccxt: Path, before: Path | None = None
    ) -> None:
        """``ccxt``: Python of an environment that has it; where there is none the script is left out.
        ``before``: a checkout whose krakencopy is measured in turn with this one's.
        """
        self.results = Results(machine)
        self.slowest: list[SlowCopy] = []
        self._amounts = amounts
        self._ccxt = ccxt if ccxt.exists() else None
        self._systems = {Who.OURS: ROOT} | ({Who.BEFORE: before} if before else {})
        if self._ccxt is None:
            self.results.left_out.append(f"asyncio: there is no {ccxt} (make conformance installs it)")
        if amounts.load_users not in amounts.users:
            self.results.left_out.append(f"sustained load: it is of {amounts.load_users} users")
        for what in self.results.left_out:
            say(f"LEFT OUT: {what}")

    def parts(self) -> Iterator[None]:
        """Each leaves what it has found."""
        self._once()
        for users in self._amounts.users:
            say(f"{users} users: floor")
            self._add(Who.FLOOR, users, floor.measure(users, self._amounts.fills, ANSWERS_MS))
            with ExitStack() as stack:
                self._together(users, stack)
            say(f"{users} users: loop")
            found = loop.measure(users, self._amounts.fills, ANSWERS_MS, self._amounts.loop_s)
            self._add(Who.LOOP, users, found)
            yield

    def _together(self, users: int, stack: ExitStack) -> None:
        """Those that watch the master: all are there, and one after another has its turn."""
        amounts, results = self._amounts, self.results
        systems: dict[Who, Running] = {}
        for who, checkout in self._systems.items():
            say(f"{users} users: start of {who}")
            systems[who] = stack.enter_context(ours.running(users, checkout))
        time.sleep(amounts.settle_s)
        results.standing.extend(whole.standing(who, each, amounts.idle_s) for who, each in systems.items())
        contestants = {who: each.contestant for who, each in systems.items()}
        if self._ccxt is not None:
            contestants[Who.ASYNCIO] = stack.enter_context(bot.running(self._ccxt, users))
        for ms in ANSWERS_MS:
            say(f"{users} users: {', '.join(contestants)} in turn, answers after {ms} ms")
            for who, found in in_turn(contestants, amounts.fills, ms).items():
                self._add(who, users, {ms: [each.round for each in found]})
                results.tails.append(slowest.tail(who, users, ms, found))
                if who in systems:
                    api = systems[who].api
                    results.ways.append(Way(users, ms, hops.hops(api, found), who))
                    self.slowest += slowest.slowest(api, who, users, ms, found)
        for who, contestant in contestants.items():
            say(f"{users} users: CPU time of {who}")
            results.cpu.append(cpu.measure(who, contestant, amounts.cpu_fills, SLOW_MS))
        for who, each in systems.items():
            say(f"{users} users: halts and flattens of {who}")
            results.stopping.append(stopping.measure(who, each, amounts.halts, amounts.flattens))
        # Last of all, as it leaves thousands of copies.
        for who, contestant in contestants.items() if users == amounts.load_users else ():
            say(f"{users} users: sustained load of {who}")
            results.sustained.append(sustained.measure(who, contestant, amounts.load, SLOW_MS))

    def _once(self) -> None:
        """What has a number of users of its own."""
        amounts, results = self._amounts, self.results
        say("journal")
        self.results = results = replace(results, commits_per_s=whole.commits_per_s(amounts.journal_s))
        for who, checkout in self._systems.items():
            say(f"bursts of {amounts.burst_fills} fills to {amounts.burst_users} users: {who}")
            results.bursts.extend(
                whole.bursts(who, checkout, amounts.burst_users, amounts.burst_fills, ANSWERS_MS)
            )
        say(f"floods of the control socket, {amounts.flood_users} users")
        results.floods.extend(flood.floods(amounts.flood_users, amounts.flood_fills))
        say(f"{amounts.watches} watches by TLS, {amounts.watched_users} users")
        results.watched.append(
            watchers.watched(amounts.watched_users, amounts.watched_fills, amounts.watches)
        )

    def _add(self, who: Who, users: int, found: dict[int, list[RoundRobin]]) -> None:
        self.results.copying.extend(Copying.of(who, users, ms, rounds) for ms, rounds in found.items())


def in_turn(contestants: Mapping[Who, Contestant], fills: int, answer_ms: int) -> dict[Who, list[Travel]]:
    """So many fills of each, a few at a time by turns: whatever else the machine does meets all."""
    found: dict[Who, list[Travel]] = {who: [] for who in contestants}
    piece = max(TURN_FILLS_MIN, math.ceil(fills / TURNS))
    while any(len(each) < fills for each in found.values()):
        for who, contestant in contestants.items():
            with answering(contestant.paper, answer_ms):
                now = min(piece, fills - len(found[who]))
                # The first ones after a rest are slower, and a turn is not what is measured.
                found[who] += list(travels(contestant, WARM_UP + now))[WARM_UP:]
    return found


def say(line: str) -> None:
    """On standard error: standard output has the table alone."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
