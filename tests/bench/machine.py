"""Where a run was measured: without this its numbers mean nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

from tests.support.system import ROOT

#: Above this, others are at work on the machine.
QUIET_LOAD = 1.0


def facts() -> dict[str, str]:
    """By name, for people; ``load`` is the average of the last minute, before anything was started."""
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": git.stdout.strip() or "unknown",
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "load": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def is_quiet(machine: dict[str, str]) -> bool:
    """Whether nobody else was at work when the run began."""
    return float(machine["load"]) <= QUIET_LOAD


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
