"""Room on the disk is looked at, kept as ballast, given away, and waited for."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.accounts import disk_watch
from krakencopy.supervisor.accounts.disk_watch import (
    BALLAST,
    BALLAST_BYTES,
    LOW_BYTES,
    START_BYTES_MIN,
    DiskWatch,
    has_start_room,
    make_ballast,
    release_ballast,
)
from krakencopy.supervisor.accounts.work_queue import WorkQueue
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb

PLENTY = 10 * LOW_BYTES


class Watched:
    """A watch over a folder whose disk has as much room as a test says."""

    def __init__(self, folder: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "run").mkdir()
        self.ballast = folder / BALLAST
        self.free = PLENTY
        monkeypatch.setattr(disk_watch, "free_bytes", lambda _: self.free)
        self.size = 20 * LOW_BYTES
        monkeypatch.setattr(disk_watch, "size_bytes", lambda _: self.size)
        monkeypatch.setattr(disk_watch, "LOOK_S", 0.0)
        self.journal = journal
        self.queue = WorkQueue()
        self.watch = DiskWatch(folder, EventLog(journal), self.queue, lambda: ["master", "anna"])

    def seen(self, free: int) -> list[str]:
        """The events of a look at so much room."""
        self.free, last = free, self.journal.last_event
        self.watch.look()
        return [event.code for event in self.journal.events_after(last, 10)]


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        yield Watched(tmp_path, journal, monkeypatch)


def test_a_disk_that_fills_is_an_event_and_so_is_room_on_it(it: Watched) -> None:
    assert it.ballast.stat().st_size == BALLAST_BYTES
    assert it.seen(PLENTY) == []
    assert it.watch.condition() is None
    assert it.seen(LOW_BYTES - 1) == ["DISK_NOT_WRITABLE"]
    assert it.queue.take_accounts() == {"master", "anna"}
    assert not it.ballast.exists()
    condition = it.watch.condition()
    assert condition is not None
    assert (condition.type, condition.status) == ("DISK_WRITABLE", pb.CONDITION_STATUS_FALSE)
    assert condition.reason == "DISK_NOT_WRITABLE"
    assert condition.matters
    # What the ballast gave back is no room.
    assert it.seen(LOW_BYTES + BALLAST_BYTES) == []
    assert it.watch.trouble
    assert it.seen(PLENTY) == ["DISK_NOT_WRITABLE_OVER"]
    assert it.queue.take_accounts() == {"master", "anna"}
    assert it.ballast.exists()
    assert it.watch.condition() is None


def test_nothing_is_started_where_its_first_write_has_no_room(it: Watched) -> None:
    assert it.watch.gate().open
    it.seen(START_BYTES_MIN)
    assert it.watch.gate().open
    it.queue.take_accounts()
    it.seen(START_BYTES_MIN - 1)
    gate = it.watch.gate()
    assert (gate.open, gate.reason) == (False, "DISK_NOT_WRITABLE")
    assert "starts by itself once there is room" in gate.message
    assert it.queue.take_accounts() == {"master", "anna"}
    it.seen(START_BYTES_MIN)
    assert it.watch.gate().open
    assert it.queue.take_accounts() == {"master", "anna"}


def test_a_small_disk_is_full_later_and_has_no_ballast(it: Watched) -> None:
    release_ballast(it.ballast.parent.parent)
    it.size = 6_000_000
    assert it.seen(400_000) == []
    assert it.seen(370_000) == ["DISK_NOT_WRITABLE"]
    assert it.seen(500_000) == []
    assert it.seen(600_000) == ["DISK_NOT_WRITABLE_OVER"]
    assert not it.ballast.exists()


def test_it_looks_now_and_then(it: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    it.seen(PLENTY)
    monkeypatch.setattr(disk_watch, "LOOK_S", 60.0)
    assert it.seen(0) == []


def test_a_disk_that_cannot_be_asked_is_left_alone(it: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk_watch, "free_bytes", refuse)
    assert it.seen(0) == []
    make_ballast(it.ballast.parent.parent)


def test_a_reserve_is_taken_only_where_more_than_it_is_left(it: Watched) -> None:
    folder = it.ballast.parent.parent
    release_ballast(folder)
    release_ballast(folder)
    it.free = LOW_BYTES + BALLAST_BYTES - 1
    make_ballast(folder)
    assert not it.ballast.exists()
    it.free += 1
    make_ballast(folder)
    assert it.ballast.stat().st_size == BALLAST_BYTES
    assert it.ballast.stat().st_mode & 0o777 == 0o600
    release_ballast(folder)
    it.ballast.symlink_to(folder / "elsewhere")
    make_ballast(folder)
    assert not (folder / "elsewhere").exists()


def test_a_run_begins_again_with_twice_the_room_of_a_start(it: Watched) -> None:
    it.free = 2 * START_BYTES_MIN
    assert has_start_room(it.ballast.parent.parent)
    it.free -= 1
    assert not has_start_room(it.ballast.parent.parent)
