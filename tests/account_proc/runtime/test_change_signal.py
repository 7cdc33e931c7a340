"""A change wakes everyone who waits for one, and is not missed by anyone who comes late."""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.account_proc.runtime.change_signal import ChangeSignal


def test_a_change_before_the_wait_is_not_missed() -> None:
    async def run() -> None:
        change_signal = ChangeSignal()
        seen = change_signal.version
        change_signal.notify()
        change_signal.notify()
        assert await asyncio.wait_for(change_signal.wait(seen), 10) == 2

    asyncio.run(run())


def test_everyone_who_waits_is_woken_by_one_change() -> None:
    async def run() -> None:
        change_signal = ChangeSignal()
        waiting = [asyncio.create_task(change_signal.wait(0)) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        change_signal.notify()
        assert await asyncio.wait_for(asyncio.gather(*waiting), 10) == [1, 1, 1]

    asyncio.run(run())


def test_whoever_has_seen_the_last_change_waits_for_the_next() -> None:
    async def run() -> None:
        change_signal = ChangeSignal()
        change_signal.notify()
        waiting = asyncio.create_task(change_signal.wait(change_signal.version))
        await asyncio.sleep(0)
        assert not waiting.done()
        change_signal.notify()
        assert await asyncio.wait_for(waiting, 10) == 2

    asyncio.run(run())


def test_a_waiter_that_gives_up_is_forgotten_and_hurts_nobody() -> None:
    async def run() -> None:
        change_signal = ChangeSignal()
        gone, stays = asyncio.create_task(change_signal.wait(0)), asyncio.create_task(change_signal.wait(0))
        await asyncio.sleep(0)
        gone.cancel()
        change_signal.notify()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await asyncio.wait_for(stays, 10) == 1
        late = asyncio.create_task(change_signal.wait(1))
        await asyncio.sleep(0)
        late.cancel()
        await asyncio.wait([late])
        assert not change_signal._waiters

    asyncio.run(run())
