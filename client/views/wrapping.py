"""Lines that are longer than a terminal is wide, broken between words; what goes on stays in its column.
Pure: strings in, strings out.
"""

from __future__ import annotations

import re

#: What follows a gap stands in a column of its own; one that begins further right than this share of the line
#: leaves too little room.
COLUMN_WITHIN = 0.6
#: Indentation of the rest of a line without columns.
INDENT = 2
_GAP = re.compile(r" {2,}(?=\S)")


def wrapped(line: str, room: int) -> list[str]:
    """The line in parts of at most ``room`` characters. What goes on is indented to the column in which it
    began.
    """
    if len(line) <= room:
        return [line]
    indent = _indent(line, room)
    parts, rest = [], line
    while len(rest) > room:
        at = rest.rfind(" ", indent + 1, room + 1)
        if at <= indent or not rest[:at].strip():
            at = room
        parts.append(rest[:at].rstrip())
        rest = " " * indent + rest[at:].lstrip()
    return [*parts, rest] if rest.strip() else parts


def _indent(line: str, room: int) -> int:
    columns = [gap.end() for gap in _GAP.finditer(line) if gap.end() <= COLUMN_WITHIN * room]
    if columns:
        # A line that is only indented has no columns.
        is_plain = len(columns) == 1 and not line[: columns[0]].strip()
        return min(columns[-1] + (INDENT if is_plain else 0), room // 2 if is_plain else room - 1)
    return INDENT if room > 2 * INDENT else 0
