"""A full disk is told as such, and nothing else is."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from krakencopy.account_proc.runtime.disk_room import (
    free_bytes,
    room_missing,
    room_words,
    size_bytes,
    why_no_room,
)


class Failed(sqlite3.OperationalError):
    """As SQLite raises it, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__("disk I/O error")
        self.sqlite_errorcode = code


@pytest.fixture
def free_blocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A disk of 6 MB with so many blocks free."""

    def set_free(blocks: int) -> None:
        disk = SimpleNamespace(f_bavail=blocks, f_blocks=1_500, f_frsize=4_096)
        monkeypatch.setattr(os, "statvfs", lambda _: disk)

    return set_free


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        Failed(sqlite3.SQLITE_FULL),
        Failed(sqlite3.SQLITE_IOERR_WRITE),
        Failed(sqlite3.SQLITE_CANTOPEN),
    ],
)
def test_a_full_disk_is_told_with_its_place_and_size(
    tmp_path: Path, free_blocks: Callable[[int], None], error: Exception
) -> None:
    free_blocks(0)
    words = why_no_room(tmp_path / "journal.db", error)
    assert words.startswith("no room on /")
    assert words.endswith(": 0 of 6 MB free; nothing is lost: make room there, and start again")


def test_what_has_room_or_is_another_error_is_not_told_as_a_full_disk(
    tmp_path: Path, free_blocks: Callable[[int], None]
) -> None:
    free_blocks(1_000)
    assert not why_no_room(tmp_path / "journal.db", Failed(sqlite3.SQLITE_IOERR_WRITE))
    free_blocks(0)
    assert not why_no_room(tmp_path / "journal.db", Failed(sqlite3.SQLITE_CORRUPT))
    assert not why_no_room(tmp_path / "journal.db", PermissionError(errno.EACCES, "Permission denied"))
    assert not why_no_room(tmp_path / "journal.db", sqlite3.DatabaseError("malformed"))


def test_a_folder_that_is_gone_is_no_full_disk(tmp_path: Path) -> None:
    assert not why_no_room(tmp_path / "gone" / "journal.db", Failed(sqlite3.SQLITE_CANTOPEN))


def test_that_nearly_no_room_is_left_is_told_before_a_write_fails(
    tmp_path: Path, free_blocks: Callable[[int], None]
) -> None:
    free_blocks(16)
    assert room_missing(tmp_path) == ""
    free_blocks(15)
    assert room_missing(tmp_path) == f"61440 bytes are free on the disk of {tmp_path}"


def test_the_room_of_a_folder_is_that_of_its_disk(tmp_path: Path, free_blocks: Callable[[int], None]) -> None:
    free_blocks(1_000)
    assert (free_bytes(tmp_path), size_bytes(tmp_path)) == (4_096_000, 6_144_000)
    assert room_words(tmp_path).endswith(": 4 of 6 MB free")
