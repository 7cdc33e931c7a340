"""Starting accounts' processes: by fork from a preloaded process, or by exec, behind one Protocol.

Each process gets its spec and key on a pipe, says on another that it is ready, reads EOF on the lifeline when
the supervisor is gone, and beats on a page of its own that the supervisor reads. It must not know when a
process is to be started, or what is done when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from krakencopy.account_proc.contract.spec import AccountSpec, Credentials
from krakencopy.account_proc.runtime import liveness as pulse
from krakencopy.account_proc.runtime.boot import DEFAULT_ENTRY, boot_message
from krakencopy.supervisor.processes.child import Child, Ends, ExitStatus, NotReady, SpawnFault
from krakencopy.supervisor.processes.forkserver import GRACE_S
from krakencopy.supervisor.processes.forkserver_client import ForkserverKilled, ForkserverLink
from krakencopy.supervisor.processes.python_command import process_environment, python_command

log = logging.getLogger(__name__)

__all__ = [
    "Child",
    "ExecSpawner",
    "ExitStatus",
    "ForkserverSpawner",
    "NotReady",
    "SpawnFault",
    "Spawner",
    "crash_path",
]

#: A fresh pipe takes this much at once, even when its owner has so many that each gets a single page.
BOOT_BYTES_MAX = select.PIPE_BUF
#: So many children are kept before it is looked whether some have ended.
CHILDREN_MIN = 64
#: How many forkservers are started in a row when each is killed while it imports.
PRELOAD_TRIES = 3


class Spawner(Protocol):
    """Starts processes and sees them end."""

    async def start(self) -> None:
        """Get ready to spawn, before any gRPC object exists in this process. Raises SpawnFault."""

    async def spawn(self, spec: AccountSpec, credentials: Credentials) -> Child:
        """Start one account's process. Raises SpawnFault."""

    async def close(self) -> None:
        """Let go: what still runs is asked by the lifeline to end, and killed if it does not; nothing is
        left then.
        """


def crash_path(spec: AccountSpec) -> Path:
    """Where the process's standard output and standard error are appended to: what its own log could not
    take.
    """
    return spec.log_path.with_suffix(".crash")


class _LifelineSpawner(ABC):
    """What both ways of starting share: the lifeline, the pipes, and that no process outlives ``close``."""

    def __init__(self, entry: str = DEFAULT_ENTRY, environ: Mapping[str, str] = os.environ) -> None:
        """``entry`` is the ``module:function`` to run; ``environ`` is passed on without any credentials."""
        self._entry = entry
        self._environ = process_environment(environ)
        #: Read and write end of a pipe that nothing is ever written to.
        self._lifeline: tuple[int, int] | None = None
        self._children: set[Child] = set()
        #: Those that have ended are forgotten when there are so many: to look for them at each start would
        #: take longer with each one.
        self._children_looked_through_at = CHILDREN_MIN
        #: One start at a time: few descriptors on the way, and ``close`` comes after it.
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """See ``Spawner``."""
        assert self._lifeline is None, "started twice"
        # Not inheritable, and never passed on: the only write end is this process's.
        self._lifeline = os.pipe()
        try:
            await self._prepare()
        except BaseException:
            await self.close()
            raise

    async def spawn(self, spec: AccountSpec, credentials: Credentials) -> Child:
        """See ``Spawner``."""
        message = boot_message(spec, credentials)
        if len(message) > BOOT_BYTES_MAX:
            problem = f"{spec.id}: with its paths the specification has {len(message)} bytes"
            raise SpawnFault(
                f"{problem}, and {BOOT_BYTES_MAX} fit; use a shorter state folder, or fewer patterns of pairs"
            )
        async with self._turn:
            if self._lifeline is None:
                raise SpawnFault(f"{spec.id}: the spawner is not started, or closed")
            try:
                with _start_pipes(spec, self._lifeline[0]) as pipes:
                    child = await self._start(pipes)
                    # Sent only now: a process that nobody took charge of reads nothing but EOF, and ends.
                    os.write(pipes.boot_write, message)
            except OSError as error:
                raise SpawnFault(f"{spec.id}: {error}") from error
            self._keep(child)
            return child

    def _keep(self, child: Child) -> None:
        self._children.add(child)
        if len(self._children) >= self._children_looked_through_at:
            self._children = {other for other in self._children if other.alive}
            self._children_looked_through_at = max(2 * len(self._children), CHILDREN_MIN)

    async def close(self) -> None:
        """See ``Spawner``."""
        async with self._turn:
            if self._lifeline is None:
                return
            for descriptor in self._lifeline:
                os.close(descriptor)
            self._lifeline = None
            for child in self._children:
                child.signal(signal.SIGCONT)  # a stopped one sees no EOF
            exits = [asyncio.create_task(child.wait_exit()) for child in self._children]
            if exits:
                await asyncio.wait(exits, timeout=GRACE_S)
            for child in self._children:
                child.signal(signal.SIGKILL)
            await asyncio.gather(*exits)
            await self._let_go()

    async def _prepare(self) -> None:  # noqa: B027  - exec needs nothing
        """Start what helps to start processes. Raises OSError or SpawnFault."""

    @abstractmethod
    async def _start(self, pipes: _StartPipes) -> Child:
        """Make the process. Raises OSError or SpawnFault."""

    async def _let_go(self) -> None:  # noqa: B027  - exec needs nothing
        """End what ``_prepare`` started, when all processes have ended."""


