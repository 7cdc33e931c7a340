"""Whether the state folder's disk has room, looked at twice a second: shown before it is used up, and again
when there is room.

A ballast file of a few megabytes lies in the folder for as long as there is room. It is deleted when the disk
fills, so that the event can be written, what is in flight ends, and copying goes on while it lasts. Where
even that is used up, no process is started, since it would end at its first write; those that have ended so
start by themselves once there is room. It must not know what anybody writes.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from krakencopy.account_proc.contract.conditions import ConditionType
from krakencopy.account_proc.contract.proto_time import timestamp
from krakencopy.account_proc.runtime.disk_room import free_bytes, room_words, size_bytes
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import LOOK_S
from krakencopy.supervisor.lifecycle.start_order import Gate
from krakencopy.supervisor.lifecycle.state_machine import NO_ROOM
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)

#: Below this the disk counts as full, in bytes: hours of busy trading, and time to make room. On a disk that
#: is not four times as large, without a ballast file, it is a sixteenth of it.
LOW_BYTES = 16_777_216
LARGE_DISK_BYTES = 4 * LOW_BYTES
#: What is kept for that moment, in bytes: some thousand copies.
BALLAST_BYTES = 4_194_304
#: Below this nothing is started, in bytes: a start writes its log and the ledger's first pages.
START_BYTES_MIN = 262_144
#: Between two looks while nothing runs, in seconds.
WAIT_S = 1.0
BALLAST = Path("run") / "ballast"


def release_ballast(state_dir: Path) -> None:
    """Gives its room away."""
    with suppress(OSError):
        (state_dir / BALLAST).unlink()


def has_start_room(state_dir: Path) -> bool:
    """Whether a run that the full disk has ended can begin again."""
    return free_bytes(state_dir) >= 2 * START_BYTES_MIN


def make_ballast(state_dir: Path) -> None:
    """Makes it where there is room for more than it."""
    path = state_dir / BALLAST
    try:
        if size_bytes(state_dir) < LARGE_DISK_BYTES or free_bytes(state_dir) < LOW_BYTES + BALLAST_BYTES:
            return
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(opened, 0, BALLAST_BYTES)
        finally:
            os.close(opened)
    except OSError as error:
        log.warning("%s cannot be made: %s", path, error)


class DiskWatch:
    """Over the state folder of one supervisor. What it records raises JournalFault."""

    def __init__(
        self, state_dir: Path, events: EventLog, queue: WorkQueue, accounts: Callable[[], Iterable[str]]
    ) -> None:
        """``accounts``: all that are looked at when it changes."""
        self._state_dir = state_dir
        self._events = events
        self._queue = queue
        self._accounts = accounts
        self._looked_at = 0.0
        self._has_start_room = True
        #: What is wrong, for people; empty while there is room.
        self.trouble = ""
        #: Since when, in Unix seconds.
        self._since = 0.0
        make_ballast(state_dir)

    def condition(self) -> pb.Condition | None:
        """What every account lacks; None while there is room."""
        if not self.trouble:
            return None
        since = timestamp(self._since)
        return pb.Condition(
            type=ConditionType.DISK_WRITABLE, status=pb.CONDITION_STATUS_FALSE, reason=NO_ROOM,
            message=self.trouble, since=since, changed_at=since, matters=True,
        )  # fmt: skip

    def look(self) -> None:
        """Compares what is free with what there should be."""
        now = steady_time.now()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        try:
            free, size = free_bytes(self._state_dir), size_bytes(self._state_dir)
        except OSError as error:
            log.warning("the room on the disk cannot be read: %s", error)
            return
        if (has_start_room := free >= START_BYTES_MIN) != self._has_start_room:
            self._has_start_room = has_start_room
            self._queue.put_accounts(self._accounts())
        low = LOW_BYTES if size >= LARGE_DISK_BYTES else size // 16
        if not self.trouble and free < low:
            self._begin()
        # What the ballast gave back is no room, and a file that grows and shrinks is no event each time.
        elif self.trouble and free >= low + low // 2:
            self._end()

    def gate(self) -> Gate:
        """Whether a process may start, as far as room goes."""
        if self._has_start_room:
            return Gate(open=True)
        words = f"{room_words(self._state_dir)}; this account starts by itself once there is room"
        return Gate(open=False, reason=NO_ROOM, message=words)

    def _begin(self) -> None:
        room = room_words(self._state_dir)
        release_ballast(self._state_dir)
        self._since = time.time()
        self.trouble = (
            f"{room}; make room there: copying goes on while something is left, what is written is kept, and "
            "all goes on by itself afterwards"
        )
        self._events.record(pb.SEVERITY_ERROR, "", NO_ROOM, self.trouble, {"folder": str(self._state_dir)})
        self._queue.put_accounts(self._accounts())

    def _end(self) -> None:
        make_ballast(self._state_dir)
        words = f"there is room again; it was: {self.trouble}"
        self.trouble = ""
        self._events.record(pb.SEVERITY_INFO, "", f"{NO_ROOM}_OVER", words)
        self._queue.put_accounts(self._accounts())
