"""``python -m tests.bench``: krakencopy beside an asyncio script, a one-thread loop and the floor, in one
run; a table, JSON and plots.

``--out FILE.json`` is where the results go; the table and the plots are put beside it, and results that were
there become FILE.previous.json. ``--short`` takes a few fills of everything, to see that it works.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench import bot, cpu, figures, flood, floor, loop, machine, ours, stopping, watchers, whole
from tests.bench.person import travels
from tests.bench.results import Results
from tests.bench.rows import Copying, Way, Who
from tests.bench.table import table
from tests.bench.timing import RoundRobin
from tests.bench.venue import answering, exchange
from tests.support.footprint import SETTLE_S

#: The exchange acts at once and answers after so many ms: as fast as it can, and as one far away.
ANSWERS_MS = [0, 50]
#: Where one of the two is enough.
SLOW_MS = 50


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
    halts=2,
    flattens=1,
)
LONG = Amounts([1, 10, 50, 100, 300], fills=200)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=_numbers, metavar="1,10,50")
    parser.add_argument(
        "--fills", type=_number, help="of the master, for each number of users and each answer time"
    )
    parser.add_argument("--short", action="store_true", help="a few fills of everything")
    parser.add_argument("--out", type=Path, default=Path("bench/results.json"), metavar="FILE.json")
    parser.add_argument(
        "--figures", type=Path, metavar="FOLDER", help="where the plots go; default: beside the results"
    )
    parser.add_argument(
        "--ccxt", type=Path, default=bot.CONFORMANCE, metavar="PYTHON",
        help="of an environment with ccxt, for the asyncio script; default: the conformance environment's",
    )  # fmt: skip
    given = parser.parse_args()
    amounts = SHORT if given.short else LONG
    amounts = replace(amounts, users=given.users or amounts.users, fills=given.fills or amounts.fills)
    here = machine.facts()
    if not machine.is_quiet(here):
        say(
            f"WARNING: the load is {here['load']}; wait until the machine is idle, or its numbers mean little"
        )
    for number, results in enumerate(run(amounts, here, given.ccxt)):
        if number == 0 and given.out.exists():
            given.out.replace(given.out.with_suffix(".previous.json"))
        # What was measured is kept, whatever becomes of the rest.
        keep(results, given.out, given.figures or given.out.parent)
    sys.stdout.write(given.out.with_suffix(".txt").read_text())
    return 0


def run(amounts: Amounts, here: dict[str, str], ccxt: Path) -> Iterator[Results]:
    """All results so far, after each part; the last ones are whole.

    One after another: for each number of users the floor, the script, krakencopy and the loop, each with an
    exchange of its own. Without an environment for the script it is left out.
    """
    results = Results(here)
    if not ccxt.exists():
        results.left_out.append(f"asyncio: there is no {ccxt} (make conformance installs it)")
        say(f"LEFT OUT: {results.left_out[-1]}")
    say("journal")
    results = replace(results, commits_per_s=whole.commits_per_s(amounts.journal_s))
    say(f"bursts of {amounts.burst_fills} fills to {amounts.burst_users} users")
    results.bursts.extend(whole.bursts(amounts.burst_users, amounts.burst_fills, ANSWERS_MS))
    say(f"floods of the control socket, {amounts.flood_users} users")
    results.floods.extend(flood.floods(amounts.flood_users, amounts.flood_fills))
    say(f"{amounts.watches} watches by TLS, {amounts.watched_users} users")
    results.watched.append(watchers.watched(amounts.watched_users, amounts.watched_fills, amounts.watches))

    def add(who: Who, users: int, found: dict[int, list[RoundRobin]]) -> None:
        results.copying.extend(Copying.of(who, users, ms, rounds) for ms, rounds in found.items())

    for users in amounts.users:
        say(f"{users} users: floor")
        add(Who.FLOOR, users, floor.measure(users, amounts.fills, ANSWERS_MS))
        if not results.left_out:
            say(f"{users} users: asyncio")
            with exchange() as paper, bot.started(ccxt, paper, users) as script:
                for ms in ANSWERS_MS:
                    with answering(paper, ms):
                        add(Who.ASYNCIO, users, {ms: [each.round for each in travels(script, amounts.fills)]})
                say(f"{users} users: CPU time of asyncio")
                results.cpu.append(cpu.measure(Who.ASYNCIO, script, amounts.cpu_fills, SLOW_MS))
        say(f"{users} users: krakencopy")
        with exchange() as paper, ours.started(paper, users) as (system, person):
            results.standing.append(whole.standing(system, amounts.settle_s, amounts.idle_s))
            for ms in ANSWERS_MS:
                rounds, hops = ours.measure(system, person, amounts.fills, ms)
                add(Who.OURS, users, {ms: rounds})
                results.ways.append(Way(users, ms, hops))
            say(f"{users} users: CPU time of krakencopy")
            with system.api() as api:
                mine = ours.contestant(system, person, api)
                results.cpu.append(cpu.measure(Who.OURS, mine, amounts.cpu_fills, SLOW_MS))
            say(f"{users} users: halts and flattens")
            results.stopping.append(stopping.measure(system, person, amounts.halts, amounts.flattens))
        say(f"{users} users: loop")
        add(Who.LOOP, users, loop.measure(users, amounts.fills, ANSWERS_MS, amounts.loop_s))
        yield results


def keep(results: Results, out: Path, plots: Path) -> None:
    """Writes JSON, table and plots."""
    for folder in (out.parent, plots):
        folder.mkdir(parents=True, exist_ok=True)
    out.write_text(results.to_json())
    out.with_suffix(".txt").write_text(table(results))
    for name, picture in figures.figures(results).items():
        (plots / name).write_text(picture)


def say(line: str) -> None:
    """On standard error: standard output has the table alone."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return number


def _numbers(text: str) -> list[int]:
    return [_number(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
