"""The way to standard error, for everything that is not a result. Its own module: bad input is reported
before anything is imported.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from krakencopy.client.views.wrapping import wrapped


def complain(text: str) -> None:
    """One line, whatever the text holds, without what would steer a terminal, and within its columns. Where
    nobody hears it, it is not said.
    """
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write("".join(f"{part}\n" for part in _parts(f"krakencopy: {shown}")))
        sys.stderr.flush()


def _parts(line: str) -> list[str]:
    with suppress(OSError, ValueError):  # no terminal
        return wrapped(line, os.get_terminal_size(sys.stderr.fileno()).columns or len(line))
    return [line]
