"""Measures in each Python process that has this folder on its path how long its event loop stands still: the
longest time between two waits for the selector.

Each process, forked ones too, keeps one file in the folder that ``KRAKENCOPY_WATCHED`` names, by its process
id: how long the longest turn took, and how much of that is its own (the rest it waited for a processor, as on
a machine that others use too), in milliseconds. It begins anew when the file is taken away.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from typing import Any

#: Shorter turns are not recorded, in seconds.
_SHORTEST_S = 0.002
_wait_for_events = selectors.EpollSelector.select


def _waited_s() -> float:
    """How long this thread has waited for a processor since it began (Linux, sched-stats)."""
    with open("/proc/thread-self/schedstat", "rb") as stat:  # noqa: PTH123 - small and often
        return int(stat.read().split()[1]) / 1e9


class _Watch:
    """The turns of the process's loop, which runs in its first thread."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._began = self._waited = self._longest = 0.0
        self._pid = 0

    def select(self, selector: Any, timeout: float | None = None) -> Any:
        """As the selector's own."""
        if threading.current_thread() is not threading.main_thread():
            return _wait_for_events(selector, timeout)
        self._turn_over()
        found = _wait_for_events(selector, timeout)
        with contextlib.suppress(OSError):
            self._began, self._waited = time.monotonic(), _waited_s()
        return found

    def _turn_over(self) -> None:
        took = time.monotonic() - self._began
        if self._pid != os.getpid():  # the first of all, or a fork of a process that was watched
            self._pid, self._longest = os.getpid(), 0.0
            return
        if took < _SHORTEST_S:
            return
        with contextlib.suppress(OSError):
            own = took - (_waited_s() - self._waited)
            path = f"{self._folder}/{self._pid}"
            if own > self._longest or not os.path.exists(path):  # noqa: PTH110 - taken away: from here on
                self._longest = own
                with open(path, "w", encoding="ascii") as file:  # noqa: PTH123
                    file.write(f"{took * 1e3:.1f} {own * 1e3:.1f}\n")


if _folder := os.environ.get("KRAKENCOPY_WATCHED"):
    _watch = _Watch(_folder)

    def _select(selector: Any, timeout: float | None = None) -> Any:
        return _watch.select(selector, timeout)

    selectors.EpollSelector.select = _select  # type: ignore[assignment,method-assign]  # its type says self
