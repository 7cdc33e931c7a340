"""What a local client that floods the control socket does to copying: fill to last order with each kind of
flood, beside the same without one, in one run. What processes cost that are only busy shows how much of it is
the use of the cores alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.bench.flooder import KINDS
from tests.bench.ours import Person, measure, started
from tests.bench.results import Flood
from tests.bench.timing import Spread
from tests.bench.venue import exchange
from tests.support.footprint import children, cpu_s, rss_mib
from tests.support.system import ROOT, System

#: All of them at once.
TOGETHER = "all together"
#: As many processes that use as much of the cores as those do, and never touch the control socket.
BUSY = "busy processes"
#: Fills before the first one that counts.
WARM_UP = 5
#: With and without a flood by turns, so often: what else the machine does meets both.
TURNS = 8


def p95(values: Sequence[float]) -> float:
    """The least value that fewer than one in twenty exceed."""
    return sorted(values)[len(values) * 95 // 100]


def floods(users: int, fills: int) -> Iterator[Flood]:
    """Each kind, all together, and as many busy processes as those; one system has all. ``fills``: with each
    kind, and as many without.
    """
    with exchange() as paper, started(paper, users) as (system, person):
        measure(system, person, WARM_UP, 0)
        socket = str(system.state_dir / "run" / "control.sock")
        commands = [["tests.bench.flooder", socket, kind] for kind in KINDS]
        for kind, command in zip(KINDS, commands, strict=True):
            yield _flood(system, person, fills, kind, [command])[0]
        together, shares = _flood(system, person, fills, TOGETHER, commands)
        yield together
        yield _flood(system, person, fills, BUSY, [["tests.bench.busy", f"{each:.4f}"] for each in shares])[0]


def _flood(
    system: System, person: Person, fills: int, kind: str, commands: Sequence[Sequence[str]]
) -> tuple[Flood, list[float]]:
    """With these processes; also how much of a core each of them used."""
    calm: list[float] = []
    flooded: list[float] = []
    used, lasted_s = [0.0] * len(commands), 0.0
    piece = max(1, fills // TURNS)
    memory = {}
    while len(flooded) < fills:
        calm += [each.last for each in measure(system, person, piece, 0)[0]]
        with _running(commands) as pids:
            before, began = list(map(cpu_s, pids)), time.monotonic()
            flooded += [each.last for each in measure(system, person, piece, 0)[0]]
            used = [
                now - then + sum_s for now, then, sum_s in zip(map(cpu_s, pids), before, used, strict=True)
            ]
            lasted_s += time.monotonic() - began
            memory = _memory(system)
    flood = Flood(
        kind=kind, users=len(system.users),
        last=Spread.of(flooded), p95=p95(flooded), calm_last=Spread.of(calm), calm_p95=p95(calm), **memory,
    )  # fmt: skip
    return flood, [each / lasted_s for each in used]


def _memory(system: System) -> dict[str, float]:
    assert system.process is not None
    supervisor = system.process.pid
    (front,) = children(supervisor, "kc-control")
    return {"supervisor_mib": rss_mib(supervisor), "front_mib": rss_mib(front)}


@contextmanager
def _running(commands: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Modules of the benchmark, each as a process of its own; their ids."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for command in commands
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def main() -> None:
    """``python -m tests.bench.flood [USERS] [FILLS]``: only this part of the benchmark."""
    users, fills = (int(word) for word in [*sys.argv[1:], *("1", "100")[len(sys.argv) - 1 :]])
    for each in floods(users, fills):
        sys.stdout.write(f"{each} median x {each.median_ratio:.2f}, p95 x {each.p95_ratio:.2f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
