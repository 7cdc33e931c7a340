"""Ctrl-C, and a limit for what may stand still: the signals of a command's process.

Imports as little as there is: until ``begin`` was called, Ctrl-C shows a traceback of Python's.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: So long a command may take to end in order, in seconds.
ORDERLY_S = 3.0
#: The Ctrl-C that comes by itself, while one is on its way.
_pending: list[threading.Timer] = []


class TooSlow(Exception):
    """What was to be done within a limit was not."""


def begin() -> bool:
    """From here on Ctrl-C ends the process at once, as long as nothing has to be put back. False where
    somebody else looks after it: it is ignored (as by ``nohup`` or for a background job), or this is not the
    main thread.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return False
    end_at_once()
    return True


def end_at_once() -> None:
    """Ctrl-C ends the process without a word; one that would come by itself is called off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while _pending:
        _pending.pop().cancel()


def raise_once() -> None:
    """Ctrl-C raises KeyboardInterrupt, so that the command can end in order; a second one ends it at once.
    Python drops an exception that meets a callback or a finalizer: the second one comes by itself.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        end_at_once()
        again = threading.Timer(ORDERLY_S, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        _pending.append(again)
        again.start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


@contextmanager
def within(limit_s: float | None) -> Iterator[None]:
    """Raises TooSlow where what is done here takes longer, also when it stands still in a system call.
    Without a limit, and outside of the main thread, it takes as long as it takes.
    """
    if limit_s is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, expire)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(limit_s, 0.001))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
