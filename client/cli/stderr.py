"""The way to standard error, for everything that is not a result. Its own module: bad input is reported
before anything is imported.
"""

from __future__ import annotations

import sys


def complain(text: str) -> None:
    """One line, whatever the text holds."""
    sys.stderr.write(f"krakencopy: {' '.join(text.split())}\n")
    sys.stderr.flush()
