"""The pulse of an account's process: its event loop writes the time into a page that the supervisor reads.

A process that is stopped, or whose loop is stuck, closes no connection and takes back nothing that it has said, and asking all of them
all the time would wake them all. The page is a memfd that both sides hold: a beat wakes nobody, and 300 accounts are read in less
than a millisecond. It must not know what follows from a pulse that stops (supervisor/pulses.py).
"""

from __future__ import annotations

import asyncio
import os
import time

#: Between two beats, in seconds. A beat is what wakes an idle account most often, so there are no more of them than a process that has
#: stopped must miss to be noticed within 3 s (supervisor/pulses.py).
BEAT_S = 1.0
#: Nanoseconds of the monotonic clock, which all processes of a machine share. Eight bytes, so that nobody reads half a beat.
_BEAT_BYTES = 8


def new_page() -> int:
    """A descriptor of a page without a beat; the caller closes it. Raises OSError."""
    page = os.memfd_create("pulse", os.MFD_CLOEXEC)
    try:
        os.ftruncate(page, _BEAT_BYTES)
    except OSError:
        os.close(page)
        raise
    return page


def beat(page: int) -> None:
    """The loop is alive now."""
    os.pwrite(page, time.monotonic_ns().to_bytes(_BEAT_BYTES, "little"), 0)


def keep_beating(page: int) -> None:
    """Beats from now on, for ever, in the loop that does the work: a callback, which is half the work of a task that sleeps."""
    beat(page)
    asyncio.get_running_loop().call_later(BEAT_S, keep_beating, page)


def last_beat_ns(page: int) -> int:
    """When the loop was last alive, on the monotonic clock; 0 for never."""
    return int.from_bytes(os.pread(page, _BEAT_BYTES, 0), "little")
