"""What the client's tests share: a scripted supervisor on a socket, and a time zone that is the same
everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_supervisor import Scripted, serve


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
