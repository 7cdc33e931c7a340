"""What a local client that floods the control socket does to copying: fill to last order with each kind of
flood, beside the same without one, and beside the same flood on the control socket of another system, in one
run. The last is what those processes cost that call somebody else: they use the same cores, whatever
krakencopy does.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.bench.flooder import KINDS
from tests.bench.ours import measure, started
from tests.bench.person import Person
from tests.bench.rows import Flood
from tests.bench.timing import Spread
from tests.bench.venue import exchange
from tests.support.footprint import children, rss_mib
from tests.support.system import ROOT, System

#: All of them at once.
TOGETHER = "all together"
#: Fills before the first one that counts.
WARM_UP = 5
#: Without a flood, with it, and with it elsewhere by turns, so often: what else the machine does meets all.
#: A turn has at least as many fills as its first one is no more than one in twenty of them: that one meets a
#: flood that begins, and is shown by itself as well.
TURNS, TURN_FILLS_MIN = 8, 30


def p95(values: Sequence[float]) -> float:
    """The least value that fewer than one in twenty exceed."""
    return sorted(values)[len(values) * 95 // 100]


def floods(users: int, fills: int) -> Iterator[Flood]:
    """Each kind, and all together; one system has all. ``fills``: with each kind, as many without, and as
    many while the other system is flooded, which has no fills.
    """
    with (
        exchange() as paper,
        started(paper, users) as (system, person),
        exchange() as other_paper,
        started(other_paper, 1) as (other, _),
    ):
        measure(system, person, WARM_UP, 0)
        for kind, kinds in {**{kind: [kind] for kind in KINDS}, TOGETHER: list(KINDS)}.items():
            yield _flood(system, other, person, fills, kind, kinds)


def _flood(
    system: System, other: System, person: Person, fills: int, kind: str, kinds: Sequence[str]
) -> Flood:
    calm: list[float] = []
    flooded: list[float] = []
    elsewhere: list[float] = []
    piece = min(fills, max(TURN_FILLS_MIN, fills // TURNS))
    firsts: list[float] = []
    memory = {}

    def some() -> Iterator[float]:
        return (each.last for each in measure(system, person, piece, 0))

    while len(flooded) < fills:
        calm += some()
        with _running(_commands(system, kinds)):
            found = list(some())
            firsts.append(found[0])
            flooded += found
            memory = _memory(system)
        with _running(_commands(other, kinds)):
            elsewhere += some()
    return Flood(
        kind=kind, users=len(system.users),
        last=Spread.of(flooded), p95=p95(flooded), first=statistics.median(firsts),
        calm_last=Spread.of(calm), calm_p95=p95(calm),
        elsewhere_last=Spread.of(elsewhere), elsewhere_p95=p95(elsewhere),
        **memory,
    )  # fmt: skip


def _commands(system: System, kinds: Sequence[str]) -> list[list[str]]:
    socket = str(system.state_dir / "run" / "control.sock")
    return [["tests.bench.flooder", socket, kind] for kind in kinds]


def _memory(system: System) -> dict[str, float]:
    assert system.process is not None
    supervisor = system.process.pid
    (front,) = children(supervisor, "kc-control")
    return {"supervisor_mib": rss_mib(supervisor), "front_mib": rss_mib(front)}


@contextmanager
def _running(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Modules of the benchmark, each as a process of its own."""
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
        sys.stdout.write(
            f"{each.kind}: {each.last.median:.1f} ms (p95 {each.p95:.1f}); "
            f"without it {each.calm_last.median:.1f} ({each.calm_p95:.1f}), "
            f"times {each.median_ratio:.2f} ({each.p95_ratio:.2f}), the first {each.first:.1f}; "
            f"with it elsewhere {each.elsewhere_last.median:.1f} ({each.elsewhere_p95:.1f}), "
            f"times {each.median_over_elsewhere:.2f} ({each.p95_over_elsewhere:.2f}); "
            f"supervisor {each.supervisor_mib:.0f} MiB, front {each.front_mib:.0f} MiB\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
