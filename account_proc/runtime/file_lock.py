"""A file that one process at a time has locked, and that says who. It knows neither nonces nor keys.

The lock is a portalocker (flock) lock on the file itself, so the file is written in place and never renamed
or deleted: a lock on a file that was renamed away keeps nobody out of the new one.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import portalocker

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.runtime.durable_files import sync_folder

#: A file of ours is far smaller; a larger one is somebody else's, and its first part shows that as well.
READ_BYTES_MAX = 4096

#: Length of the line in a lock file that is nothing else, and names its holder.
LOCK_LINE_BYTES = 128

_HOLDER = re.compile(rb"in use by process (\d{1,10}) for account (\S+)")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who says in the file that it holds the lock."""

    pid: int
    account_id: str


class LockedFile:
    """An open file under an exclusive lock. Its descriptor is not inherited by programs that this process
    starts.
    """

    def __init__(self, path: Path, what: str) -> None:
        """Create the file if need be and lock it at once or not at all.

        ``what`` names the locked thing for people. Raises LockHeld, or OSError when the file cannot be opened
        or locked.
        """
        self.path = path
        #: Whether the file was there before; a new one is empty.
        self.existed = True
        self._lock: portalocker.Lock[IO[bytes]] = portalocker.Lock(
            path, mode="r+b", timeout=0, fail_when_locked=True, buffering=0, opener=self._open
        )
        try:
            self._file = self._lock.acquire()
        except portalocker.AlreadyLocked as error:
            raise LockHeld(what, str(path), holder_pid(path)) from error
        except portalocker.LockException as error:
            raise OSError(f"cannot lock {path}: {error}") from error

    def _open(self, path: str, flags: int) -> int:
        flags |= os.O_CLOEXEC | os.O_NOFOLLOW  # it may lead to a file of somebody else's
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return os.open(path, flags)
        self.existed = False
        return descriptor

    def read(self) -> bytes:
        """The file's first READ_BYTES_MAX bytes."""
        return os.pread(self._file.fileno(), READ_BYTES_MAX, 0)

    def write(self, offset: int, content: bytes) -> None:
        """Write at an offset; the file's end moves only if it must. Raises OSError, also for a part that
        was not written.
        """
        written = os.pwrite(self._file.fileno(), content, offset)
        if written != len(content):
            raise OSError(f"only {written} of {len(content)} bytes could be written to {self.path}")

    def sync(self) -> None:
        """Return when everything written is on the disk. Raises OSError."""
        os.fdatasync(self._file.fileno())

    def sync_folder(self) -> None:
        """Return when the file's name is on the disk, too. Raises OSError."""
        sync_folder(self.path.parent)

    def truncate(self, size: int) -> None:
        """Cut the file off. Raises OSError."""
        os.ftruncate(self._file.fileno(), size)

    def in_place(self) -> bool:
        """Whether the locked file is still the one that the path names: otherwise the lock keeps nobody
        out.
        """
        mine = os.fstat(self._file.fileno())
        try:
            named = self.path.stat()
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)

    def close(self) -> None:
        """Give the lock back. The file stays."""
        self._lock.release()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock on a file that exists. Takes it for an instant if nobody does."""
    try:
        LockedFile(path, "the file").close()
    except LockHeld:
        return True
    return False


def holder_line(account_id: str, length: int) -> bytes:
    """The line by which ``holder_pid`` and people find out who holds the lock: this process."""
    text = f"in use by process {os.getpid()} for account {account_id}"
    return text.encode("ascii", "replace")[: length - 1].ljust(length - 1) + b"\n"


def free_line(length: int) -> bytes:
    """The line that takes the holder's place when the lock is given back."""
    return b"not in use".ljust(length - 1) + b"\n"


def holder_pid(path: Path) -> int | None:
    """The process that says in the file that it holds the lock; None if it cannot be read or says nothing."""
    holder = holder_of(path)
    return None if holder is None else holder.pid


def holder_of(path: Path) -> Holder | None:
    """Who says in the file that it holds the lock; None if it cannot be read or says nothing."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        found = _HOLDER.search(file.read(READ_BYTES_MAX))
        return Holder(int(found[1]), found[2].decode("ascii", "replace")) if found else None
    return None
