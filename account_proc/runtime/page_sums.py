"""A checksum of each page of a SQLite file, kept in a table of that file: SQLite has none of its own, and
reads a page whose bits have flipped as if it had been written so.

Sums are made when a checkpoint has brought the log into the file, from what stands there then, and are
written with the first transaction of the next log; nothing is added to any other write. So they describe all
pages but those that are in the log, and SQLite has checksums for these. Two kinds of page are left out: the
table's own, whose rows have a checksum each, and in the first page the few bytes that each later transaction
changes. Knows no other table, and nothing of what the marks in the file mean (runtime/sqlite_file.py).
"""

from __future__ import annotations

import os
import sqlite3
import struct
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path

TABLE = "page_sums"
#: ``first``: the number of a row's first page. ``sums``: as ``_row`` has them.
SCHEMA = f"CREATE TABLE {TABLE} (first INTEGER PRIMARY KEY, sums BLOB NOT NULL)"
#: Pages of one row: it stays on one page of the table, and a large file is read in pieces of a MiB.
ROW_PAGES = 256
#: The file's first page has these parts that a transaction without any other change writes: the counters of
#: changes, the application id, the version of SQLite (https://www.sqlite.org/fileformat2.html, 1.3).
CHANGING = (slice(24, 28), slice(68, 72), slice(92, 100))
#: Bytes of a log's header; a shorter log holds nothing. And those of the header of each page in it.
LOG_HEADER, FRAME_HEADER = 32, 24
#: The first byte of a page of a table that leads to other pages, and where its pages are named.
_INTERIOR, _INTERIOR_HEADER = 0x05, 12
#: Of a page that was never summed.
_UNKNOWN = 0


