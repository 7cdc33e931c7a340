"""One account's process after another: what fails to start, and what ends, the loop's next turn knows."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from krakencopy.account_proc.runtime.liveness import Beat
from krakencopy.supervisor.accounts.supervised_process import SupervisedProcess
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Ended, Life, State
from krakencopy.supervisor.processes.child import ExitStatus, NotReady, SpawnFault
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

LIMIT_S = 30.0


class Child:
    """A process that ends by the first signal, or when it is told to."""

    pid = 17
    last_beat = Beat(at_ns=0, asleep=False)
    stopped = False

    def __init__(self, *, ready: bool = True) -> None:
        self._ready = ready
        self._exit: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self.signals: list[int] = []

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)
        self.end(ExitStatus(None, number))

    def end(self, status: ExitStatus) -> None:
        if not self._exit.done():
            self._exit.set_result(status)

    async def wait_ready(self, _: float) -> None:
        if not self._ready:
            raise NotReady

    async def wait_exit(self) -> ExitStatus:
        return await self._exit


class Spawner:
    """Starts what it is given to start."""

    child: Child | None = None

    async def spawn(self, *_: Any) -> Child:
        if self.child is None:
            raise SpawnFault("no memory")
        return self.child


class Scene:
    def __init__(self, supervisor: Supervisor) -> None:
        self.account = supervisor.accounts["anna"]
        self.process: SupervisedProcess = self.account.process
        self.queue = supervisor._queue
        self.ends = supervisor.ends
        self.spawner = Spawner()
        supervisor.launcher._spawner = cast("Any", self.spawner)
        self.account.life = Life(state=State.STARTING)
        self.queue.take_accounts()

    def start(self) -> None:
        self.process.start(self.account.config, LIMIT_S)

    async def until_ended(self) -> Ended:
        await self.queue.wait(LIMIT_S)
        assert self.queue.take_accounts() == {"anna"}
        assert self.process.ended is not None
        return self.process.ended


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "logs").mkdir()
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Scene(idle_supervisor(tmp_path, journal, small_config("anna")))


def test_what_cannot_be_started_has_ended_and_says_why(it: Scene) -> None:
    async def play() -> None:
        it.start()
        assert await it.until_ended() == Ended(None, None, "could not be started: no memory")
        assert (it.process.child, it.process.pulse) == (None, None)

    asyncio.run(play())


def test_an_end_that_nobody_asked_for_is_kept_with_how_it_was(it: Scene) -> None:
    async def play() -> None:
        child = it.spawner.child = Child(ready=False)
        it.start()
        await asyncio.sleep(0)
        assert it.process.pulse is not None
        link = set_running(it.account)
        assert it.process.serving
        it.process.answering = False
        assert (link.serving, it.process.serving, it.process.linked) == (True, False, False)
        child.end(ExitStatus(1, None))
        assert await it.until_ended() == Ended(1, None, "")
        assert (it.process.child, it.process.link, it.process.started_at) == (None, None, 0.0)
        end = it.ends.of("anna")
        assert end is not None
        assert (end.pid, end.exit_code, end.instance_id) == (17, 1, it.process.instance_id)

    asyncio.run(play())


def test_a_process_is_drained_before_its_signal_and_its_end_is_nobodys_news(it: Scene) -> None:
    async def play() -> None:
        child = it.spawner.child = Child(ready=False)
        it.start()
        await asyncio.sleep(0)
        link = set_running(it.account)
        it.account.life = Life(state=State.STOPPING)
        it.process.drain()
        assert await it.until_ended() == Ended(None, signal.SIGTERM, "")
        assert (link.drains, child.signals) == (1, [signal.SIGTERM])
        assert it.ends.of("anna") is None

    asyncio.run(play())


def test_a_process_that_is_stopped_while_it_is_being_started_is_never_reached(it: Scene) -> None:
    async def play() -> None:
        child = Child()
        it.start()
        it.account.life = Life(state=State.STOPPING)
        it.process.drain()
        it.spawner.child = child
        assert await it.until_ended() == Ended(None, signal.SIGTERM, "")
        assert it.process.link is None

    asyncio.run(play())
