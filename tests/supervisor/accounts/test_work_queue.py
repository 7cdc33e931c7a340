"""Each account that was put is looked at once, nothing is missed, and a failure ends the loop."""

from __future__ import annotations

import asyncio

import pytest

from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.journal_file import JournalFault

#: Longer than any of this takes.
LIMIT_S = 30.0


def test_each_account_is_there_once_until_it_is_taken() -> None:
    queue = WorkQueue()
    queue.put_accounts(["anna", "ben"])
    queue.put_accounts(["ben"])
    assert queue.has_accounts
    assert queue.take_accounts() == {"anna", "ben"}
    assert queue.take_accounts() == set()


def test_who_waits_is_woken_and_what_came_before_the_wait_is_not_missed() -> None:
    async def play() -> None:
        queue = WorkQueue()
        waiting = asyncio.create_task(queue.wait(LIMIT_S))
        await asyncio.sleep(0)
        queue.put_accounts(["anna"])
        await waiting
        await queue.wait(LIMIT_S)
        queue.take_accounts()
        await queue.wait(0.001)
        assert not queue.has_accounts

    asyncio.run(asyncio.wait_for(play(), LIMIT_S / 2))


def test_nothing_that_is_put_wakes_nobody() -> None:
    async def play() -> None:
        queue = WorkQueue()
        waiting = asyncio.create_task(queue.wait(LIMIT_S))
        await asyncio.sleep(0)
        queue.put_accounts([])
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(play())


def test_the_first_failure_is_raised_and_wakes_the_loop() -> None:
    async def play() -> None:
        queue = WorkQueue()
        queue.raise_failure()
        first = JournalFault("the disk is full")
        queue.put_failure(first)
        queue.put_failure(JournalFault("and again"))
        await queue.wait(LIMIT_S)
        with pytest.raises(JournalFault) as raised:
            queue.raise_failure()
        assert raised.value is first

    asyncio.run(asyncio.wait_for(play(), LIMIT_S / 2))
