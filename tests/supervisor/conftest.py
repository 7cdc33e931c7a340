"""What the tests of the supervisor share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.journal.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield journal


@pytest.fixture
def state() -> Iterator[Path]:
    """Where a state folder may come into being: short, because sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder / "state"
    shutil.rmtree(folder)


@pytest.fixture
def config(state: Path) -> Path:
    return state.with_name("krakencopy.toml")
