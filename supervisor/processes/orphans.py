"""Account processes that a killed run of the same state folder has left, and that nobody else can end any
more.

One that runs has seen its supervisor's end and ends by itself. One that is stopped sees nothing; if its
forkserver died as well, it would keep its account's locks for ever. Here it is woken, and killed if it still
does not end: by pidfd, and only once it is proven that this very process holds the lock on this very file and
is one of ours. What cannot be proven is left alone; its account is FAILED then (LOCK_HELD), with its pid and
the way out. This file must not know what an account does, nor what is started afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import stat
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from krakencopy.account_proc.runtime.boot import process_name
from krakencopy.account_proc.runtime.file_lock import Holder, holder_of, is_locked
from krakencopy.supervisor.processes.child import has_ended

log = logging.getLogger(__name__)

#: In a state folder: what keeps a second supervisor out of it.
STATE_LOCK = Path("run", "supervisor.lock")
#: In a state folder: what an account's process keeps locked for all of its life.
LOCKED_FILES = ("kraken_nonce_*.txt", "accounts/*.lock")
#: How long leftovers may take to end by themselves, in seconds: their own limit without a supervisor, or the
#: grace that their forkserver gives them, and a little.
GRACE_S = 8.0
#: How long a kill may take, in seconds: a process that hangs in the kernel ends when that lets it go.
KILL_S = 2.0
POLL_S = 0.02

#: `5: FLOCK  ADVISORY  WRITE 4711 08:02:131 0 EOF`, from proc_locks(5). A process that waits for a lock has
#: `->` before the kind.
_FLOCK = re.compile(r"^\d+: FLOCK +ADVISORY +WRITE (\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) ", re.MULTILINE)


class NotProven(Exception):
    """A process that holds a lock may be anybody's."""


@dataclass(frozen=True, slots=True)
class Flock:
    """An exclusive lock on a whole file, as the kernel lists it."""

    pid: int
    #: As the kernel names it, which on some filesystems is not what stat(2) says.
    device: str
    inode: int


def flocks(listed: str) -> set[Flock]:
    """The exclusive flock locks in the text of /proc/locks."""
    return {Flock(int(pid), device, int(inode)) for pid, device, inode in _FLOCK.findall(listed)}


#: The kernel's list of locks, and how often it is read for one answer.
LOCKS, READS = Path("/proc/locks"), 5


async def end_leftovers(state_dir: Path) -> None:
    """Returns when nobody holds a nonce file (of other brokers' accounts: a ledger's lock) any more, or when
    all that may be done has been done.

    The caller holds the state folder's lock.
    """
    files = (path for pattern in LOCKED_FILES for path in state_dir.glob(pattern))  # noqa: ASYNC240 - nothing else runs yet
    locked = [path for path in files if is_locked(path)]
    if not locked:
        return
    log.warning("processes of an earlier run still hold their locks; waiting for their end")
    proven = _open_proven(locked, state_dir / STATE_LOCK)
    try:
        _signal_all(proven, signal.SIGCONT)
        await _wait_for_end(locked, proven, GRACE_S)
        for path, pidfd in proven.items():
            if not has_ended(pidfd):
                log.warning("the process that holds %s did not end in %g s and is killed", path.name, GRACE_S)
        _signal_all(proven, signal.SIGKILL)
        await _wait_for_end(proven, proven, KILL_S)
    finally:
        for pidfd in proven.values():
            os.close(pidfd)


async def _wait_for_end(nonce_files: Collection[Path], proven: Mapping[Path, int], limit_s: float) -> None:
    def is_over() -> bool:
        # Both: an exiting process gives back its locks a moment before it has ended.
        return all(map(has_ended, proven.values())) and not any(map(is_locked, nonce_files))

    until = time.monotonic() + limit_s
    while not is_over() and time.monotonic() < until:  # noqa: ASYNC110 - no event tells of a lock
        await asyncio.sleep(POLL_S)


def _signal_all(proven: Mapping[Path, int], number: signal.Signals) -> None:
    for pidfd in proven.values():
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)


def _open_proven(nonce_files: Collection[Path], own_lock: Path) -> dict[Path, int]:
    """Pidfds of those holders that are proven to be ours."""
    proven = {}
    for path in nonce_files:
        try:
            proven[path] = open_proven(path, own_lock)
        except NotProven as doubt:
            log.warning("%s is locked, and its holder is left alone: %s", path, doubt)
    return proven


def open_proven(nonce_file: Path, own_lock: Path) -> int:
    """A pidfd of the process that holds the file and is an account's process of this user. Raises NotProven.

    ``own_lock`` is a file that this process has locked: by it is known how the kernel lists such locks. The
    pidfd is opened first and its process is seen to live last: so all that was read in between under its pid
    was about this process, and about none that had the pid before or has it now.
    """
    holder = holder_of(nonce_file)
    if holder is None:
        raise NotProven("the file does not name it")
    try:
        pidfd = os.pidfd_open(holder.pid)
    except OSError as error:
        raise NotProven(f"process {holder.pid}, which the file names: {error.strerror}") from error
    try:
        _prove(nonce_file, holder, own_lock, pidfd)
    except OSError as error:
        os.close(pidfd)
        raise NotProven(f"process {holder.pid}: {error}") from error
    except NotProven:
        os.close(pidfd)
        raise
    return pidfd


def _prove(nonce_file: Path, holder: Holder, own_lock: Path, pidfd: int) -> None:
    """Raises NotProven, or OSError for what cannot be read."""
    file, own = nonce_file.lstat(), own_lock.lstat()
    if not stat.S_ISREG(file.st_mode) or file.st_nlink != 1:
        # Under its other name it may belong to a supervisor that lives.
        raise NotProven("the file has another name elsewhere")
    # The kernel tells its list in pieces: a lock that others' coming and going moves between two of them is
    # not listed. None is made up.
    locks = set().union(*(flocks(LOCKS.read_text(encoding="ascii")) for _ in range(READS)))
    # Our own lock shows the device's name here, and that pids and inodes here are the same as ours: in
    # another pid namespace, or where a filesystem makes up numbers for stat(2), they are not.
    devices = {lock.device for lock in locks if (lock.pid, lock.inode) == (os.getpid(), own.st_ino)}
    if own.st_dev != file.st_dev or len(devices) != 1:
        raise NotProven("the kernel's list of locks does not tell who holds it")
    if Flock(holder.pid, devices.pop(), file.st_ino) not in locks:
        raise NotProven(f"the file names process {holder.pid}, which does not hold the lock")
    # A lock is listed under the pid of the process that took it, also when that has ended and left it to a
    # child that it forked. Our processes fork none; if another did, the pid may be anybody's by now, but not
    # with this name and user.
    proc = Path(f"/proc/{holder.pid}")
    users = re.search(r"^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", (proc / "status").read_text(), re.MULTILINE)
    if users is None or set(map(int, users.groups())) != {os.geteuid()}:
        raise NotProven(f"process {holder.pid} is another user's")
    if (proc / "comm").read_bytes().rstrip(b"\n") != process_name(holder.account_id):
        raise NotProven(f"process {holder.pid} is not the process of an account")
    if has_ended(pidfd):
        raise NotProven(f"process {holder.pid} has just ended")
