"""A change is shown a pause later, to all who wait at once, and nobody misses one."""

from __future__ import annotations

import asyncio

from krakencopy.supervisor.journal.late_signal import LateSignal


def test_nobody_is_woken_before_the_pause_is_over_and_then_all_are_for_all_changes() -> None:
    async def play() -> None:
        signal = LateSignal(60)
        watches = [asyncio.create_task(signal.wait(0)) for _ in range(2)]
        await asyncio.sleep(0)
        signal.notify()
        await asyncio.sleep(0)
        pause = signal._pause
        signal.notify()
        # Who comes during the pause waits for its end as well, whatever it has seen.
        watches.append(asyncio.create_task(signal.wait(0)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not any(watch.done() for watch in watches)
        assert signal._pause is pause is not None
        pause.cancel()
        signal._end_pause()
        assert await asyncio.wait_for(asyncio.gather(*watches), 10) == [2, 2, 2]

    asyncio.run(play())


def test_the_pause_ends_by_itself() -> None:
    async def play() -> None:
        signal, loop = LateSignal(0.01), asyncio.get_running_loop()
        waiting = asyncio.create_task(signal.wait(0))
        await asyncio.sleep(0)
        changed_at = loop.time()
        signal.notify()
        assert await asyncio.wait_for(waiting, 10) == 1
        assert loop.time() - changed_at >= 0.01

    asyncio.run(play())


def test_a_change_while_nobody_waits_is_not_missed_and_needs_no_loop() -> None:
    signal = LateSignal(60)
    signal.notify()
    assert signal.version == 1
    assert asyncio.run(asyncio.wait_for(signal.wait(0), 10)) == 1


def test_who_has_seen_the_last_change_waits_for_the_next() -> None:
    async def play() -> None:
        signal = LateSignal(0)
        signal.notify()
        waiting = asyncio.create_task(signal.wait(1))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        signal.notify()
        assert await asyncio.wait_for(waiting, 10) == 2

    asyncio.run(play())


def test_one_that_gives_up_hurts_nobody() -> None:
    async def play() -> None:
        signal = LateSignal(0.01)
        gone, stays = (asyncio.create_task(signal.wait(0)) for _ in range(2))
        await asyncio.sleep(0)
        signal.notify()
        gone.cancel()
        assert await asyncio.wait_for(stays, 10) == 1
        assert gone.cancelled()
        assert not signal._waiters
        # The next pause begins with the next change.
        following = asyncio.create_task(signal.wait(1))
        await asyncio.sleep(0)
        signal.notify()
        assert await asyncio.wait_for(following, 10) == 2

    asyncio.run(play())
