"""The pulse goes on as long as the loop moves, and stops with it."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from account_proc import pulse
from tests.account_proc.scripted_kraken import run, until


def test_a_loop_that_moves_beats_from_the_first_call_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "BEAT_S", 0.001)
    page = pulse.new_page()
    assert pulse.last_beat_ns(page) == 0

    async def steps() -> None:
        began_ns = time.monotonic_ns()
        pulse.keep_beating(page)
        assert pulse.last_beat_ns(page) >= began_ns
        for _ in range(3):
            last = pulse.last_beat_ns(page)
            await until(lambda last=last: pulse.last_beat_ns(page) > last)  # type: ignore[misc]  # a lambda's default

    run(steps())
    last = pulse.last_beat_ns(page)
    asyncio.run(asyncio.sleep(0.01))  # another loop: nobody beats in this one
    assert pulse.last_beat_ns(page) == last
    os.close(page)
