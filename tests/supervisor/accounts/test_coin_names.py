"""Positions and fills follow a coin to its new name, whoever says it; contradictions are said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from grpclib.const import Status

from krakencopy.supervisor.accounts.coin_names import CoinNames
from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.journal.journal import Journal
from tests.support.supervisor_samples import fill


class Master:
    """A process of the master that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_gone = False

    async def find_coins(self, names: Iterable[str]) -> object:
        assert list(names) == []
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_gone:
            raise CallFailed(Status.UNAVAILABLE, "it is gone")
        return []


class Scene:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.fills = FillLog(journal)
        self.master: Master | None = Master()
        self.names = CoinNames(journal, self.fills, EventLog(journal), lambda: self.master)

    def events(self) -> list[tuple[str, str]]:
        return [(event.account_id, event.code) for event in self.journal.events_after(0, 10)]


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Scene]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Scene(journal)


def test_positions_and_fills_that_are_still_to_go_out_follow_a_coin_once(it: Scene) -> None:
    it.fills.append([fill(1, pair="MATIC/USD", volume="5")], 1)
    it.names.rename_asset("MATIC", "POL", "an operator's word")
    assert it.fills.pairs == {"POL/USD"}
    batch = it.fills.after(0)
    assert batch is not None
    assert b"POL/USD" in batch.encoded
    it.names.rename_asset("MATIC", "POL", "an operator's word")
    assert it.events() == [("", "ASSET_RENAMED")]


def test_a_contradiction_is_an_error_for_operators_and_raised_to_whoever_says_it(it: Scene) -> None:
    it.names.rename_by_exchange("master", "MATIC", "POL")
    with pytest.raises(ValueError, match="MATIC"):
        it.names.rename_asset("MATIC", "ETH", "an operator's word")
    it.names.rename_by_exchange("master", "MATIC", "ETH")
    assert it.events() == [("", "ASSET_RENAMED"), ("master", "RENAME_CONTRADICTS")]


async def all_others() -> None:
    """Until all other tasks are over."""
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


def test_the_masters_process_reads_the_tables_once_at_a_time(it: Scene) -> None:
    async def play() -> None:
        master = it.master
        assert master is not None
        for is_gone in (False, True):
            master.is_gone = is_gone
            it.names.read_again()
            it.names.read_again()
            await all_others()
        assert master.asked == 2
        it.master = None
        it.names.read_again()
        await all_others()
        assert master.asked == 2

    asyncio.run(play())
