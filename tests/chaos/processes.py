"""Blows to processes: who they are, how they are hit, and a watch over which of them lived when. Linux only.

Every process is held by a pidfd from the moment it is seen, so that no blow ever reaches a reused pid.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from krakencopy.client.sdk.errors import KrakenCopyError
from krakencopy.client.sdk.message_client import MessageClient
from tests.chaos.rows import ProcessSeen

#: Between two looks at the supervisor's status.
LOOK_S = 0.1
#: A file may not grow beyond this any more: the databases' logs cannot be written, nonce files (256 bytes)
#: can.
FULL_AT_BYTES = 4_096


@dataclass
class _Held:
    seen: ProcessSeen
    pidfd: int


def ended(pidfd: int) -> bool:
    """Whether the process is over."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def children(pid: int) -> list[int]:
    """Processes whose parent this is."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid:
                found.append(int(path.name))
    return found


def forkserver_of(supervisor_pid: int) -> int | None:
    """The forkserver that a supervisor has started, if it lives."""
    for pid in children(supervisor_pid):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"krakencopy.supervisor.processes.forkserver" in command:
            return pid
    return None


@dataclass
class Watch:
    """Looks at the supervisor's status all the time: which processes there are, and when they were last
    alive.
    """

    endpoint: str
    #: The run of each supervisor that has answered, by its pid.
    epochs: dict[int, int] = field(default_factory=dict)
    _held: dict[int, _Held] = field(default_factory=dict)
    _current: dict[str, int] = field(default_factory=dict)
    _over: list[ProcessSeen] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to look."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        with self._guard:
            for held in self._held.values():
                os.close(held.pidfd)
                self._over.append(held.seen)
            self._held.clear()

    def seen(self) -> list[ProcessSeen]:
        """All processes so far."""
        with self._guard:
            return [*self._over, *(held.seen for held in self._held.values())]

    def hit(self, account: str, number: signal.Signals) -> str:
        """Sends a signal to an account's process; why not, or nothing."""
        with self._guard:
            held = self._held.get(self._current.get(account, 0))
            if held is None or ended(held.pidfd):
                return "no process"
            signal.pidfd_send_signal(held.pidfd, number)
            if number is signal.SIGSTOP:
                held.seen = replace(held.seen, stopped=True)
        return ""

    def fill_disk(self, account: str) -> str:
        """Lets every further write of an account's process that makes a file grow fail; why not, or
        nothing.
        """
        with self._guard:
            pid = self._current.get(account, 0)
            held = self._held.get(pid)
            if held is None or ended(held.pidfd):
                return "no process"
            return limit_files(pid)

    def continue_all(self) -> None:
        """Nobody stays stopped."""
        with self._guard:
            for held in self._held.values():
                if not ended(held.pidfd):
                    signal.pidfd_send_signal(held.pidfd, signal.SIGCONT)

    def _run(self) -> None:
        with MessageClient(self.endpoint) as api:
            while not self._end.wait(LOOK_S):
                try:
                    status = api.get_status(timeout_s=2.0)
                except KrakenCopyError:
                    status = None
                with self._guard:
                    if status is not None:
                        self.epochs[status.pid] = status.epoch
                        for account in status.accounts:
                            if account.pid:
                                self._meet(account.id, account.pid, status.epoch)
                    self._look()

    def _meet(self, account: str, pid: int, epoch: int) -> None:
        if pid in self._held and self._held[pid].seen.account == account:
            self._current[account] = pid
            return
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        now = time.time()
        if not ended(pidfd):
            self._held[pid] = _Held(
                ProcessSeen(account=account, pid=pid, epoch=epoch, first_seen=now, last_alive=now), pidfd
            )
            self._current[account] = pid
        else:
            os.close(pidfd)

    def _look(self) -> None:
        now = time.time()
        for pid, held in list(self._held.items()):
            if ended(held.pidfd):
                os.close(held.pidfd)
                self._over.append(held.seen)
                del self._held[pid]
            else:
                held.seen = replace(held.seen, last_alive=now)


def limit_files(pid: int) -> str:
    """As if the disk were full for this process; why not, or nothing."""
    try:
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_AT_BYTES, hard))
    except (ProcessLookupError, PermissionError) as error:
        return str(error)
    return ""
