"""Whether a write failed because the disk is full, or soon will, and the sentence that says so: that is no
damage.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

#: Less than this is no room for a database's next pages, in bytes: SQLite then often speaks of an I/O error.
ROOM_BYTES_MIN = 65_536
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_MEGABYTE = 1_000_000


def why_no_room(path: Path, error: BaseException) -> str:
    """What is wrong and what to do, where ``error`` came of a disk without room for ``path``; else empty."""
    if isinstance(error, sqlite3.OperationalError):
        code = getattr(error, "sqlite_errorcode", 0)  # Python's own errors have none
        is_full = code == sqlite3.SQLITE_FULL or (
            code & 0xFF in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
            and _free(path.parent) < ROOM_BYTES_MIN
        )
    else:
        is_full = isinstance(error, OSError) and error.errno in _NO_ROOM
    if not is_full:
        return ""
    return f"{room_words(path.parent)}; nothing is lost: make room there, and start again"


def room_words(folder: Path) -> str:
    """How little room there is on a folder's disk, for people. Raises OSError."""
    mount = folder.absolute()
    while not mount.is_mount():
        mount = mount.parent
    size = max(size_bytes(mount) // _MEGABYTE, 1)
    return f"no room on {mount}: {free_bytes(mount) // _MEGABYTE} of {size} MB free"


def free_bytes(folder: Path) -> int:
    """What this process may still write on a folder's disk. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def size_bytes(folder: Path) -> int:
    """Of a folder's disk. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_blocks * disk.f_frsize


def room_missing(folder: Path) -> str:
    """What is wrong where nearly no room is left on a folder's disk, before a write fails; else empty."""
    left = _free(folder)
    return f"{left} bytes are free on the disk of {folder}" if left < ROOM_BYTES_MIN else ""


def _free(folder: Path) -> int:
    try:
        return free_bytes(folder)
    except OSError:
        return ROOM_BYTES_MIN
