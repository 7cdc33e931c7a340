"""Reads a log file's end and what is appended to it, across rotation; or what was written within an
interval.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from krakencopy.supervisor.control.loop_share import take_turn
from krakencopy.supervisor.journal.interval import ALL, Interval

#: How far back the last lines are looked for, in bytes.
TAIL_BYTES_MAX = 4_000_000
#: That are read at a time.
BLOCK_BYTES = 65_536
#: Between two looks at a file that is followed, in seconds.
POLL_S = 0.2
#: At most this many last lines.
LINES_MAX = 10_000
#: Lines that are looked through at once: a millisecond or two, in which no fill goes out.
BATCH = 1_000
#: How a line begins (account_proc/runtime/json_log.py).
_AT = re.compile(r'\{"at": "([^"]{1,40})"')
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


async def lines(path: Path, count: int, *, follow: bool, interval: Interval = ALL) -> AsyncIterator[str]:
    """The last ``count`` lines of an interval, then new ones for ever if asked. A file that does not exist
    yet has no lines. Older files are read only for an interval with a limit.
    """
    keep = _keeps(interval)
    file = _open(path)
    try:
        found: deque[str] = deque(maxlen=min(count, LINES_MAX))
        if not interval.is_all:
            async for line in _older_lines(path, interval, keep):
                found.append(line)
        if file is not None:
            if interval.is_all:
                found.extend(line.decode(errors="replace") for line in await _tail(file, found.maxlen or 0))
            else:
                async for line in _kept(_new_lines(file), keep):
                    found.append(line)
        for line in found:
            yield line
        while follow:
            await asyncio.sleep(POLL_S)
            await take_turn()
            file = file or _open(path)
            if file is None:
                continue
            # Asked before the rest is read: nothing is appended to a file once it is rotated away.
            rotated = _rotated(path, file)
            for line in filter(keep, _new_lines(file)):
                yield line
            if rotated:
                file.close()
                file = None
    finally:
        if file is not None:
            file.close()


def _keeps(interval: Interval) -> Callable[[str], bool]:
    """Whether lines are asked for, one after another; one without a time goes with the one before it."""
    is_kept = interval.is_all

    def keep(line: str) -> bool:
        nonlocal is_kept
        if not interval.is_all and (at := _written_at_ns(line)) is not None:
            is_kept = interval.holds_ns(at)
        return is_kept

    return keep


def _written_at_ns(line: str) -> int | None:
    """When a line was written; None if it does not say."""
    found = _AT.match(line)
    try:
        return (datetime.fromisoformat(found[1]) - _EPOCH) // _MICROSECOND * 1_000 if found else None
    except (ValueError, TypeError):  # no time, or one without a zone
        return None


async def _kept(found: list[str], keep: Callable[[str], bool]) -> AsyncIterator[str]:
    """Others have their turn while lines are looked through."""
    for number, line in enumerate(found, 1):
        if keep(line):
            yield line
        if not number % BATCH:
            await asyncio.sleep(0)


async def _older_lines(path: Path, interval: Interval, keep: Callable[[str], bool]) -> AsyncIterator[str]:
    """Lines of the interval in files that were rotated away, the oldest first."""
    for older in reversed(list(_older_files(path, interval))):
        try:
            with older.open("rb") as file:
                found = _new_lines(file)
        except FileNotFoundError:  # it was rotated away this moment
            continue
        async for line in _kept(found, keep):
            yield line


def _older_files(path: Path, interval: Interval) -> Iterator[Path]:
    """Files that were rotated away and written to within the interval or later, the latest first."""
    for number in itertools.count(1):
        older = path.with_name(f"{path.name}.{number}")
        try:
            written_at_ns = older.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if interval.since_ns is not None and written_at_ns < interval.since_ns:
            return
        yield older


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


async def _tail(file: BinaryIO, count: int) -> list[bytes]:
    """The last whole lines, at most so many; leaves the file behind them. It reads from the end, no more than
    it needs, and lets others run between two blocks.
    """
    begin = end = os.fstat(file.fileno()).st_size
    # One byte earlier, so that a line that begins right there is known to be whole.
    first = max(0, end - TAIL_BYTES_MAX - 1)
    blocks: list[bytes] = []
    ends = 0
    # One end more than lines: that of the line before them.
    while begin > first and ends <= count:
        size = min(BLOCK_BYTES, begin - first)
        begin -= size
        file.seek(begin)
        blocks.append(file.read(size))
        ends += blocks[-1].count(b"\n")
        await asyncio.sleep(0)
    content = b"".join(reversed(blocks))
    *found, rest = content.split(b"\n")
    file.seek(begin + len(content) - len(rest))
    whole = found[1:] if begin else found
    return whole[max(0, len(whole) - count) :]


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
