"""Nothing outlives its supervisor, however that ends, and nothing that it left behind keeps the next one from working."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.measure_orphans import Measured
from tests.support.system import Paper, System, alive, wait_for

IDLE_END = "ending: the supervisor is gone, and nothing is in flight"


@pytest.fixture
def paper() -> Iterator[Paper]:
    with Paper() as paper:
        paper.price("XBTUSD", "50000")
        yield paper


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def said(system: System, account: str) -> list[str]:
    return [line["message"] for line in system.logs(account)]


def test_a_supervisor_that_is_killed_leaves_no_process_and_the_next_start_works_whatever_was_in_flight(
    paper: Paper,
) -> None:
    paper.call("POST", "/faults", kind="hang_reply", method="AddOrder", delay_ms=300, count=0)
    measured = Measured(paper, users=3)
    with measured.system as system:
        system.start().wait_ready()
        measured.round(measured.idle)
        assert all(IDLE_END in said(system, account) for account in system.pids())
        measured.round(measured.in_flight)
        measured.check()
        by_users = [line for user in system.users for line in said(system, user)]
        assert "ending: LIFELINE" in by_users
        # Answers that were on their way were waited for and committed: the next start had nothing to look for.
        assert not [line for line in by_users if line.startswith("taking up")]


def test_after_a_stop_as_by_power_with_a_stopped_process_left_the_next_start_ends_that_and_works(
    paper: Paper,
) -> None:
    with System(paper, {"anna": "100", "ben": "100"}) as system:
        system.start().wait_ready()
        old = system.pids()
        run = system.state_dir / "run"
        assert system.process is not None
        supervisor, forkserver = system.process.pid, parent_of(old["anna"])
        os.kill(old["anna"], signal.SIGSTOP)
        os.kill(forkserver, signal.SIGKILL)
        system.kill()
        wait_for(
            "all to be gone that can be", lambda: not any(alive(old[name]) for name in ("master", "ben"))
        )
        # Nobody wakes it, so it keeps its locks. What else was left says that everything runs.
        assert alive(old["anna"])
        assert {path.name for path in run.glob("*.sock")} == {
            "control.sock",
            "master.sock",
            "anna.sock",
            "ben.sock",
        }
        assert f"in use by process {supervisor} " in (run / "supervisor.lock").read_text()
        system.start().wait_ready()
        assert not any(map(alive, old.values()))
        system.buy("BTC/USD", "0.001")
        system.settled(1)
        assert sorted(row["account"] for row in paper.rows("fills")) == ["anna", "ben", "master"]
