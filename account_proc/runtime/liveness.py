"""The pulse of an account's process: its event loop writes into a page that the supervisor reads whether it
moves, or until when it sleeps.

A process that is stopped, or whose loop is stuck, closes no connection and takes back nothing that it has
said, and asking all of them all the time would wake them all. The page is a memfd that both sides hold. A
loop that moves says so in each of its turns; before it waits it says until when at most, so that nothing has
to wake it only to show that it is alive. It must not know what follows from a pulse that stops
(supervisor/lifecycle/liveness.py).
"""

from __future__ import annotations

import asyncio
import mmap
import os
import selectors
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

#: A loop sleeps for so long at most, in seconds: that long a process that is stopped could pass for one that
#: sleeps, where nobody can ask the kernel.
NAP_S = 10.0
#: One number, so that nobody reads half a beat: nanoseconds of the monotonic clock, which all processes of a
#: machine share, twice; and one more for a loop that sleeps until then.
_BEAT_BYTES = 8
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Beat:
    """What a page says."""

    #: When the loop was last alive, or until when it sleeps at most: nanoseconds of the monotonic clock; 0
    #: for never.
    at_ns: int
    asleep: bool = False


def new_page() -> int:
    """A descriptor of a page without a beat; the caller closes it. Raises OSError."""
    page = os.memfd_create("pulse", os.MFD_CLOEXEC)
    try:
        os.ftruncate(page, _BEAT_BYTES)
    except OSError:
        os.close(page)
        raise
    return page


def last_beat(page: int) -> Beat:
    """What a page says now."""
    number = int.from_bytes(os.pread(page, _BEAT_BYTES, 0), "little")
    return Beat(number >> 1, asleep=bool(number & 1))


def run_with(page: int, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """As ``asyncio.run`` of ``main()``, in a loop whose pulse is in the page from its first turn to its
    end.
    """
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Beating(page))) as runner:
        return runner.run(main())


class _Beating(selectors.DefaultSelector):
    """Where the loop waits, and so where it is known whether it does."""

    def __init__(self, page: int) -> None:
        super().__init__()
        self._page = memoryview(mmap.mmap(page, _BEAT_BYTES)).cast("Q")

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the selector's own, but it may return with nothing after ``NAP_S``."""
        nap_s = NAP_S if timeout is None else min(timeout, NAP_S)
        if nap_s > 0:
            self._page[0] = time.monotonic_ns() + int(nap_s * _NS_PER_S) << 1 | 1
        found = super().select(nap_s)
        self._page[0] = time.monotonic_ns() << 1
        return found
