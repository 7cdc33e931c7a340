"""What those who watch by TLS do to copying: fill to last order with two hundred watches from elsewhere,
beside the same without any, by turns in one run.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.bench.flood import WARM_UP, p95
from tests.bench.ours import PATIENT, measure
from tests.bench.person import PATIENCE_S, Person
from tests.bench.rows import Watched
from tests.bench.timing import Spread
from tests.bench.venue import MASTER_USD, USER_USD, exchange, names
from tests.support.system import ROOT, System, wait_for

#: Watches at once, and names that they have: of one there are at most 100.
WATCHES, NAMES = 200, 4
#: With them and without by turns, so often.
TURNS, TURN_FILLS_MIN = 8, 10


def watched(users: int, fills: int, watches: int = WATCHES) -> Watched:
    """``fills`` with them, and as many without."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    tail = f'{PATIENT}\n[control]\nlisten = "127.0.0.1:{port}"'
    calm: list[float] = []
    busy: list[float] = []
    piece = min(fills, max(TURN_FILLS_MIN, fills // TURNS))
    with (
        exchange() as paper,
        System(paper, dict.fromkeys(names(users), USER_USD), MASTER_USD, tail) as system,
    ):
        system.start()
        wait_for("a system that is ready", lambda: (seen := system.status()) and seen.ready, PATIENCE_S)
        person = Person(paper)
        with system.api() as api:
            tokens = [
                api.create_token(f"watcher{n}", "viewer", timedelta(days=1)).token for n in range(NAMES)
            ]
        measure(system, person, WARM_UP, 0)

        def some() -> Iterator[float]:
            return (each.last for each in measure(system, person, piece, 0))

        while len(busy) < fills:
            calm += some()
            with _watching(system, port, watches, tokens):
                busy += some()
        person.close()
    return Watched(
        users=users, watches=watches, last=Spread.of(busy), p95=p95(busy), calm_last=Spread.of(calm),
        calm_p95=p95(calm),
    )  # fmt: skip


@contextmanager
def _watching(system: System, port: int, watches: int, tokens: list[str]) -> Iterator[None]:
    ca = str(system.state_dir / "tls" / "ca.pem")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.watcher", str(port), ca, str(watches), *tokens],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def main() -> None:
    """``python -m tests.bench.watchers [USERS] [FILLS] [WATCHES]``: only this part of the benchmark."""
    users, fills, watches = (int(word) for word in [*sys.argv[1:], *("1", "100", "200")[len(sys.argv) - 1 :]])
    found = watched(users, fills, watches)
    sys.stdout.write(
        f"{found.watches} watches by TLS: {found.last.median:.1f} ms (p95 {found.p95:.1f}); without them "
        f"{found.calm_last.median:.1f} ({found.calm_p95:.1f}), times {found.median_ratio:.2f} "
        f"({found.p95_ratio:.2f})\n"
    )


if __name__ == "__main__":
    main()
