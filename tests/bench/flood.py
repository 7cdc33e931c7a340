"""What a local client that floods the control socket does to copying: fill to last order with each kind of
flood, beside the same without one, in one run.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.bench.flooder import KINDS
from tests.bench.ours import Person, measure, started
from tests.bench.results import Flood
from tests.bench.timing import Spread
from tests.bench.venue import exchange
from tests.support.footprint import children, rss_mib
from tests.support.system import ROOT, System

#: All of them at once.
TOGETHER = "all together"
#: Fills before the first one that counts.
WARM_UP = 5
#: With and without a flood by turns, so often: what else the machine does meets both.
TURNS = 4


def p95(values: Sequence[float]) -> float:
    """The least value that fewer than one in twenty exceed."""
    return sorted(values)[len(values) * 95 // 100]


def floods(users: int, fills: int) -> list[Flood]:
    """Each kind, then all together; one system has all. ``fills``: with each kind, and as many without."""
    with exchange() as paper, started(paper, users) as (system, person):
        measure(system, person, WARM_UP, 0)
        return [
            _flood(system, person, fills, kinds) for kinds in (*((kind,) for kind in KINDS), tuple(KINDS))
        ]


def _flood(system: System, person: Person, fills: int, kinds: Sequence[str]) -> Flood:
    calm: list[float] = []
    flooded: list[float] = []
    piece = max(1, fills // TURNS)
    memory = {}
    while len(flooded) < fills:
        calm += [each.last for each in measure(system, person, piece, 0)[0]]
        with _flooders(system, kinds):
            flooded += [each.last for each in measure(system, person, piece, 0)[0]]
            memory = _memory(system)
    return Flood(
        kind=kinds[0] if len(kinds) == 1 else TOGETHER, users=len(system.users),
        last=Spread.of(flooded), p95=p95(flooded), calm_last=Spread.of(calm), calm_p95=p95(calm), **memory,
    )  # fmt: skip


def _memory(system: System) -> dict[str, float]:
    assert system.process is not None
    supervisor = system.process.pid
    (front,) = children(supervisor, "kc-control")
    return {"supervisor_mib": rss_mib(supervisor), "front_mib": rss_mib(front)}


@contextmanager
def _flooders(system: System, kinds: Sequence[str]) -> Iterator[None]:
    socket = str(system.state_dir / "run" / "control.sock")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.flooder", socket, kind],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for kind in kinds
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield
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
