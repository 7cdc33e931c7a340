"""A process dies at one place, once, and only where a test asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from krakencopy.account_proc.runtime import failpoint

WORK = """
from krakencopy.account_proc.runtime.failpoint import reach
reach('anna', 'after_intent')
print('lives')
"""


def run(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORK], env=os.environ | more, capture_output=True, text=True, check=False
    )


def test_the_first_process_that_reaches_the_place_dies_as_if_the_power_had_gone(tmp_path: Path) -> None:
    asked = {
        "KRAKENCOPY_FAILPOINT": "anna:after_intent",
        "KRAKENCOPY_FAILPOINT_MARKER": str(tmp_path / "died"),
    }
    assert run(**asked).returncode == -signal.SIGKILL
    again = run(**asked)
    assert (again.returncode, again.stdout) == (0, "lives\n")


@pytest.mark.parametrize("place", ["", "anna:before_intent", "ben:after_intent"])
def test_nobody_dies_elsewhere(place: str, tmp_path: Path) -> None:
    marker = tmp_path / "died"
    done = run(KRAKENCOPY_FAILPOINT=place, KRAKENCOPY_FAILPOINT_MARKER=str(marker))
    assert done.returncode == 0, done.stderr
    assert not marker.exists()


def test_the_marker_is_there_before_the_signal_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "died"
    monkeypatch.setattr(failpoint, "_PLACE", "anna:after_intent")
    monkeypatch.setattr(failpoint, "_MARKER", str(marker))
    sent: list[tuple[int, int, bool]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append((pid, number, marker.exists())))
    failpoint.reach("anna", "before_intent")
    failpoint.reach("anna", "after_intent")
    failpoint.reach("anna", "after_intent")
    assert sent == [(os.getpid(), signal.SIGKILL, True)]