class PageSums:
    """The sums of one file, beside its open connection."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """To be closed after the connection: closing a file takes away all locks of this process on it."""
        self._connection = connection
        self._path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        size = int.from_bytes(os.pread(self._file, 2, 16), "big")
        self._page_bytes = 65_536 if size == 1 else size
        self._rows: dict[int, array[int]] = {}
        #: So many of the first pages have a sum.
        self._summed = 0

    @property
    def is_kept(self) -> bool:
        """Whether the file has sums at all. Raises sqlite3.Error."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._connection.execute(query, (TABLE,)).fetchone() is not None

    def use_connection(self, connection: sqlite3.Connection) -> None:
        """Another connection to the same file, in the place of the first."""
        self._connection = connection

    def close(self) -> None:
        """Closes what it reads the file by."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    # -- when the file is opened ----------------------------------------------------------------------------

    def what_is_wrong(self) -> str:
        """What in the file is not as it was written, for people; empty if it is. Raises sqlite3.Error."""
        kept = dict(self._connection.execute(f"SELECT first, sums FROM {TABLE}"))  # noqa: S608 - a constant
        if None in kept:
            return "the table of its checksums is wrong itself"
        pages, in_log = self._page_count(), self._pages_in_log(None)
        wrong: list[int] = []
        last_kept = max(kept, default=0)
        for first in range(1, pages + 1, ROW_PAGES):
            last = min(first + ROW_PAGES - 1, pages)
            if first > last_kept and in_log.issuperset(range(first, last + 1)):
                continue  # they have come since the last checkpoint, and get a row with the next
            sums = _sums_in(first, kept.get(first))
            if sums is None:
                return f"the checksums of its pages {first} to {first + ROW_PAGES - 1} are wrong themselves"
            self._rows[first] = sums
            found = self._read_sums(first, last)
            if found != sums[: last - first + 1]:
                wrong += [
                    page
                    for page, sum_, expected in zip(range(first, last + 1), found, sums, strict=False)
                    if sum_ != expected != _UNKNOWN and page not in in_log
                ]
        self._summed = min(pages, os.fstat(self._file).st_size // self._page_bytes)
        if wrong and (wrong := sorted({*wrong} - self._own_pages())):
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            return f"page {wrong[0]}{more} of {pages} is not as it was written: the checksum differs"
        return ""

    def forget(self) -> None:
        """What is in the file says nothing about it: all sums are made anew by the next ``update``."""
        self._rows = {}
        self._summed = 0

    def _own_pages(self) -> set[int]:
        """The pages of the table of sums."""
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (root,) = self._connection.execute(query, (TABLE,)).fetchone()
        found, ahead = {int(root)}, [int(root)]
        while ahead:
            page = os.pread(self._file, self._page_bytes, (ahead.pop() - 1) * self._page_bytes)
            if len(page) < self._page_bytes or page[0] != _INTERIOR:
                continue
            cells = struct.unpack_from(f">{int.from_bytes(page[3:5], 'big')}H", page, _INTERIOR_HEADER)
            children = {int.from_bytes(page[at : at + 4], "big") for at in (8, *cells)} - found
            found |= children
            ahead += children
        return found

    # -- with a checkpoint ----------------------------------------------------------------------------------

    def reserve(self) -> None:
        """Has the table a place for the sum of each page, so that ``update`` needs no new page. In a
        transaction before the checkpoint. Raises sqlite3.Error.
        """
        if not self._rows:
            if not self.is_kept:
                self._connection.execute(SCHEMA)
            else:
                self._connection.execute(f"DELETE FROM {TABLE}")  # noqa: S608 - a constant
        while len(self._rows) * ROW_PAGES < self._page_count():
            first = len(self._rows) * ROW_PAGES + 1
            self._rows[first] = array("I", [_UNKNOWN] * ROW_PAGES)
            row = (first, _row(first, self._rows[first]))
            self._connection.execute(f"INSERT OR REPLACE INTO {TABLE} VALUES (?, ?)", row)  # noqa: S608 - a constant

    def update(self, frames: int) -> None:
        """Sums what a checkpoint has just brought into the file: the pages in the log's first ``frames``.
        In the transaction after it. Raises sqlite3.Error and OSError.
        """
        pages = self._page_count()
        changed = self._pages_in_log(frames) | set(range(self._summed + 1, pages + 1))
        rows = set()
        for page in changed:
            if page > pages:
                continue
            first = page - (page - 1) % ROW_PAGES
            (self._rows[first][page - first],) = self._read_sums(page, page)
            rows.add(first)
        self._connection.executemany(
            f"UPDATE {TABLE} SET sums = ? WHERE first = ?",  # noqa: S608 - a constant
            [(_row(first, self._rows[first]), first) for first in sorted(rows)],
        )
        self._summed = pages

    # -- the file and its log -------------------------------------------------------------------------------

    def _page_count(self) -> int:
        return int(self._connection.execute("PRAGMA page_count").fetchone()[0])

    def _read_sums(self, first: int, last: int) -> array[int]:
        """The sums of these pages as they are in the file."""
        size = self._page_bytes
        content = os.pread(self._file, (last - first + 1) * size, (first - 1) * size)
        if first == 1:
            page = bytearray(content[:size])
            for part in CHANGING:
                page[part] = bytes(part.stop - part.start)
            content = bytes(page) + content[size:]
        view = memoryview(content)
        places = range(0, (last - first + 1) * size, size)
        return array("I", [zlib.crc32(view[at : at + size]) or 1 for at in places])

    def _pages_in_log(self, frames: int | None) -> set[int]:
        """Numbers of the pages in the log's first frames; None: all that belong to it, also those of a
        transaction that a crash broke off.
        """
        try:
            log = os.open(f"{self._path}-wal", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return set()
        try:
            salt = os.pread(log, 8, 16)
            size = FRAME_HEADER + self._page_bytes
            there = max(os.fstat(log).st_size - LOG_HEADER, 0) // size
            heads = (
                os.pread(log, 16, LOG_HEADER + number * size)
                for number in range(there if frames is None else min(frames, there))
            )
            return {int.from_bytes(head[:4], "big") for head in heads if head[8:] == salt}
        finally:
            os.close(log)


def _row(first: int, sums: Sequence[int]) -> bytes:
    """Sums as they are in the file, four bytes each, and last one of them and of their place."""
    packed = struct.pack(f">{len(sums)}I", *sums)
    return packed + struct.pack(">I", zlib.crc32(packed, first))


def _sums_in(first: int, row: object) -> array[int] | None:
    """What ``_row`` has made; None for what it has not made, or not of this place."""
    if not isinstance(row, bytes) or len(row) != 4 * (ROW_PAGES + 1):
        return None
    *sums, own = struct.unpack(f">{ROW_PAGES + 1}I", row)
    return array("I", sums) if own == zlib.crc32(row[:-4], first) else None
