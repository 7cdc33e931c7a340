"""The way to standard error, for everything that is not a result. Its own module: bad input is reported
before anything is imported.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from krakencopy.client.cli.interrupts import TooSlow, within
from krakencopy.client.views.wrapping import wrapped


def complain(text: str, within_s: float | None = None) -> None:
    """One line, whatever the text holds, without what would steer a terminal, and within its columns. Where
    nobody reads it, it is not said; where nobody reads on, not longer than ``within_s``.
    """
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    try:
        with suppress(OSError, ValueError, AttributeError), within(within_s):
            sys.stderr.write("".join(f"{part}\n" for part in _parts(f"krakencopy: {shown}")))
            sys.stderr.flush()
    except TooSlow:
        write_nowhere(sys.stderr)


def write_nowhere(stream: TextIO) -> None:
    """What is still buffered goes nowhere from now on, or Python would complain about it, or wait for a
    reader, while it ends.
    """
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _parts(line: str) -> list[str]:
    with suppress(OSError, ValueError):  # no terminal
        return wrapped(line, os.get_terminal_size(sys.stderr.fileno()).columns or len(line))
    return [line]
