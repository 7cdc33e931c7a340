"""One process of an account as the supervisor holds it: by pidfd, so that no signal ever reaches a reused
pid.

It must not know how the process was started; its spawner tells it how the process ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from krakencopy.account_proc.runtime import liveness as pulse
from krakencopy.account_proc.runtime.liveness import Beat

#: The ready line says little more than that it is one.
READY_LINE_BYTES_MAX = 4096
#: proc(5), /proc/pid/stat: the pid, the name of at most 15 bytes in brackets, the state.
_STAT_HEAD_BYTES = 64


class SpawnFault(Exception):
    """A process could not be started, or not the one that starts them."""


class NotReady(Exception):
    """The process will never say that it is ready: it ended, closed the pipe, or wrote something else."""


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended: by itself with a code, by a signal, or, with neither, in a way that nobody saw."""

    code: int | None
    signal: int | None

    @classmethod
    def of(cls, returncode: int) -> ExitStatus:
        """From ``subprocess``'s form, in which signals are negative."""
        return cls(returncode, None) if returncode >= 0 else cls(None, -returncode)

    def __str__(self) -> str:
        if self.code is not None:
            return f"exit code {self.code}"
        if self.signal is not None:
            return f"signal {self.signal}, {signal.strsignal(self.signal)}"
        return "exit status unknown"


UNKNOWN_EXIT = ExitStatus(None, None)


def stat_of(pid: int, pidfd: int) -> int | None:
    """The kernel's word on a process, open; of this one for ever, also when its pid is used again. None where
    the kernel does not say (hidepid).
    """
    try:
        opened = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return None
    if has_ended(pidfd):  # then it may be another one's
        os.close(opened)
        return None
    return opened


def is_stopped(stat_fd: int) -> bool:
    """Whether the kernel says that a process is stopped (SIGSTOP, a debugger). ``stat_fd``: ``stat_of``'s."""
    try:
        head = os.pread(stat_fd, _STAT_HEAD_BYTES, 0)
    except ProcessLookupError:  # it has ended
        return False
    return head.rpartition(b") ")[2][:1] in {b"T", b"t"}


def has_ended(pidfd: int) -> bool:
    """Whether the process is over, waited for or not."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


@dataclass(frozen=True, slots=True)
class Ends:
    """The supervisor's ends of what a process was started with."""

    ready: int
    pulse: int


class Child:
    """A running process. Made and used in the event loop's thread."""

    def __init__(self, pid: int, pidfd: int, ends: Ends, on_gone: Callable[[Child], None]) -> None:
        """Takes ``pidfd`` over, and copies of ``ends``. Raises OSError if there can be no copies.

        ``on_gone`` is called once when the process has ended; a call of ``end`` must follow.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, pidfd)
            self._ready_fd: int | None = os.dup(ends.ready)
            undo.callback(os.close, self._ready_fd)
            self._pulse_fd = os.dup(ends.pulse)
            undo.callback(os.close, self._pulse_fd)
            self._stat_fd = stat_of(pid, pidfd)
            undo.pop_all()
        self.pid = pid
        self._pidfd = pidfd
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ExitStatus] = self._loop.create_future()
        self._ready_text = b""
        self._ready_known = asyncio.Event()
        os.set_blocking(self._ready_fd, False)
        self._loop.add_reader(self._ready_fd, self._read_ready)
        self._loop.add_reader(pidfd, self._see_gone)

    @property
    def alive(self) -> bool:
        """Whether it runs at this moment; False from its end on, even before its status is known."""
        return not self._exit.done() and not has_ended(self._pidfd)

    async def wait_ready(self, timeout_s: float) -> dict[str, Any]:
        """The object of its ready line. Raises NotReady, or TimeoutError when it said nothing in
        ``timeout_s``.
        """
        async with asyncio.timeout(timeout_s):
            await self._ready_known.wait()
        line, newline, _ = self._ready_text.partition(b"\n")
        if not newline and len(line) < READY_LINE_BYTES_MAX:
            raise NotReady(f"process {self.pid} ended or closed its ready pipe before it was ready")
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NotReady(f"process {self.pid} wrote a ready line that is not a JSON object")
        return answer

    async def wait_exit(self) -> ExitStatus:
        """How it ended, as soon as that is known. Any number may wait, and give up."""
        return await asyncio.shield(self._exit)

    def signal(self, signum: int) -> bool:
        """Send a signal; False if it had ended already."""
        # A process that ended and is not waited for yet would take the signal without a word.
        if not self.alive:
            return False
        try:
            signal.pidfd_send_signal(self._pidfd, signum)
        except ProcessLookupError:
            return False
        return True

    @property
    def last_beat(self) -> Beat:
        """What its loop says of itself; as of one that never beat, once it has ended."""
        return Beat(0) if self._exit.done() else pulse.last_beat(self._pulse_fd)

    @property
    def stopped(self) -> bool:
        """Whether the kernel says that it is stopped (SIGSTOP, a debugger). False where the kernel does
        not say (hidepid).
        """
        return self._stat_fd is not None and not self._exit.done() and is_stopped(self._stat_fd)

    def end(self, status: ExitStatus) -> None:
        """Its spawner's word on how it ended; only the first counts."""
        if self._exit.done():
            return
        self._read_ready()  # what it wrote last
        self._close_ready()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        os.close(self._pulse_fd)
        if self._stat_fd is not None:
            os.close(self._stat_fd)
        self._exit.set_result(status)

    def _see_gone(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._on_gone(self)

    def _read_ready(self) -> None:
        if self._ready_fd is None:
            return
        try:
            part = os.read(self._ready_fd, READY_LINE_BYTES_MAX)
        except BlockingIOError:
            return
        self._ready_text += part
        if not part or b"\n" in part or len(self._ready_text) >= READY_LINE_BYTES_MAX:
            self._close_ready()

    def _close_ready(self) -> None:
        if self._ready_fd is not None:
            self._loop.remove_reader(self._ready_fd)
            os.close(self._ready_fd)
            self._ready_fd = None
        self._ready_known.set()
