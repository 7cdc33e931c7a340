"""Reads a log file's end and what is appended to it, across rotation."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

#: How far back the last lines are looked for, in bytes.
TAIL_BYTES_MAX = 4_000_000
#: Between two looks at a file that is followed, in seconds.
POLL_S = 0.2
#: At most this many last lines.
LINES_MAX = 10_000


async def lines(path: Path, count: int, *, follow: bool) -> AsyncIterator[str]:
    """The last ``count`` lines, then new ones for ever if asked. A file that does not exist yet has no lines."""
    position, inode = 0, 0
    if path.exists():  # noqa: ASYNC240 - a local file, a few times a second: not worth a thread
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL_BYTES_MAX))
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            position = size - len(content) + len(whole)
        for line in deque(whole.splitlines(), maxlen=min(count, LINES_MAX)):
            yield line.decode(errors="replace")
    while follow:
        await asyncio.sleep(POLL_S)
        if not path.exists():  # noqa: ASYNC240 - as above
            continue
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_ino != inode or status.st_size < position:
                position, inode = 0, status.st_ino
            file.seek(position)
            content = file.read(TAIL_BYTES_MAX)
        whole = content[: content.rfind(b"\n") + 1]
        position += len(whole)
        for line in whole.splitlines():
            yield line.decode(errors="replace")
