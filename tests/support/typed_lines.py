"""Lines that somebody types at a terminal, and what is typed into it then."""

from __future__ import annotations

import io

from krakencopy.client.cli.main import main


class Typed(io.StringIO):
    """A terminal in which somebody types this."""

    def isatty(self) -> bool:
        return True


def types(endpoint: str, line: str) -> int:
    """A line of `krakencopy`, up to its end; the value is its exit code."""
    return main(["--endpoint", endpoint, *line.split()])
