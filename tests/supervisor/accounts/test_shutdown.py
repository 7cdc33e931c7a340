"""Users go first, then the masters; in a hurry nobody is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.accounts import shutdown as shutdown_module
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import HURRIED_S, Life, State
from krakencopy.supervisor.supervisor import Supervisor
from tests.support.idle_supervisor import idle_supervisor, set_running
from tests.support.supervisor_samples import small_config

LIMIT_S = 30.0


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Supervisor]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield idle_supervisor(tmp_path, journal, small_config("anna"))


def codes(it: Supervisor) -> list[str]:
    return [event.code for event in it.journal.events_after(0, 10)]


def wanted(it: Supervisor) -> list[str]:
    return [name for name, account in it.accounts.items() if account.wanted]


def end(it: Supervisor, account_id: str) -> None:
    it.accounts[account_id].life = Life(state=State.STOPPED)


def test_the_master_may_end_once_the_users_are_gone(it: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown_module, "QUIET_S", 0.01)

    async def play() -> None:
        link = set_running(it.registry.master)
        set_running(it.accounts["anna"])
        it.shutdown.begin()
        it.shutdown.begin()
        assert it.shutdown.begun
        assert wanted(it) == ["master", "anna"]
        it._queue.take_accounts()
        await it._queue.wait(LIMIT_S)
        assert link.drains == 1, "its own strategy trades no more"
        assert wanted(it) == ["master"]
        assert not it.shutdown.over()
        assert wanted(it) == ["master"]
        end(it, "anna")
        assert not it.shutdown.over()
        assert wanted(it) == []
        end(it, "master")
        assert it.shutdown.over()

    asyncio.run(play())
    assert codes(it) == ["SHUTDOWN"]


def test_a_hurried_shutdown_lets_users_go_at_once_and_shortens_the_limits(it: Supervisor) -> None:
    async def play() -> None:
        set_running(it.registry.master)
        set_running(it.accounts["anna"])
        it.hurry_shutdown()
        it.hurry_shutdown()

    asyncio.run(play())
    assert wanted(it) == ["master"]
    assert it.limits.drain == it.limits.terminate == HURRIED_S
    assert codes(it) == ["SHUTDOWN", "SHUTDOWN_HURRIED"]
