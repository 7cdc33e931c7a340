"""How much of the supervisor's loop control calls may have: a tenth in the long run. After a rest they may
use a tenth of a second at once, and even then the loop is left to others for as long as each turn took.

What a call costs is measured step by step, so that one that waits costs nothing. Where all of it is used up,
calls wait for their turn and go on one after another, each in a turn of the loop of its own: fills and
reports pass between them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from krakencopy.supervisor.control.allowance import Allowance

#: Of the loop's time, in the long run.
SHARE = 0.1
#: What may be used at once after a rest, in seconds: some thirty first answers of watches. With five times as
#: much, a fill that came while a client opened its watches took 30 ms in place of 6 (decision 29).
BURST_S = 0.1

#: What one call may use before others have their turn, in seconds: some fifteen answers of a watch.
SLICE_S = 0.0005

T = TypeVar("T")


class LoopShare:
    """The share of all calls together."""

    def __init__(self, share: float = SHARE, burst_s: float = BURST_S) -> None:
        self._time = Allowance(share, burst_s, time.monotonic())
        #: After each turn the loop is left to others for as long as it took.
        self._next_at = time.monotonic()
        #: What was used since others had their turn last.
        self._slice_s = 0.0
        self._turn = asyncio.Lock()

    def spend(self, seconds: float) -> float:
        """The loop was used for so long; for how long calls leave it alone then, in seconds."""
        now = time.monotonic()
        self._next_at = max(self._next_at, now) + seconds
        self._slice_s += seconds
        return self._time.spend(seconds, now)

    async def take_turn(self) -> None:
        """Waits until there is something left, behind those who wait already."""
        async with self._turn:
            pause_s = self.spend(0.0)
            while pause_s > 0:
                await asyncio.sleep(pause_s)
                pause_s = self.spend(0.0)
            await self._leave_loop()

    async def end_slice(self) -> None:
        """Lets others have their turn where a slice is used up, of a call that goes on."""
        if self._slice_s >= SLICE_S:
            await self._leave_loop()

    async def _leave_loop(self) -> None:
        self._slice_s = 0.0
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))

    async def measured(self, work: Awaitable[T]) -> T:
        """Does it, and counts the time in which it uses the loop."""
        return await _Measured(work, self.spend)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Counts the time of what does not wait."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spend(time.perf_counter() - began)


_share: ContextVar[LoopShare | None] = ContextVar("share", default=None)


def begin_call(share: LoopShare) -> None:
    """What runs in this task is a call that has a part of this share."""
    _share.set(share)


async def take_turn() -> None:
    """Of a call that has waited and has more to do now. Nothing is waited for outside of calls."""
    share = _share.get()
    if share is not None:
        await share.take_turn()


class _Measured(Generic[T]):
    def __init__(self, work: Awaitable[T], spend: Callable[[float], float]) -> None:
        self._work, self._spend = work, spend

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._work.__await__()
        step: Callable[[], Any] = lambda: next(steps)  # noqa: E731 - as the two below
        while True:
            began = time.perf_counter()
            try:
                waits_for = step()
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                self._spend(time.perf_counter() - began)
            try:
                value = yield waits_for
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is the work's to handle
                step = _thrown(steps, error)
            else:
                step = _sent(steps, value)


def _sent(steps: Any, value: Any) -> Callable[[], Any]:
    return lambda: steps.send(value)


def _thrown(steps: Any, error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)
