"""The file of trading states in the state folder: written by the supervisor, or by `krakencopy halt --all
--offline` where that is stuck or dead, and read by each account's process before each order.

A change is a new file in place of the old one, on the disk before anybody is told of it. Those who write
take turns by a lock on a file beside it. A look at a file that has not changed is one stat (1 or 2
microseconds). What cannot be read, or is gone, is HALTED: nobody knows what was said.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.contract.trading_states import (
    ALL,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    from_text,
    to_text,
)
from krakencopy.account_proc.runtime.durable_files import replace_file
from krakencopy.account_proc.runtime.file_lock import LockedFile

NAME, LOCK_NAME = "trading_states.json", "trading_states.lock"
#: Ten thousand accounts, each with a state and a flatten of its own and the longest words: 10 MB.
BYTES_MAX = 16 * 2**20
#: How long another writer is waited for, in seconds, and how often it is looked again.
TURN_MAX_S, LOOK_S = 2.0, 0.02

#: Which file was read: another one has another inode or a later time.
_Stamp = tuple[int, int, int]


#: Rings at an account's process: the file was written. The usual answer to this signal is none, so that it
#: does nothing to a process that does not listen yet.
BELL = signal.SIGURG


class StatesBusy(OSError):
    """Another program writes the file, and does not end."""


def states_path(state_dir: Path) -> Path:
    """Where the file is."""
    return state_dir / NAME


class TradingStateFile:
    """The file, as one process reads it; from any of its threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Or an older version, read by another thread, could take the place of a newer one.
        self._one_at_a_time = threading.Lock()
        self._stamp: _Stamp | None = None
        self._states = TradingStates()
        #: Why it could not be read, for people; empty while it can.
        self.fault = ""

    def read(self) -> TradingStates:
        """What holds now. Where the file is gone or cannot be read all are HALTED; ``fault`` says why. The
        same object while nothing has changed.
        """
        with self._one_at_a_time:
            return self._read()

    def _read(self) -> TradingStates:
        try:
            stamp = _stamp_of(os.lstat(self.path))
            if stamp != self._stamp:
                text, stamp = _read_text(self.path)
                self._states, self.fault, self._stamp = from_text(text), "", stamp
        except (OSError, UnicodeDecodeError, StatesUnreadable) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            words = f"{self.path} cannot be read ({why}): nothing is traded until it is there again"
            if words != self.fault:
                self.fault = words
                self._states = _halted(self._states.version, words)
            self._stamp = None
        return self._states


def _halted(version: int, why: str) -> TradingStates:
    setting = StateSetting(state=TradingState.HALTED, by="krakencopy", reason=why, at=time.time())
    return TradingStates(version=version, states={ALL: setting})


def make_states_file(path: Path) -> bool:
    """Makes the file of a new state folder, where all are ACTIVE; whether there was none. Raises OSError."""
    if os.path.lexists(path):
        return False
    _replace(path, to_text(TradingStates()))
    return True


def change_states(path: Path, change: Callable[[TradingStates], TradingStates]) -> TradingStates:
    """Changes what holds, durably: it is on the disk when this returns. Raises OSError, StatesBusy, and
    StatesUnreadable where the file is there and damaged.
    """
    lock = _lock(path.with_name(LOCK_NAME))
    try:
        text, _ = _read_text(path)
        changed = change(from_text(text))
        _replace(path, to_text(changed))
    finally:
        lock.close()
    return changed


def next_life(known_version: int) -> TradingStates:
    """What a file that is made anew begins with, where all are ACTIVE. Its versions, and with them the
    numbers of flattens, are larger than all before, of which not all may be known: seconds since 1970 are
    more than changes were ever made.
    """
    return TradingStates(version=max(known_version, int(time.time())))


def going_on(states: TradingStates, known_version: int) -> TradingStates:
    """What was read, at a version that is not below one that is known: where an older file was put in place,
    versions, and with them the numbers of flattens, would be given twice.
    """
    if states.version >= known_version:
        return states
    return replace(states, version=next_life(known_version).version)


def renew_states(path: Path, states: TradingStates) -> None:
    """Writes the file anew, whatever was there. Raises OSError, StatesBusy."""
    lock = _lock(path.with_name(LOCK_NAME))
    try:
        _replace(path, to_text(states))
    finally:
        lock.close()


def _lock(path: Path) -> LockedFile:
    until = time.monotonic() + TURN_MAX_S
    while True:
        try:
            return LockedFile(path, "the file of trading states")
        except LockHeld as error:
            if time.monotonic() > until:
                raise StatesBusy(str(error)) from error
        time.sleep(LOOK_S)


def _read_text(path: Path) -> tuple[str, _Stamp]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        stamp = _stamp_of(os.fstat(descriptor))
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise StatesUnreadable(f"it has more than {BYTES_MAX} bytes")
    return content.decode(), stamp


def _stamp_of(found: os.stat_result) -> _Stamp:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _replace(path: Path, text: str) -> None:
    """A file with this text stands at ``path``, whatever ends this process or the machine. Raises OSError."""
    content = text.encode()
    if len(content) > BYTES_MAX:
        raise OSError(f"{path} would have more than {BYTES_MAX} bytes, and be read by nobody")
    replace_file(path, content, lambda descriptor: _make_later(descriptor, path))


def _make_later(descriptor: int, path: Path) -> None:
    """The file has a later time than the one that it replaces. The kernel's times have steps of some
    milliseconds, and inodes are given again: two changes at once could look like none.
    """
    try:
        before_ns = path.lstat().st_mtime_ns
    except FileNotFoundError:
        return
    if os.fstat(descriptor).st_mtime_ns <= before_ns:
        os.utime(descriptor, ns=(before_ns + 1, before_ns + 1))
