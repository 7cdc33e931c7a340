"""The way to standard error, for everything that is not a result. Its own module: bad input is reported
before anything is imported.
"""

from __future__ import annotations

import sys
from contextlib import suppress


def complain(text: str) -> None:
    """One line, whatever the text holds, without what would steer a terminal. Where nobody hears it, it is
    not said.
    """
    shown = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"krakencopy: {shown}\n")
        sys.stderr.flush()
