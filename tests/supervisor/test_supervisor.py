"""Real processes that hang or die together: it is noticed, said, mended within limits, and nobody else is
touched.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.accounts import shutdown as shutdown_module
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle import circuit_breaker as breaker
from krakencopy.supervisor.lifecycle.state_machine import Limits, State
from krakencopy.supervisor.processes.spawner import ForkserverSpawner
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.supervisor_samples import small_config

SUPPORT = Path(__file__).parents[1] / "support"
USERS = ("anna", "ben", "eve")
#: Long enough for a busy machine; nothing waits that long when it works.
PATIENCE_S = 60
LIMITS = Limits(silence=0.5, backoff_min=0.05, backoff_max=0.1)


@pytest.fixture(autouse=True)
def _brief_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing trades here, so nothing has to come to rest at the end."""
    monkeypatch.setattr(shutdown_module, "QUIET_S", 0.01)


class System:
    """A supervisor in this process, with accounts in processes of their own."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.accounts = supervisor.accounts

    async def until(self, what: str, probe: Callable[[], object]) -> None:
        seen = -1
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not probe():
                    seen = await self.supervisor.changes.wait(seen)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}: {self.supervisor.readiness()}") from None

    async def until_all_run(self) -> None:
        await self.until("everyone to run", lambda: not self.supervisor.readiness())

    def pids(self) -> dict[str, int]:
        return {
            name: account.process.child.pid
            for name, account in self.accounts.items()
            if account.process.child
        }

    def events(self, account: str = "") -> list[str]:
        events = reversed(self.supervisor.journal.events_before(2**62, 1_000, account))
        return [f"{event.code} {event.message}" for event in events if event.account_id == account]


@asynccontextmanager
async def running() -> AsyncIterator[System]:
    # Short: paths of Unix sockets are at most 107 bytes long.
    folder = Path(tempfile.mkdtemp(prefix="kc"))
    for name in ("run", "logs", "accounts"):
        (folder / name).mkdir()
    spawner = ForkserverSpawner("stand_in_served:run", {**os.environ, "PYTHONPATH": str(SUPPORT)})
    await spawner.start()
    journal = Journal(folder / "journal.db")
    place = Place(
        state_dir=folder, key_lock_dir=folder, rest_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1"
    )
    supervisor = Supervisor(
        config=small_config(*USERS), place=place, journal=journal, spawner=spawner,
        credentials=lambda _: Credentials("key", "c2VjcmV0"), limits=LIMITS,
    )  # fmt: skip
    run = asyncio.create_task(supervisor.run())
    try:
        system = System(supervisor)
        await system.until_all_run()
        yield system
    finally:
        supervisor.shutdown.begin()
        await run
        await spawner.close()
        journal.close()
        shutil.rmtree(folder)


def test_users_that_hang_are_noticed_killed_and_replaced_and_the_others_are_not_touched() -> None:
    async def scene() -> None:
        async with running() as system:
            ben = system.accounts["ben"]
            before = system.pids()
            os.kill(before["anna"], signal.SIGSTOP)
            os.kill(
                before["ben"], signal.SIGUSR1
            )  # its loop is stuck; gRPC's threads answer pings all the time
            # Each is silent for half a second only, and not in the same one.
            await system.until("ben to be silent", lambda: ben.life.reason == "NO_ANSWER")
            assert ben.process.link is not None
            assert ben.process.link.serving
            assert not ben.serving
            await system.until("anna's end", lambda: system.pids().get("anna") != before["anna"])
            await system.until("ben's end", lambda: system.pids().get("ben") != before["ben"])
            await system.until_all_run()
            after = system.pids()
            assert {name for name in after if after[name] != before[name]} == {"anna", "ben"}
            for name in ("anna", "ben"):
                words = " ".join(system.events(name))
                assert "RUNNING -> DEGRADED (NO_ANSWER" in words
                assert (
                    "-> BACKOFF (PROCESS_ENDED: the process did not answer for 0.5 s; killed (signal 9"
                    in words
                )
            for name in ("master", "eve"):
                assert not any("RUNNING ->" in words for words in system.events(name))

    asyncio.run(scene())


def test_a_master_that_hangs_is_not_serving_so_no_user_starts_until_it_is_replaced() -> None:
    async def scene() -> None:
        async with running() as system:
            master, anna = system.accounts["master"], system.accounts["anna"]
            for how in (signal.SIGSTOP, signal.SIGUSR1):
                before = system.pids()
                os.kill(before["master"], how)
                await system.until("the master to be silent", lambda: master.life.reason == "NO_ANSWER")
                assert not master.serving
                os.kill(before["anna"], signal.SIGKILL)
                await system.until("anna to wait", lambda: anna.life.reason == "MASTER_NOT_READY")
                assert anna.process.child is None
                await system.until_all_run()
                after = system.pids()
                assert {name for name in after if after[name] != before[name]} == {"anna", "master"}
            assert sum(words.startswith("MASTER_LOST") for words in system.events("master")) == 2

    asyncio.run(scene())


def test_when_all_die_at_once_one_tries_for_all_and_nobody_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "PAUSE_MIN_S", 0.3)
    monkeypatch.setattr(breaker, "SERVING_S", 0.1)

    async def scene() -> None:
        async with running() as system:
            for pid in system.pids().values():
                os.kill(pid, signal.SIGKILL)
            await system.until(
                "users to be held back", lambda: system.accounts["eve"].life.reason == "MANY_FAILED"
            )
            assert "of 4 accounts ended within 10 s" in system.supervisor.readiness()
            assert system.accounts["eve"].life.state is State.WAITING
            await system.until_all_run()
            assert [words.split()[0] for words in system.events() if words.startswith("MANY")] == [
                "MANY_FAILED",
                "MANY_FAILED_OVER",
            ]
            assert "MANY_FAILED_OVER master holds; the others are started again" in system.events()
            assert [account.life.failures for account in system.accounts.values()] == [()] * 4

    asyncio.run(scene())
