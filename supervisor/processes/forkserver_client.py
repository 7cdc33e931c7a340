"""The supervisor's end of one forkserver: starts it, asks it for forks, hears from it how children end.

The messages are drawn in processes/forkserver.py. It must not know what the forked processes are, nor start a
forkserver again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from krakencopy.supervisor.processes.child import UNKNOWN_EXIT, Child, Ends, ExitStatus, SpawnFault, has_ended
from krakencopy.supervisor.processes.forkserver import GRACE_S, MESSAGE_BYTES_MAX, REQUEST
from krakencopy.supervisor.processes.python_command import python_command

log = logging.getLogger(__name__)

#: Imports from a cold disk on a busy machine; a second is usual.
PRELOAD_LIMIT_S = 60.0
#: A fork takes milliseconds; a forkserver that has not answered by then is stopped or stuck.
FORK_LIMIT_S = 30.0
#: The forkserver's report follows an exit at once; without it the status stays unknown.
REPORT_LIMIT_S = 5.0


class ForkserverKilled(SpawnFault):
    """A signal ended it (the kernel's, for want of memory, or an operator's): another one may do."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A fork that was asked for."""

    ends: Ends
    answer: asyncio.Future[Child]


class ForkserverLink:
    """One forkserver, from its start to its end. Used in the event loop's thread."""

    def __init__(self, entry: str, environ: Mapping[str, str]) -> None:
        """Start the process; ``wait_preloaded`` must follow. Raises OSError."""
        self._entry = entry
        self._loop = asyncio.get_running_loop()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  - all arguments are ours
                [
                    *python_command("krakencopy.supervisor.processes.forkserver"),
                    "--control-fd",
                    str(theirs.fileno()),
                    "--entry",
                    entry,
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environ,
                # Ctrl-C in the terminal is for the supervisor, which stops accounts in order.
                start_new_session=True,
            )
        self._control.setblocking(False)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._closing = False
        self._ended = asyncio.Event()
        self._hello: asyncio.Future[None] = self._loop.create_future()
        #: Answered in this order, also those that nobody waits for any more.
        self._requests: deque[_Request] = deque()
        self._children: dict[int, Child] = {}
        self._loop.add_reader(self._control, self._read_all)
        self._loop.add_reader(self._pidfd, self._see_end)

    @property
    def pid(self) -> int:
        """The forkserver's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs at this moment."""
        return not self._ended.is_set() and not has_ended(self._pidfd)

    async def wait_preloaded(self) -> None:
        """Wait for its imports. Raises SpawnFault, with their traceback if they failed, and
        ForkserverKilled; it has ended then.
        """
        try:
            async with asyncio.timeout(PRELOAD_LIMIT_S):
                await self._hello
        except BaseException as error:
            self._closing = True
            self._kill()
            await self._ended.wait()
            if isinstance(error, TimeoutError):
                problem = f"the forkserver has not imported {self._entry} in {PRELOAD_LIMIT_S:g} s"
                raise SpawnFault(problem) from None
            raise

    async def fork(self, descriptors: Sequence[int], ends: Ends) -> Child:
        """Have a child made that holds ``descriptors``: boot, ready, lifeline, pulse, output. Raises
        SpawnFault or OSError.
        """
        request = _Request(ends, self._loop.create_future())
        socket.send_fds(self._control, [REQUEST], list(descriptors))
        self._requests.append(request)
        try:
            async with asyncio.timeout(FORK_LIMIT_S):
                return await request.answer
        except TimeoutError:
            self._kill()
            await self._ended.wait()
            raise SpawnFault(f"the forkserver did not answer in {FORK_LIMIT_S:g} s and was killed") from None

    def _kill(self) -> None:
        # Closed with its end, and the number may be another file's by then.
        if not self._ended.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def close(self) -> None:
        """End it, and wait for that; children that still run have ``GRACE_S``."""
        self._closing = True
        if self._ended.is_set():
            return
        # Only this side: it still has exits to report.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        try:
            async with asyncio.timeout(GRACE_S + REPORT_LIMIT_S):
                await self._ended.wait()
        except TimeoutError:
            self._kill()
            await self._ended.wait()

    def _read_all(self) -> None:
        while True:
            try:
                text, descriptors, _, _ = socket.recv_fds(
                    self._control, MESSAGE_BYTES_MAX, 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except ConnectionResetError:
                # Raised once, when it ended with a request unread; what it had sent comes after.
                continue
            if not text:
                self._loop.remove_reader(self._control)
                return
            self._take(json.loads(text), descriptors)

    def _take(self, message: dict[str, Any], descriptors: Sequence[int]) -> None:
        match message:
            case {"hello": _}:
                _answer(self._hello, None)
            case {"error": text}:
                _answer(self._hello, SpawnFault(f"the forkserver could not import {self._entry}:\n{text}"))
            case {"forked": pid}:
                self._take_child(pid, descriptors)
            case {"refused": text}:
                _answer(self._requests.popleft().answer, SpawnFault(f"the forkserver refused: {text}"))
            case {"exited": pid, "code": code, "signal": number}:
                child = self._children.pop(pid, None)
                if child is not None:
                    child.end(ExitStatus(code, number))
            case _:
                raise AssertionError(f"the forkserver said {message}")

    def _take_child(self, pid: int, descriptors: Sequence[int]) -> None:
        """Make a ``Child`` of it at once: the next message may tell of its end."""
        request = self._requests.popleft()
        if request.answer.done():
            # Nobody waits any more, its boot pipe is closed, so it ends by itself.
            for pidfd in descriptors:
                os.close(pidfd)
            return
        try:
            (pidfd,) = descriptors or [os.pidfd_open(pid)]
            self._children[pid] = Child(pid, pidfd, request.ends, self._child_gone)
        except OSError as error:
            _answer(request.answer, error)
        else:
            _answer(request.answer, self._children[pid])

    def _child_gone(self, child: Child) -> None:
        if self._ended.is_set():
            child.end(UNKNOWN_EXIT)
        else:
            self._loop.call_later(REPORT_LIMIT_S, child.end, UNKNOWN_EXIT)

    def _see_end(self) -> None:
        """The forkserver is over: believe its last reports, and go on watching children that live."""
        self._loop.remove_reader(self._pidfd)
        self._read_all()
        self._loop.remove_reader(self._control)
        self._control.close()
        os.close(self._pidfd)
        status = ExitStatus.of(self._process.wait())
        fault = SpawnFault if status.signal is None else ForkserverKilled
        ended = fault(f"the forkserver ended: {status}")
        _answer(self._hello, ended)
        for request in self._requests:
            _answer(request.answer, ended)
        self._ended.set()
        living = [child for child in self._children.values() if child.alive]
        for child in self._children.values():
            if child not in living:
                child.end(UNKNOWN_EXIT)
        if not self._closing:
            log.error(
                "forkserver %d ended: %s; %d processes of accounts live on", self.pid, status, len(living)
            )


def _answer(waiting: asyncio.Future[Any], result: object) -> None:
    """Give a result or an exception to who waits, unless nobody does any more."""
    if waiting.done():
        return
    if isinstance(result, Exception):
        waiting.set_exception(result)
    else:
        waiting.set_result(result)
