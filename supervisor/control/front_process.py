"""The front as the supervisor holds it: started, asked whether it runs, killed where it does not answer,
started again. What clients do to it ends there.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from krakencopy.supervisor.control.audited_calls import AuditedCalls
from krakencopy.supervisor.control.call_answerer import CallAnswerer
from krakencopy.supervisor.control.call_frames import LOCAL
from krakencopy.supervisor.control.loop_share import LoopShare
from krakencopy.supervisor.control.principals import Principal
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.processes.child import ExitStatus, has_ended, is_stopped, stat_of
from krakencopy.supervisor.processes.python_command import process_environment, python_command
from krakencopy.v1 import types_pb2

log = logging.getLogger(__name__)

MODULE = "krakencopy.supervisor.control.front"
#: Between two looks at whether it is stopped by the kernel's word, in seconds, and so many in a row that find
#: it so end it. One that is only slow runs, waits for its turn or sleeps.
LOOK_S, STOPPED_MAX = 1.0, 2
#: So many looks between two questions whether it runs, and so many without an answer in a row end it. It may
#: be slow: others go first.
PING_LOOKS, UNANSWERED_MAX = 2, 5
#: The same of one that has only been started, while a machine is busy with all that is.
UNANSWERED_START_MAX = 30
#: Before another one is started, in seconds: at first, and at most. It doubles with each one that lives less
#: than STEADY_S.
PAUSE_S, PAUSE_MAX_S, STEADY_S = 0.1, 5.0, 30.0
#: What is being answered may end, in seconds, and the process after that.
GRACE_S, END_S = 0.2, 1.0


class FrontProcess:
    """The process that serves the control socket; another one when it ends."""

    def __init__(
        self, servicer: Any, events: EventLog, output: Path, audit: AuditedCalls | None = None,
        note_call: Callable[[Principal], None] = lambda _: None,
        account_ids: Callable[[], Collection[str]] = tuple,
    ) -> None:  # fmt: skip
        """``servicer`` answers ControlService; ``output``: where standard output and standard error go;
        ``audit`` keeps what is changed by whom; ``note_call`` is given who calls from elsewhere.
        """
        self._servicer = servicer
        self._audit = audit
        self._note_call = note_call
        self._account_ids = account_ids
        self._events = events
        self._output = output
        self._share = LoopShare()
        #: By which one is meant (call_frames.py).
        self._listeners: dict[bytes, socket.socket] = {}
        self._access = b""
        self._life: _Life | None = None
        self._keeping: asyncio.Task[None] | None = None

    def use_listener(self, listener: socket.socket, which: bytes = LOCAL) -> None:
        """From now on it serves on this socket; clients of the one before stay connected."""
        if before := self._listeners.get(which):
            before.close()
        self._listeners[which] = listener
        if self._life is not None:
            self._life.send_listener(listener, which)

    def use_access(self, access: bytes) -> None:
        """From now on these may call from elsewhere (access_table.py)."""
        self._access = access
        if self._life is not None:
            self._life.answerer.use_access(access)

    async def start(self) -> None:
        """Starts the first one. Clients may connect already, and wait in the queue. Raises OSError."""
        self._life = await self._begin()
        self._keeping = asyncio.create_task(self._keep(self._life))

    async def close(self) -> None:
        """Lets answers leave, then ends it."""
        if self._keeping is not None and self._life is not None:
            await self._life.answerer.finish(GRACE_S)
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
            await self._life.end(END_S)
        for listener in self._listeners.values():
            listener.close()

    async def _begin(self) -> _Life:
        assert LOCAL in self._listeners
        answerer = CallAnswerer(
            self._servicer, self._share, self._audit, self._access, self._note_call, self._account_ids
        )
        life = await _Life.start(answerer, self._output)
        for which, listener in self._listeners.items():
            life.send_listener(listener, which)
        return life

    async def _keep(self, life: _Life) -> None:
        pause_s = PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            given_up = await life.run()
            status = await life.end(0.0 if given_up else END_S)
            self._note_end(given_up or str(status))
            pause_s = PAUSE_S if loop.time() - began > STEADY_S else min(2 * pause_s, PAUSE_MAX_S)
            life = self._life = await self._begin_again(pause_s)

    async def _begin_again(self, pause_s: float) -> _Life:
        while True:
            await asyncio.sleep(pause_s)
            try:
                return await self._begin()
            except OSError as error:
                log.error("the control API's process was not started: %s", error)  # noqa: TRY400 - expected

    def _note_end(self, why: str) -> None:
        words = f"the process of the control API ended ({why}); another one is started, and copying goes on"
        try:
            self._events.record(types_pb2.SEVERITY_WARNING, "", "CONTROL_RESTARTED", words)
        except JournalFault as error:
            # The next one to write ends the run for it.
            log.error("%s; it is not in the journal: %s", words, error)  # noqa: TRY400 - expected


class _Life:
    """One process, from its start to its end."""

    def __init__(
        self, process: subprocess.Popen[bytes], answerer: CallAnswerer, listeners: socket.socket,
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self.answerer = answerer
        self._process = process
        self._pidfd = os.pidfd_open(process.pid)
        self._stat_fd = stat_of(process.pid, self._pidfd)
        self._listeners = listeners
        self._reader, self._writer = reader, writer
        self._status: ExitStatus | None = None

    @classmethod
    async def start(cls, answerer: CallAnswerer, output: Path) -> _Life:
        """Raises OSError."""
        channel, its_channel = socket.socketpair()
        listeners, its_listeners = socket.socketpair(type=socket.SOCK_SEQPACKET)
        inherited = {"--channel-fd": its_channel.fileno(), "--listeners-fd": its_listeners.fileno()}
        arguments = [word for name, number in inherited.items() for word in (name, str(number))]
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            crash = os.open(output, flags, 0o600)
            try:
                process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns at exec; all arguments are ours
                    [*python_command(MODULE), *arguments],
                    pass_fds=tuple(inherited.values()), stdin=subprocess.DEVNULL, stdout=crash, stderr=crash,
                    env=process_environment(os.environ),
                    # Ctrl-C in the terminal is for the supervisor.
                    start_new_session=True,
                )  # fmt: skip
            finally:
                os.close(crash)
        except OSError:
            channel.close()
            listeners.close()
            raise
        finally:
            its_channel.close()
            its_listeners.close()
        channel.setblocking(False)
        listeners.setblocking(False)
        return cls(process, answerer, listeners, *await asyncio.open_unix_connection(sock=channel))

    def send_listener(self, listener: socket.socket, which: bytes) -> None:
        """It serves on this one from now on."""
        with suppress(OSError):  # it ends, or does not read: then it is ended, and the next one gets it
            socket.send_fds(self._listeners, [which], [listener.fileno()])

    async def run(self) -> str:
        """Answers it until it ends; why it was given up, where that is known here."""
        answering = asyncio.create_task(self.answerer.run(self._reader, self._writer))
        unanswered, most, stopped = 0, UNANSWERED_START_MAX, 0
        try:
            # By number: when the supervisor itself was stopped, time says nothing of the front.
            for look in itertools.count():
                done, _ = await asyncio.wait([answering], timeout=LOOK_S)
                if done:
                    break
                stopped = stopped + 1 if self._is_stopped() else 0
                if stopped >= STOPPED_MAX:
                    return f"it was stopped for {LOOK_S:g} s or more, by a signal or a debugger"
                if look % PING_LOOKS:
                    continue
                if self.answerer.has_answered():
                    unanswered, most = 0, UNANSWERED_MAX
                else:
                    unanswered += 1
                if unanswered > most:
                    return f"it did not answer for {most * PING_LOOKS * LOOK_S:g} s"
                self.answerer.ping()
            return ""
        finally:
            answering.cancel()
            await asyncio.wait([answering])

    def _is_stopped(self) -> bool:
        return self._stat_fd is not None and is_stopped(self._stat_fd)

    async def end(self, within_s: float) -> ExitStatus:
        """It sees that the channel is closed, and is killed where it does not end by itself; how it ended."""
        if self._status is None:
            self._writer.close()
            self._listeners.close()
            await self._wait_gone(within_s)
            if not has_ended(self._pidfd):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                await self._wait_gone(None)
            os.close(self._pidfd)
            if self._stat_fd is not None:
                os.close(self._stat_fd)
            self._status = ExitStatus.of(self._process.wait())
        return self._status

    async def _wait_gone(self, within_s: float | None) -> None:
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, gone.set)
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), within_s)
        finally:
            loop.remove_reader(self._pidfd)
