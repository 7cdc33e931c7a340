"""Coroutines that run beside each other until they are over; the error of any of them is raised."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any


class EagerTasks:
    """Work of one event loop."""

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        """``failed`` hears of each error that ends a coroutine."""
        self._failed = failed
        #: What is not over: tasks, and what work waits for that has no task yet.
        self.pending: set[asyncio.Future[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it as a task, from the loop's next turn on."""
        task = asyncio.get_running_loop().create_task(work)
        self.pending.add(task)
        task.add_done_callback(self._end)

    def run_to_first_wait(self, work: Coroutine[Any, Any, None]) -> None:
        """As ``spawn``, but does at once what comes before its first wait. Its task is made when that wait
        is over. Until then the work has no task, so nothing there may use ``asyncio.timeout``.

        Python 3.12 has eager tasks for this, 3.11 has not.
        """
        try:
            awaited: asyncio.Future[Any] | None = work.send(None)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - as of a task that ends by it
            self._failed(error)
            return
        if awaited is None:  # a wait for the loop's next turn only
            self.spawn(work)
            return
        self.pending.add(awaited)
        awaited.add_done_callback(partial(self._go_on, work))

    def _go_on(self, work: Coroutine[Any, Any, None], awaited: asyncio.Future[Any]) -> None:
        self.pending.discard(awaited)
        # What it waited for is done: a task's first step is its next one.
        self.spawn(work)

    def _end(self, task: asyncio.Task[None]) -> None:
        self.pending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