class ExecSpawner(_LifelineSpawner):
    """A new interpreter for each process: slower and larger than a fork, and depends on nothing.

    When the supervisor is killed, nobody is left to kill a process that does not heed the lifeline; one that
    is stopped is continued by the kernel, so that it can.
    """

    async def _start(self, pipes: _StartPipes) -> Child:
        inherited = {
            "--boot-fd": pipes.boot_read,
            "--ready-fd": pipes.ready_write,
            "--lifeline-fd": pipes.lifeline,
            "--pulse-fd": pipes.pulse,
        }
        arguments = [word for name, number in inherited.items() for word in (name, str(number))]
        # Not asyncio's: its watcher in Python 3.11 is a thread for each process, which would wait for it
        # before us.
        process = subprocess.Popen(  # noqa: ASYNC220, S603  - returns at exec; all arguments are ours
            [*python_command("krakencopy.account_proc"), *arguments, "--entry", self._entry],
            pass_fds=tuple(inherited.values()),
            stdin=subprocess.DEVNULL,
            stdout=pipes.output,
            stderr=pipes.output,
            env=self._environ,
            # Ctrl-C in the terminal is for the supervisor, which stops accounts in order.
            start_new_session=True,
        )
        try:
            pidfd = os.pidfd_open(process.pid)
            return Child(
                process.pid,
                pidfd,
                Ends(pipes.ready_read, pipes.pulse),
                lambda child: child.end(ExitStatus.of(process.wait())),
            )
        except OSError:
            # Without a pidfd; its pid stays its own until it is waited for.
            process.kill()
            process.wait()
            raise


class ForkserverSpawner(_LifelineSpawner):
    """Forks from a process that has everything imported. If that process dies, the next spawn starts
    another.
    """

    _server: ForkserverLink | None = None

    async def _prepare(self) -> None:
        for left in reversed(range(PRELOAD_TRIES)):
            server = ForkserverLink(self._entry, self._environ)
            try:
                await server.wait_preloaded()
            except ForkserverKilled as error:
                if not left:
                    raise
                log.warning("%s, before it had imported everything; another is started", error)
            else:
                self._server = server
                return

    async def _start(self, pipes: _StartPipes) -> Child:
        if self._server is None or not self._server.alive:
            await self._prepare()
        assert self._server is not None
        descriptors = (pipes.boot_read, pipes.ready_write, pipes.lifeline, pipes.pulse, pipes.output)
        return await self._server.fork(descriptors, Ends(pipes.ready_read, pipes.pulse))

    async def _let_go(self) -> None:
        if self._server is not None:
            await self._server.close()


@dataclass(frozen=True, slots=True)
class _StartPipes:
    """The descriptors of one start."""

    boot_read: int
    boot_write: int
    ready_read: int
    ready_write: int
    lifeline: int
    pulse: int
    output: int


@contextlib.contextmanager
def _start_pipes(spec: AccountSpec, lifeline: int) -> Iterator[_StartPipes]:
    """Open them; all but the lifeline are closed on leaving. Raises OSError."""
    with contextlib.ExitStack() as opened:

        def keep(descriptor: int) -> int:
            opened.callback(os.close, descriptor)
            return descriptor

        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        output = keep(os.open(crash_path(spec), flags, 0o600))
        boot_read, boot_write = map(keep, os.pipe())
        ready_read, ready_write = map(keep, os.pipe())
        page = keep(pulse.new_page())
        yield _StartPipes(boot_read, boot_write, ready_read, ready_write, lifeline, page, output)
