"""What the client's tests share: a scripted supervisor on a socket, a real one with an operator who types
commands, and a time zone that is the same everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.operator_at_work import LIMIT_S, Operator, all_gone, is_alive
from tests.support.scripted_supervisor import Scripted, serve
from tests.support.system import wait_for


@pytest.fixture
def supervisor() -> Scripted:
    """What the supervisor will say; see ``endpoint``."""
    return Scripted()


@pytest.fixture
def endpoint(supervisor: Scripted, tmp_path: Path) -> Iterator[str]:
    """Where ``supervisor`` listens."""
    with serve(supervisor, tmp_path / "control.sock") as address:
        yield address


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times in tests are those of a zone with a fixed offset of one hour; no endpoint and no
    context comes from outside.
    """
    for name in ("ENDPOINT", "CA", "CERTIFICATE", "KEY", "TOKEN"):
        monkeypatch.delenv(f"KRAKENCOPY_{name}", raising=False)
    monkeypatch.delenv("KRAKENCOPY_CONTEXT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setenv("TZ", "XXX-1")  # POSIX: minus is east of Greenwich
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def supervised() -> Iterator[Operator]:
    """A supervisor of the file's own, with its paper exchange and a master that trades."""
    # Not in tmp_path: the path of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    operator = Operator(folder)
    try:
        ready = operator.types(f"wait --ready --timeout {LIMIT_S}")
        assert ready.code == 0, ready.err + operator.said()
        yield operator
    finally:
        family = operator.family()
        if operator.process.poll() is None:
            operator.process.terminate()
        try:
            code = operator.process.wait(LIMIT_S)
            wait_for("the end of every process", all_gone(family), LIMIT_S)
        finally:
            for pid, _ in filter(is_alive, family):
                os.kill(pid, signal.SIGKILL)
            said = operator.said()
            shutil.rmtree(folder)
    assert code == 0, said


@pytest.fixture(scope="module")
def fill(supervised: Operator) -> dict[str, Any]:
    """One fill that every user has answered to the end."""
    return supervised.buys()


@pytest.fixture
def operator(supervised: Operator, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """Who types commands for it. Each test leaves the system as it found it."""
    yield supervised
    if supervised.process.poll() is None:
        ready = supervised.done(f"wait --ready --timeout {LIMIT_S}")
        assert ready.startswith("ready: 4 of 4"), request.node.name
