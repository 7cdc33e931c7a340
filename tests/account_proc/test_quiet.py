"""After an order there is quiet, for a moment, and never while something waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from account_proc.ledger import Ledger
from account_proc.quiet import QUIET_S_MAX, Quiet, quiet_s
from account_proc.units import Side
from tests.account_proc.scripted_kraken import run, until
from tests.account_proc.test_reactions import User, copying


class Paused:
    """A reader that says how it stands."""

    def __init__(self) -> None:
        self._paused = False

    def rests(self) -> bool:
        return self._paused

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "anna.db", "anna")) as opened:
        yield opened


def test_the_more_users_share_a_core_the_longer_it_is() -> None:
    assert quiet_s(100, 2) == 10 * quiet_s(10, 2) == 2 * quiet_s(100, 4)
    assert quiet_s(10_000, 2) == QUIET_S_MAX
    assert quiet_s(1) < 0.01


def test_everyone_rests_until_the_time_is_over() -> None:
    async def steps() -> None:
        quiet, feed, line = Quiet(0.02), Paused(), Paused()
        quiet.join(feed)
        quiet.join(line)
        quiet.begin()
        assert not feed.rests(), "the order leaves first"
        await asyncio.sleep(0)
        assert feed.rests()
        assert line.rests()
        await until(lambda: not feed.rests())
        assert not line.rests()

    run(steps())


def test_a_quiet_is_not_made_longer_by_another_one() -> None:
    async def steps() -> None:
        quiet, feed = Quiet(0.02), Paused()
        quiet.join(feed)
        quiet.begin()
        await asyncio.sleep(0)
        assert feed.rests()

        def ended() -> bool:
            if feed.rests():
                quiet.begin()
            return not feed.rests()

        await until(ended)

    run(steps())


def test_whoever_needs_what_lies_there_ends_it() -> None:
    async def steps() -> None:
        quiet, feed = Quiet(60), Paused()
        quiet.join(feed)
        quiet.begin()
        await asyncio.sleep(0)
        assert feed.rests()
        quiet.end()
        assert not feed.rests()
        quiet.begin()
        quiet.end()
        await asyncio.sleep(0)
        assert not feed.rests(), "it ended before it began"

    run(steps())


def test_connections_come_and_go_in_it() -> None:
    async def steps() -> None:
        quiet, old, new = Quiet(60), Paused(), Paused()
        quiet.join(old)
        quiet.begin()
        await asyncio.sleep(0)
        quiet.leave(old)
        quiet.join(new)
        assert not new.rests()
        quiet.end()
        quiet.begin()
        await asyncio.sleep(0)
        assert new.rests()
        quiet.end()

    run(steps())


def in_quiet(user: User) -> Paused:
    feed = Paused()
    user.quiet.join(feed)
    return feed


def test_an_order_is_followed_by_quiet_and_the_next_fill_ends_it(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user)
            user.fill(Side.BUY)
            await until(feed.rests)
            # Its order cannot leave before the first one's end is known.
            user.fill(Side.BUY)
            assert not feed.rests()
            user.kraken.held["AddOrder"].set()
            await user.done()

    run(steps())


def test_no_quiet_follows_an_order_behind_which_fills_wait(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user)
            for side in (Side.BUY, Side.SELL, Side.BUY):
                user.fill(side)
            user.kraken.held["AddOrder"].set()
            await until(lambda: len(user.kraken.sent) == 2)
            assert not feed.rests()
            await user.done()

    run(steps())


def test_a_drain_waits_for_no_quiet(ledger: Ledger) -> None:
    async def steps() -> None:
        async with copying(ledger) as user:
            user.kraken.held["AddOrder"] = asyncio.Event()
            feed = in_quiet(user)
            user.fill(Side.BUY)
            await until(feed.rests)
            draining = asyncio.create_task(user.copier.drain())
            await until(lambda: not feed.rests())
            user.kraken.held["AddOrder"].set()
            await draining

    run(steps())
