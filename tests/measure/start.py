"""How long many accounts take to start, and what memory and time an idle one costs.

``python -m tests.measure.start --users 100``. Start: from the first user's start to the last one SERVING, by
the supervisor's own events. Memory: proportional set size (each shared page counted by its share), which only
root may read of these processes. Idle: CPU time of all of krakencopy's processes while nothing is traded, in
shares of one core.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from tests.support.footprint import SETTLE_S, idle_cores, memory_mib, start_s, user_pids
from tests.support.system import Paper, System


def main() -> None:
    """One start, one look."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.start", description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--idle", type=float, default=30.0, metavar="S")
    parser.add_argument(
        "--settle",
        type=float,
        default=SETTLE_S,
        metavar="S",
        help="wait so long before (default: %(default)g)",
    )
    given = parser.parse_args()
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, {f"user{number:03}": "1000" for number in range(given.users)}) as system:
            system.start().wait_ready()
            with system.api() as api:
                events = list(api.list_events())
            say(f"{given.users} users SERVING {start_s(events):.1f} s after the first one's start")
            time.sleep(given.settle)
            say(f"idle: {idle_cores(system, given.idle):.1%} of one core, all processes together")
            memory = memory_mib(user_pids(system))
            if memory:
                middle = statistics.median(memory)
                say(f"memory of an idle user's process: {middle:.1f} MiB (median), {memory[-1]:.1f} (worst)")
            else:
                say("memory: only root may read it")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
