"""Colours of states and severities, on lines that are laid out already. Pure."""

from __future__ import annotations

import re

_RED, _GREEN, _YELLOW = "31", "32", "33"
_RESET = "\x1b[0m"
#: The words, as tables and pages have them. What stands for nothing in particular has no colour.
_WORDS = {
    _RED: (
        "FAILED", "ERROR", "REJECTED", "EXPIRED", "HALTED", "NOT READY", "NOT ACKNOWLEDGED", "NOT REACHED",
        "CRITICAL",
    ),
    _YELLOW: (
        "DEGRADED", "BACKOFF", "WAITING", "STARTING", "STOPPING", "WARNING", "REDUCING", "UNKNOWN",
        "PART_FILLED", "PAUSED", "MISSING", "DRIFT",
    ),
    _GREEN: ("RUNNING", "FILLED", "READY", "ACTIVE", "COPIED"),
}  # fmt: skip
_COLOURS = {word: colour for colour, words in _WORDS.items() for word in words}
#: Longer ones first: NOT READY is not READY.
_ANY = re.compile(
    "|".join(rf"(?<![\w-]){word}(?![\w-])" for word in sorted(_COLOURS, key=len, reverse=True)), re.ASCII
)


def painted(line: str) -> str:
    """The line in colours. One of capitals alone is the header of a table."""
    if line.isupper():
        return line
    return _ANY.sub(lambda found: f"\x1b[{_COLOURS[found[0]]}m{found[0]}{_RESET}", line)
