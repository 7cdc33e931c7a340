"""A file system of its own for a state folder, which a test can fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.system import System

#: Written at once to fill a disk, in bytes.
BLOCK = 4_096


@contextmanager
def disk_of(folder: Path, megabytes: int) -> Iterator[Path]:
    """A new one of this size, in a new folder; the test is skipped where none can be mounted."""
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(path: Path) -> None:
    """Writes to a file until nothing is left on its disk."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while True:
            os.write(opened, b"x" * BLOCK)
    except OSError:
        os.close(opened)


class OnDisk(System):
    """A system with its state folder on a disk of its own."""

    disk: Path

    @property
    def state_dir(self) -> Path:
        return self.disk / "state"
