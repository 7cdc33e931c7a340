"""Reads a log file's end and what is appended to it, across rotation."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

#: How far back the last lines are looked for, in bytes.
TAIL_BYTES_MAX = 4_000_000
#: Between two looks at a file that is followed, in seconds.
POLL_S = 0.2
#: At most this many last lines.
LINES_MAX = 10_000


async def lines(path: Path, count: int, *, follow: bool) -> AsyncIterator[str]:
    """The last ``count`` lines, then new ones for ever if asked. A file that does not exist yet has no
    lines.
    """
    file = _open(path)
    try:
        if file is not None:
            for line in deque(_tail(file), maxlen=min(count, LINES_MAX)):
                yield line
        while follow:
            await asyncio.sleep(POLL_S)
            file = file or _open(path)
            if file is None:
                continue
            # Asked before the rest is read: nothing is appended to a file once it is rotated away.
            rotated = _rotated(path, file)
            for line in _new_lines(file):
                yield line
            if rotated:
                file.close()
                file = None
    finally:
        if file is not None:
            file.close()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _rotated(path: Path, file: BinaryIO) -> bool:
    """Whether the path names another file by now, or none."""
    try:
        return not os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return True


def _tail(file: BinaryIO) -> list[str]:
    """The last whole lines; leaves the file behind them."""
    # One byte earlier, so that a line that begins right there is known to be whole.
    start = max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES_MAX - 1)
    file.seek(start)
    found = _new_lines(file)
    return found[1:] if start else found


def _new_lines(file: BinaryIO) -> list[str]:
    """Whole lines from where the file stands; leaves it behind them."""
    position = file.tell()
    if os.fstat(file.fileno()).st_size < position:  # emptied in place
        position = 0
        file.seek(position)
    content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    file.seek(position + len(whole))
    return whole.decode(errors="replace").split("\n")[:-1]
