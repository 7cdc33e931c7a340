"""Files that are there whole or not at all, whatever ends this process or the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Returns when the names in a folder are on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, finish: Callable[[int], None] | None = None) -> None:
    """A file with this content, for this user alone, stands at ``path``. ``finish`` is given its descriptor
    when all is written and not yet named so. Raises OSError; then what was there is there still.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # of one that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        if finish is not None:
            finish(file.fileno())
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)
