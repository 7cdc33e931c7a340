"""What is the same for all accounts is done once: a process of an account begins with all libraries that it
needs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.footprint import parent
from tests.support.system import System


def libraries(pid: int) -> set[str]:
    """Files whose code a process has loaded; root's to read."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    except PermissionError:
        pytest.skip("only root may see what these processes have loaded")
    return {fields[5] for line in lines if len(fields := line.split()) > 5 and "x" in fields[1]}


def test_a_process_that_has_copied_has_loaded_nothing_that_its_forkserver_has_not(system: System) -> None:
    for pid in system.pids().values():
        assert libraries(pid) <= libraries(parent(pid))
