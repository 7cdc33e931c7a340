"""A supervisor whose loop does not run, for tests of its parts: nothing happens in it by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

from krakencopy.account_proc.contract.spec import Credentials
from krakencopy.supervisor.accounts.account_link import AccountLink
from krakencopy.supervisor.accounts.supervised_account import SupervisedAccount
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.state_folder import Place
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.processes.spawner import Spawner
from krakencopy.supervisor.supervisor import Supervisor
from krakencopy.v1 import account_pb2


class Link:
    """A conversation with a process, as far as it is looked at."""

    def __init__(self, snapshot: account_pb2.WatchSnapshotResponse | None = None) -> None:
        self.linked = self.serving = True
        self.snapshot = snapshot or account_pb2.WatchSnapshotResponse()
        self.drains = 0

    async def drain(self) -> None:
        self.drains += 1

    async def close(self) -> None:
        """Nothing is open."""


class AnsweringLink(Link):
    """A conversation with a process that answers each method with what a test says; an error is raised."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []
        #: Answers wait for it.
        self.held: asyncio.Event | None = None

    async def ask(self, method: str, request: Any, timeout_s: float) -> Any:
        assert timeout_s > 0
        self.asked.append((method, request))
        if self.held is not None:
            await self.held.wait()
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def place_order(self, request: Any, timeout_s: float) -> Any:
        return await self.ask("PlaceOrder", request, timeout_s)


def idle_supervisor(folder: Path, journal: Journal, config: Config) -> Supervisor:
    """Without a forkserver: it must not start anything."""
    place = Place(
        state_dir=folder, key_lock_dir=folder, rest_url="http://127.0.0.1:1", ws_url="ws://127.0.0.1:1"
    )
    return Supervisor(
        config=config, place=place, journal=journal, spawner=cast("Spawner", None),
        credentials=lambda account: Credentials(f"key of {account.id}", "c2VjcmV0"),
    )  # fmt: skip


def set_running(account: SupervisedAccount, link: Link | None = None) -> Link:
    """As if a process of it were there, and served if nothing else is said."""
    link = link or Link()
    account.life = Life(account_id=account.config.id, state=State.RUNNING)
    account.process.link = cast("AccountLink", link)
    return link
