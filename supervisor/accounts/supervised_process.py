"""One account's process, time after time: started, reached, signalled, and what is left when it has ended.

It must not know why it is started or ended (lifecycle/state_machine.py, accounts/supervised_account.py), nor
what a process is given (accounts/launcher.py).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from krakencopy.account_proc.contract.socket_handshake import new_secret
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.conversation import Owner
from krakencopy.supervisor.accounts.exit_records import LastEnds, Lived, begin_output, last_output
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.accounts.launcher import Launcher
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.config.model import AccountConfig
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.lifecycle import steady_time
from krakencopy.supervisor.lifecycle.liveness import Seen
from krakencopy.supervisor.lifecycle.state_machine import Ended
from krakencopy.supervisor.processes.child import Child, NotReady
from krakencopy.supervisor.processes.spawner import crash_path
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)


class Account(Owner, Protocol):
    """The account that the process is of."""

    def unasked_end(self, lived: Lived) -> pb.ProcessEnd | None:
        """How a process ended; None if somebody had asked it to."""
        ...


class SupervisedProcess:
    """The one that there is now, if there is one. What changes about it puts the account into the queue."""

    def __init__(
        self, account_id: str, account: Account, launcher: Launcher, ends: LastEnds, queue: WorkQueue
    ) -> None:
        self._account_id = account_id
        self._account = account
        self._launcher = launcher
        self._ends = ends
        self._queue = queue
        self.child: Child | None = None
        self.link: AccountLink | None = None
        #: Of this process, or of the last one.
        self.instance_id = ""
        #: When it was started (Unix seconds); 0 without one.
        self.started_at = 0.0
        #: Whether its loop moves, as far as its pulse says.
        self.answering = True
        #: How it ended, until the account's step has seen it.
        self.ended: Ended | None = None
        #: It is to end as soon as it can be reached.
        self._draining = False
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def linked(self) -> bool:
        """Whether it answers."""
        return self.link is not None and self.link.linked and self.answering

    @property
    def serving(self) -> bool:
        """Whether it says that it can trade, and moves: a stuck loop cannot take back what it has said."""
        return self.link is not None and self.link.serving and self.answering

    @property
    def pulse(self) -> tuple[str, Seen] | None:
        """Which process it is, and how it stands; None without a process."""
        if self.child is None:
            return None
        return self.instance_id, Seen(self.child.last_beat, self.child.stopped)

    # -- what is to be done with it -------------------------------------------------------------------------

    def start(self, config: AccountConfig, patience_s: float) -> None:
        """Begins to start one, which has so long to be ready."""
        self._draining = False
        self._begin(self._start(config, patience_s))

    def drain(self) -> None:
        """Lets it finish what is in flight, and end."""
        self._draining = True
        self._begin(self._drain())

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing without a process."""
        if self.child is not None:
            self.child.signal(number)

    async def close(self) -> None:
        """Ends what this object itself has going; the process is not touched."""
        for task in self._tasks:
            task.cancel()
        if self.link is not None:
            await self.link.close()

    # -- how ------------------------------------------------------------------------------------------------

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, config: AccountConfig, patience_s: float) -> None:
        self.instance_id = uuid.uuid4().hex[:12]
        link_secret = new_secret()
        spec = self._launcher.spec(config, self.instance_id)
        output, started_at = crash_path(spec), steady_time.now()
        self.started_at = time.time()
        try:
            output_start = begin_output(output)
            child = await self._launcher.spawn(config, spec, link_secret)
        except Exception as error:  # noqa: BLE001 - whatever it is, the account did not start and says so
            self._note_end(Ended(None, None, f"could not be started: {error}"))
            return
        self.child = child
        self._begin(self._wait_for_end(child, started_at, output, output_start))
        self._keep(lambda: self._ends.started(self._account_id))
        try:
            await child.wait_ready(patience_s)
        except (NotReady, TimeoutError):
            return  # its end, or the deadline of STARTING, says more
        if self._draining:
            self.send_signal(signal.SIGTERM)  # it was stopped while it was being started
        elif self.child is child:
            self.link = self._launcher.link(config, spec.socket_path, self._account, link_secret)
            self.link.open()

    async def _drain(self) -> None:
        if self.link is not None:
            try:
                await self.link.drain()
            except CallFailed as error:
                log.warning("%s could not be drained: %s", self._account_id, error)
        self.send_signal(signal.SIGTERM)

    async def _wait_for_end(self, child: Child, started_at: float, output: Path, output_start: int) -> None:
        instance_id = self.instance_id
        status = await child.wait_exit()
        words = last_output(output, output_start)
        lived = Lived(child.pid, instance_id, started_at, steady_time.now(), status, words)
        if (end := self._account.unasked_end(lived)) is not None:
            self._keep(lambda: self._ends.ended(self._account_id, end))
        if self.link is not None:
            await self.link.close()
            self.link = None
        self.child, self.started_at = None, 0.0
        self._note_end(Ended(status.code, status.signal, words[-1] if words else ""))

    def _note_end(self, ended: Ended) -> None:
        self.ended = ended
        self._queue.put_accounts([self._account_id])

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            write()
        except JournalFault as error:
            self._queue.put_failure(error)
