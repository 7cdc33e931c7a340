"""What control calls may have of the loop: measured by what they use, bounded in the long run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from krakencopy.supervisor.control.loop_share import SLICE_S, LoopShare, begin_call, take_turn
from tests.support.front import run, use_loop


def test_what_is_left_is_used_at_once_and_then_waited_for() -> None:
    async def play() -> None:
        share = LoopShare(share=0.5, burst_s=0.1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await share.take_turn()
        share.spend(0.2)
        # A tenth of a second too much, of which half a second brings back a half.
        await share.take_turn()
        assert loop.time() - began >= 0.19

    run(play())


def test_after_a_turn_the_loop_is_left_to_others_for_as_long_as_it_took() -> None:
    async def play() -> None:
        share = LoopShare(share=1.0, burst_s=60)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(2):
            await share.take_turn()
            share.spend(0.05)
        await share.take_turn()
        assert loop.time() - began >= 0.1

    run(play())


def test_a_call_that_goes_on_leaves_the_loop_to_others_when_its_slice_is_used_up() -> None:
    async def play() -> None:
        share, turns = LoopShare(), 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        await share.end_slice()
        assert turns == 0, "nothing was used"
        for slices in range(1, 4):
            with share.measuring():
                use_loop(SLICE_S)
            await share.end_slice()
            assert turns >= slices
        beside.cancel()

    run(play())


def test_only_the_time_in_which_the_loop_is_used_counts() -> None:
    async def play() -> None:
        spent: list[float] = []
        share = LoopShare()
        share.spend = spent.append  # type: ignore[method-assign, assignment]

        async def work() -> str:
            use_loop(0.02)
            await asyncio.sleep(0.2)
            return "done"

        assert await share.measured(work()) == "done"
        assert 0.02 <= sum(spent) < 0.2

    run(play())


def test_what_is_measured_fails_and_is_cancelled_as_without() -> None:
    async def play() -> None:
        share, seen = LoopShare(), list[str]()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise ValueError("no")

        async def wait() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        with pytest.raises(ValueError, match="no"):
            await share.measured(fail())
        waiting = asyncio.create_task(share.measured(wait()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert seen == ["cancelled"]

        async def numbers() -> AsyncIterator[int]:
            yield 1

        found = numbers()
        assert await share.measured(anext(found)) == 1
        with pytest.raises(StopAsyncIteration):
            await share.measured(anext(found))

    run(play())


def test_what_is_given_up_is_closed() -> None:
    closed = []

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    async def whole() -> None:
        await LoopShare().measured(wait())

    given_up = whole()
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: given_up.send(None))
    loop.call_soon(loop.stop)
    loop.run_forever()
    given_up.close()
    loop.close()
    assert closed == [True]


def test_a_turn_is_taken_in_calls_only_and_each_in_a_turn_of_the_loop_of_its_own() -> None:
    async def play() -> None:
        await take_turn()  # no call: nothing to wait for
        share, order = LoopShare(), list[str]()

        async def call(name: str) -> None:
            begin_call(share)
            await take_turn()
            order.append(name)

        def others(left: int) -> None:
            order.append(".")
            if left:
                asyncio.get_running_loop().call_soon(others, left - 1)

        calls = [asyncio.create_task(call(name)) for name in "abc"]
        others(20)
        await asyncio.gather(*calls)
        text = "".join(order)
        assert [name for name in text if name != "."] == ["a", "b", "c"]
        assert ".b" in text
        assert ".c" in text

    run(play())
