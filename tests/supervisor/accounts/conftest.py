"""What the tests of conversations share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short: paths of Unix sockets are at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    yield folder
    shutil.rmtree(folder)
