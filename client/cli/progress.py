"""One line on a terminal's standard error that says what is waited for, and how long already; nothing
elsewhere. Ctrl-C says what goes on without the command.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from krakencopy.client.cli.stderr import complain
from krakencopy.client.views.formats import plain

#: What takes no longer needs no line, in seconds.
_SHOWN_AFTER_S = 0.5
#: As the seconds on it change.
_INTERVAL_S = 0.5
_CLEAR_LINE = "\r\x1b[K"

Say = Callable[[str], None]


@contextmanager
def progress(what: str, goes_on: str) -> Iterator[Say]:
    """``what`` is waited for, until another thing is said; ``goes_on``: what Ctrl-C does not end."""
    line = _Line(what)
    try:
        line.begin()
        yield line.say
    except KeyboardInterrupt:
        line.end()
        complain(goes_on)
        raise
    finally:
        line.end()


class _Line:
    """The line, drawn by a thread of its own: the command waits for the supervisor meanwhile."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        if sys.stderr is not None and sys.stderr.isatty():
            self._thread = threading.Thread(target=self._draw, name="krakencopy-progress", daemon=True)
            self._thread.start()

    def say(self, what: str) -> None:
        self._what = what

    def end(self) -> None:
        """Take it away, and draw no more; calling it again does nothing."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _draw(self) -> None:
        is_drawn = False
        while not self._over.wait(_INTERVAL_S if is_drawn else _SHOWN_AFTER_S):
            room = max(shutil.get_terminal_size().columns - 1, 1)
            seconds = f" ({time.monotonic() - self._began:.0f} s)"
            text = plain(self._what)[: max(room - len(seconds), 0)] + seconds
            _draw_on(sys.stderr, f"{_CLEAR_LINE}{text[:room]}")
            is_drawn = True
        if is_drawn:
            _draw_on(sys.stderr, _CLEAR_LINE)


def _draw_on(terminal: TextIO, text: str) -> None:
    """What the terminal takes of it at once: one that is stopped (Ctrl-S) holds nobody up. It is opened anew
    for that, as the shell's own way to it must not become one that does not wait.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with suppress(OSError):
        descriptor = os.open(os.ttyname(terminal.fileno()), flags)
        try:
            os.write(descriptor, text.encode(terminal.encoding, "replace"))
        finally:
            os.close(descriptor)
