"""What a running system costs: how long it took to start, its memory, its CPU time. Read from its events
and from /proc.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.support.system import System

#: What a start leaves to do is done after this, in seconds: an account's orders are compared every ten
#: seconds for half a minute, and its balances are read once more after a minute.
SETTLE_S = 80.0


def start_s(events: list[Any]) -> float:
    """From the first user's start to the last one's first SERVING; users' ids begin with "user"."""

    def at(words: str) -> list[float]:
        return [
            event.at.ToMicroseconds() / 1e6
            for event in events
            if event.account_id.startswith("user") and words in event.message
        ]

    return max(at("STARTING -> RUNNING")) - min(at("-> STARTING"))


def user_pids(system: System) -> list[int]:
    return [pid for account, pid in system.pids().items() if account != "master"]


def idle_cores(system: System, seconds: float) -> float:
    """CPU time of all of krakencopy's processes while nothing is traded, in shares of one core."""
    ours = [pid for pids in processes(system).values() for pid in pids]
    before, began = sum(map(cpu_s, ours)), time.monotonic()
    time.sleep(seconds)
    return (sum(map(cpu_s, ours)) - before) / (time.monotonic() - began)


def processes(system: System) -> dict[str, list[int]]:
    """All processes of a running system, by what they are for."""
    assert system.process is not None
    supervisor, accounts = system.process.pid, system.pids()
    master = accounts.pop("master")
    return {
        "supervisor": [supervisor, parent(master)],
        "front": children(supervisor, "kc-control"),
        "master": [master],
        "user": list(accounts.values()),
    }


def children(parent: int, name: str) -> list[int]:
    """Processes of that name that another one has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            head, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if head.partition("(")[2] == name and int(rest.split()[1]) == parent:
            found.append(int(folder.name))
    return found


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def memory_mib(pids: list[int]) -> list[float]:
    """Proportional set sizes (each shared page counted by its share), ascending; empty where only root may
    read them.
    """
    return sorted(found for pid in pids if (found := pss_mib(pid)) is not None)


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
