"""A loop says when it was last alive, or until when it sleeps, and nothing wakes it for that."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from krakencopy.account_proc.runtime import liveness as pulse
from krakencopy.account_proc.runtime.liveness import Beat
from tests.support.scripted_kraken import until

S = 1_000_000_000


@pytest.fixture
def page() -> Iterator[int]:
    made = pulse.new_page()
    yield made
    os.close(made)


def test_a_page_begins_without_a_beat(page: int) -> None:
    assert pulse.last_beat(page) == Beat(0)


def test_a_loop_that_moves_is_alive_now(page: int) -> None:
    async def steps() -> None:
        for _ in range(3):
            before_ns = time.monotonic_ns()
            await asyncio.sleep(0)
            beat = pulse.last_beat(page)
            assert before_ns <= beat.at_ns <= time.monotonic_ns()
            assert not beat.asleep

    pulse.run_with(page, steps)


def test_a_loop_that_is_stuck_stays_where_it_was(page: int) -> None:
    async def steps() -> None:
        await asyncio.sleep(0)
        beat = pulse.last_beat(page)
        time.sleep(0.01)  # noqa: ASYNC251 - stuck
        assert pulse.last_beat(page) == beat

    pulse.run_with(page, steps)


def seen_asleep(page: int, waiting: Coroutine[Any, Any, object]) -> tuple[int, Beat, int]:
    """What a thread finds on the page while the loop waits, and before and after that."""

    async def steps() -> tuple[int, Beat, int]:
        def look() -> tuple[int, Beat, int]:
            while not (beat := pulse.last_beat(page)).asleep:
                time.sleep(0.001)
            return before_ns, beat, time.monotonic_ns()

        other = asyncio.create_task(waiting)
        await asyncio.sleep(0)
        before_ns = time.monotonic_ns()
        found = await asyncio.to_thread(look)
        other.cancel()
        return found

    return pulse.run_with(page, steps)


def test_a_loop_that_sleeps_says_until_when(page: int) -> None:
    before_ns, beat, after_ns = seen_asleep(page, asyncio.sleep(5.0))
    assert before_ns + 4 * S < beat.at_ns < after_ns + 5 * S


def test_no_sleep_is_longer_than_a_nap(page: int) -> None:
    before_ns, beat, after_ns = seen_asleep(page, asyncio.Event().wait())
    assert before_ns + round(pulse.NAP_S * S) <= beat.at_ns <= after_ns + round(pulse.NAP_S * S)


def test_a_loop_without_timers_wakes_by_itself_after_a_nap(
    page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "NAP_S", 0.01)

    async def steps() -> None:
        def woke() -> None:
            last = pulse.last_beat(page)
            while pulse.last_beat(page).at_ns <= last.at_ns + S // 100:
                time.sleep(0.001)

        await asyncio.to_thread(woke)

    pulse.run_with(page, steps)


def test_timers_and_news_come_as_in_any_loop(page: int) -> None:
    async def steps() -> list[str]:
        loop, came = asyncio.get_running_loop(), list[str]()
        loop.call_later(0.02, came.append, "timer")
        loop.call_soon(came.append, "soon")
        reading, writing = os.pipe()

        def read() -> None:
            loop.remove_reader(reading)
            came.append("news")

        loop.add_reader(reading, read)
        os.write(writing, b"x")
        await until(lambda: len(came) == 3)
        os.close(reading)
        os.close(writing)
        return came

    assert pulse.run_with(page, steps) == ["soon", "news", "timer"]


def test_what_main_raises_is_raised(page: int) -> None:
    async def steps() -> None:
        raise LookupError("nobody there")

    with pytest.raises(LookupError, match="nobody there"):
        pulse.run_with(page, steps)
