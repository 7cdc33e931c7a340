"""How long many accounts take to start, and what memory and time an idle one costs.

``python -m tests.measure_start --users 100``. Start: from the first user's start to the last one SERVING, by the supervisor's own events.
Memory: proportional set size (each shared page counted by its share), which only root may read of these processes. Idle: CPU time of
all of krakencopy's processes while nothing is traded, in shares of one core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.system import Paper, System


def main() -> None:
    """One start, one look."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure_start", description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--idle", type=float, default=30.0, metavar="S")
    given = parser.parse_args()
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        with System(paper, {f"user{number:03}": "1000" for number in range(given.users)}) as system:
            system.start().wait_ready()
            with system.api() as api:
                events = list(api.list_events())
            say(f"{given.users} users SERVING {start_s(events):.1f} s after the first one's start")
            time.sleep(5.0)
            pids = [pid for account, pid in system.pids().items() if account != "master"]
            assert system.process is not None
            ours = [*pids, system.pids()["master"], system.process.pid, parent(pids[0])]
            before = sum(map(cpu_s, ours))
            time.sleep(given.idle)
            say(
                f"idle: {(sum(map(cpu_s, ours)) - before) / given.idle:.1%} of one core, all processes together"
            )
            memory = [found for pid in pids if (found := pss_mib(pid)) is not None]
            if memory:
                middle = statistics.median(memory)
                say(f"memory of an idle user's process: {middle:.1f} MiB (median), {max(memory):.1f} (worst)")
            else:
                say("memory: only root may read it")


def start_s(events: list[Any]) -> float:
    """From the first user's start to the last one's first SERVING."""

    def at(words: str) -> list[float]:
        return [
            event.at.ToMicroseconds() / 1e6
            for event in events
            if event.account_id.startswith("user") and words in event.message
        ]

    return max(at("STARTING -> RUNNING")) - min(at("-> STARTING"))


def parent(pid: int) -> int:
    """The forkserver of an account's process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pss_mib(pid: int) -> float | None:
    """Proportional set size; None where it may not be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except PermissionError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
