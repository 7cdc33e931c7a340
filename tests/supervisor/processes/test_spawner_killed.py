"""What becomes of processes when their supervisor is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.spawning import (
    SUPPORT,
    environ,
    wait_all_ended,
)


@pytest.fixture
def pidfds() -> Iterator[list[int]]:
    """Processes by pidfd: killed in the end, if the test did not see them end."""
    held: list[int] = []
    yield held
    for pidfd in held:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)


@pytest.mark.parametrize("kind_name", ["forkserver", "exec"])
@pytest.mark.parametrize("stopped", [False, True], ids=["running", "stopped"])
def test_nothing_is_left_when_the_supervisor_is_killed(
    kind_name: str, stopped: bool, tmp_path: Path, pidfds: list[int]
) -> None:
    told = killed_supervisor(kind_name, ["", "", ""], tmp_path, pidfds, stop_one=stopped)
    assert len(told) == (4 if kind_name == "forkserver" else 3)
    wait_all_ended(pidfds)


def test_what_does_not_heed_the_lifeline_is_killed_after_the_grace(tmp_path: Path, pidfds: list[int]) -> None:
    killed_supervisor("forkserver", ["deaf", ""], tmp_path, pidfds, stop_one=False)
    wait_all_ended(pidfds)


def killed_supervisor(
    kind_name: str, strategies: list[str], folder: Path, pidfds: list[int], *, stop_one: bool
) -> list[int]:
    """Pids of all that a supervisor had started before it was killed, and their pidfds in ``pidfds``."""
    repository = str(SUPPORT.parent.parent)
    command = [sys.executable, str(SUPPORT / "stand_in_supervisor.py"), kind_name, str(folder), *strategies]
    paths = os.pathsep.join([repository, str(SUPPORT)])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environ(PYTHONPATH=paths)
    ) as supervisor:
        assert supervisor.stdout is not None
        try:
            started = json.loads(supervisor.stdout.readline())
            pids = [*started["accounts"], *filter(None, [started["forkserver"]])]
            pidfds.extend(os.pidfd_open(pid) for pid in pids)
            if stop_one:
                os.kill(pids[0], signal.SIGSTOP)
        finally:
            supervisor.kill()
    return pids
