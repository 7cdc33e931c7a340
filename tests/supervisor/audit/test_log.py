"""The audit log in the loop: a call's beginning is durable before it is carried out, or it is refused, or it
goes on and its entries follow; what was cut, changed or left open is said at the next start.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.audit import files as files_module
from krakencopy.supervisor.audit import log as log_module
from krakencopy.supervisor.audit.chain import Head, Kind, Why
from krakencopy.supervisor.audit.log import AuditLog, AuditNotWritten
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from tests.support.front import run, until
from tests.support.small_disk import disk_of, fill_disk


class World:
    """A log beside its journal."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder / "audit"
        self.journal = journal
        self.quiet = True
        self.faults: list[JournalFault] = []
        self.log = AuditLog(
            self.folder, journal, EventLog(journal), on_failure=self.faults.append,
            is_quiet=lambda: self.quiet,
        )  # fmt: skip

    async def call(self, name: str, *, waits: bool = True, key: str = "") -> None:
        draft = await self.log.begin({"call": name}, (key,) if key else (), waits=waits)
        self.log.end(draft, {"outcome": "OK"})

    def entries(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for path in sorted(self.folder.glob("audit-*.jsonl"))
            for line in path.read_bytes().splitlines()
        ]

    def shown(self) -> list[tuple[str, str]]:
        """Kind and call of each entry but files."""
        return [(each["kind"], each["call"]) for each in self.entries() if each["kind"] != Kind.FILE]

    def events(self, code: str = "") -> list[str]:
        found = self.journal.events_after(0, 1_000)
        return [event.message if code else event.code for event in found if code in {"", event.code}]


@asynccontextmanager
async def world(folder: Path, journal: Journal) -> AsyncIterator[World]:
    w = World(folder, journal)
    w.log.start()
    try:
        yield w
    finally:
        await w.log.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of(tmp_path / "disk", 1) as disk:
        yield disk


def test_a_beginning_is_on_the_disk_before_the_call_goes_on_and_its_end_follows(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            draft = await w.log.begin({"call": "StopAccount", "who": "ann"}, (), waits=True)
            assert w.shown() == [(Kind.BEGAN, "StopAccount")]
            assert w.log.running() == {2}
            w.log.end(draft, {"outcome": "OK"})
            assert w.log.running() == set()
            await until("its end", lambda: len(w.shown()) == 2)
            ended = w.entries()[-1]
            assert (ended["began"], ended["outcome"], ended["who"]) == (2, "OK", "ann")
        assert w.events() == []
        assert Head.of(journal.audit_head() or "") == Head(3, w.entries()[-1]["hash"], closed=True)

    run(play())


def test_calls_that_come_together_are_one_chain(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await asyncio.gather(*(w.call(f"call {number}", waits=bool(number % 3)) for number in range(100)))
            await until("all of them", lambda: w.log.number == 201)
            assert (await w.log.verify()).intact
            numbers = [entry["began"] for entry in w.entries() if entry["kind"] == Kind.ENDED]
            assert sorted(numbers) == sorted(e["n"] for e in w.entries() if e["kind"] == Kind.BEGAN)

    run(play())


async def use_up(w: World) -> None:
    """What room is left in the last page."""
    while True:
        await w.log.begin({"call": "x" * 100}, (), waits=True)


def test_who_waits_is_refused_on_a_full_disk_and_who_does_not_goes_on_and_is_written_later(
    disk: Path, tmp_path: Path, journal: Journal
) -> None:
    del tmp_path

    async def play() -> None:
        async with world(disk, journal) as w:
            await w.call("before")
            await until("both", lambda: w.log.number == 3)
            fill_disk(disk / "filler")
            with pytest.raises(AuditNotWritten, match=r"no room on .*: 0 of 1 MB free"):
                await use_up(w)
            before = w.shown()
            await w.call("halt", waits=False)
            with pytest.raises(AuditNotWritten):
                await w.call("start")
            await w.call("flatten", waits=False)
            assert w.shown() == before
            (words,) = w.events("AUDIT_NOT_WRITTEN")
            assert "calls that stop trading go on and their entries follow" in words
            (disk / "filler").unlink()
            await until("what waited", lambda: ("ended", "flatten") in w.shown())
            late = [call for kind, call in w.shown()[len(before) :] if kind == Kind.BEGAN]
            assert late == ["halt", "flatten"]
            await until("its end", lambda: w.events("AUDIT_NOT_WRITTEN_OVER"))
            assert "what waited is written, 2 calls were refused" in w.events("AUDIT_NOT_WRITTEN_OVER")[0]
            await w.call("start")
            assert (await w.log.verify()).intact

    run(play())


def test_the_event_follows_where_the_journal_is_on_the_full_disk_as_well(disk: Path) -> None:
    async def play() -> None:
        with closing(Journal(disk / "journal.db")) as journal:
            async with world(disk, journal) as w:
                await w.call("before")
                await until("both", lambda: w.log.number == 3)
                fill_disk(disk / "filler")
                with pytest.raises(AuditNotWritten):
                    await use_up(w)
                await w.call("halt", waits=False)
                (disk / "filler").unlink()
                await until("both events", lambda: w.events("AUDIT_NOT_WRITTEN_OVER"))
                assert w.events("AUDIT_NOT_WRITTEN")
                assert w.faults == []

    run(play())


class Hung:
    """A disk that does not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = threading.Event()
        fsync = os.fsync

        def waits(opened: int) -> None:
            self.answers.wait(20)
            fsync(opened)

        monkeypatch.setattr(os, "fsync", waits)


def test_a_disk_that_does_not_answer_holds_up_neither_the_loop_nor_what_stops_trading(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "BEGIN_MAX_S", 0.1)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("before")
            await until("both", lambda: w.log.number == 3)
            hung = Hung(monkeypatch)
            await w.call("halt", waits=False)
            with pytest.raises(AuditNotWritten, match=r"the disk has not answered for 0\.1 s"):
                await w.call("start")
            assert w.log.number == 3
            hung.answers.set()
            await until("all", lambda: w.log.number == 7)
            outcomes = {each["call"]: each for each in w.entries() if each["kind"] == Kind.ENDED}
            assert outcomes["halt"]["outcome"] == "OK"
            assert outcomes["start"]["outcome"] == "UNAVAILABLE"
            assert outcomes["start"]["message"] == "nothing was done: the disk did not answer"

    run(play())


def test_a_client_that_is_gone_before_the_beginning_is_durable_has_asked_for_nothing(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.log.opened()
            hung = Hung(monkeypatch)
            call = asyncio.create_task(w.call("start"))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            hung.answers.set()
            await until("both", lambda: len(w.shown()) == 2)
            assert w.entries()[-1]["outcome"] == "CANCELLED"
            assert w.log.running() == set()

    run(play())


def test_a_call_that_a_killed_process_left_open_is_said_to_be_at_the_next_start(
    tmp_path: Path, journal: Journal
) -> None:
    async def play() -> None:
        killed = World(tmp_path, journal)
        killed.log.start()
        await killed.log.begin({"call": "StopAccount", "who": "ann"}, (), waits=True)
        for task in killed.log._tasks:  # what a kill leaves undone
            task.cancel()
        async with world(tmp_path, journal) as w:
            await until("its end", lambda: len(w.shown()) == 2)
            ended = w.entries()[-1]
            assert (ended["began"], ended["outcome"], ended["reason"]) == (2, "UNKNOWN", "PROCESS_ENDED")
            assert (ended["who"], ended["call"]) == ("ann", "StopAccount")
            assert w.events("AUDIT_CALLS_CUT_OFF") == [
                "had begun when the run before ended, and have no outcome: StopAccount by ann (entry 2)"
            ]
        async with world(tmp_path, journal) as w:
            await w.call("a")
            assert len(w.events("AUDIT_CALLS_CUT_OFF")) == 1

    run(play())


def test_a_request_that_is_repeated_is_known_also_by_the_next_run(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            fields = {"request_id": "(hidden)", "sha256": "abc"}
            for _ in range(2):
                draft = await w.log.begin({"call": "a"} | fields, ("a", "abc"), waits=True)
                w.log.end(draft, {"outcome": "OK"})
            other = await w.log.begin({"call": "a"} | fields, ("a", "def"), waits=True)
            w.log.end(other, {"outcome": "OK"})
        async with world(tmp_path, journal) as w:
            await w.log.opened()
            draft = await w.log.begin({"call": "a"} | fields, ("a", "abc"), waits=True)
            w.log.end(draft, {"outcome": "OK"})
        repeats = [entry.get("repeats", 0) for entry in w.entries() if entry["kind"] != Kind.FILE]
        assert sorted(repeats) == [0, 0, 0, 0, 2, 2, 2, 2]

    run(play())


def closed_log(folder: Path, journal: Journal, calls: int = 3) -> Path:
    """The last file of a log with so many calls."""

    async def play() -> None:
        async with world(folder, journal) as w:
            for number in range(calls):
                await w.call(f"call {number}")

    run(play())
    return max((folder / "audit").glob("*.jsonl"))


@pytest.mark.parametrize("what", ["a byte", "the end", "the file", "more"])
def test_a_log_that_was_changed_is_an_event_at_the_next_start_and_a_new_chain_begins(
    tmp_path: Path, journal: Journal, what: str
) -> None:
    path = closed_log(tmp_path, journal)
    lines = path.read_bytes().splitlines(keepends=True)
    if what == "the file":
        path.unlink()
    elif what == "more":
        forged = files_module.AuditFiles(tmp_path / "audit")
        forged.open(None)
        forged.append([files_module.Draft({"kind": Kind.BEGAN, "call": "never made"})])
    else:
        changed = lines[:-2] if what == "the end" else [each.replace(b"call 1", b"call 9") for each in lines]
        path.write_bytes(b"".join(changed))

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("after")
            (words,) = w.events("AUDIT_BROKEN")
            assert "`krakencopy audit verify` shows all" in words
            assert not (await w.log.verify()).intact
        async with world(tmp_path, journal) as w:
            await w.call("later")
            assert len(w.events("AUDIT_BROKEN")) == 1  # it is known, and named by the new chain
            why = [each.why for each in (await w.log.verify()).findings]
            assert Why.NEW_CHAIN in why

    run(play())


def test_half_a_line_is_repaired_with_a_word_and_is_no_break(tmp_path: Path, journal: Journal) -> None:
    path = closed_log(tmp_path, journal)
    lines = path.read_bytes().splitlines(keepends=True)
    journal.put_audit_head(Head(3, json.loads(lines[2])["hash"]).to_text())
    path.write_bytes(path.read_bytes()[:-20])

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("after")
            assert len(w.events("AUDIT_REPAIRED")) == 1
            assert w.events("AUDIT_BROKEN") == []
            assert (await w.log.verify()).intact

    run(play())


def test_a_change_of_an_earlier_file_is_an_event_at_each_start_and_the_chain_goes_on(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "FILE_BYTES_MAX", 1_000)
    monkeypatch.setattr(files_module.AuditFiles.__init__, "__defaults__", (1_000,))
    closed_log(tmp_path, journal, 9)
    first, *_ = sorted((tmp_path / "audit").glob("*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b"call 0", b"call 9", 1))

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await until("the event", lambda: w.events("AUDIT_BROKEN"))
            assert w.events("AUDIT_BROKEN")[0].startswith("entry 2 is not what was written;")
            await w.call("after")
            assert [each.why for each in (await w.log.verify()).findings] == [Why.CHANGED]

    run(play())


def test_a_change_while_it_runs_is_an_event_before_the_next_entry(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("a")
            await until("both", lambda: w.log.number == 3)
            (path,) = w.folder.iterdir()
            path.write_bytes(path.read_bytes()[:-5])
            await w.call("b")
            (words,) = w.events("AUDIT_BROKEN")
            assert "was changed by somebody else behind entry 3" in words

    run(play())


def test_where_it_ends_is_kept_when_no_fills_come_and_at_last_where_they_do(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "HEAD_PAUSE_S", 0.0)
    monkeypatch.setattr(log_module, "RETRY_S", 0.01)

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.log.opened()
            w.quiet = False
            await w.call("a")
            await until("both", lambda: w.log.number == 3)
            await w.call("b", waits=True)
            assert w.log.recorded_number == 1
            w.quiet = True
            await until("the head", lambda: w.log.recorded_number == 5)
            w.quiet = False
            monkeypatch.setattr(log_module, "HEAD_MAX_S", 0.0)
            await w.call("c")
            await until("the head", lambda: w.log.recorded_number == 7)

    run(play())


def test_a_folder_that_cannot_be_made_refuses_who_waits_and_is_tried_again(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RETRY_S", 0.01)
    (tmp_path / "audit").write_text("a file")

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("halt", waits=False)
            with pytest.raises(AuditNotWritten, match="cannot be written: "):
                await w.call("start")
            w.folder.unlink()
            await until("what waited", lambda: w.folder.is_dir() and ("ended", "halt") in w.shown())
            assert len(w.events("AUDIT_NOT_WRITTEN_OVER")) == 1

    run(play())


def test_what_is_too_much_to_wait_is_lost_and_said(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RETRY_S", 0.01)
    monkeypatch.setattr(log_module, "WAITING_MAX", 4)
    (tmp_path / "audit").write_text("a file")

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            for number in range(4):
                await w.call(f"halt {number}", waits=False)
            with pytest.raises(AuditNotWritten):
                await w.call("start")
            await until("trouble", lambda: w.events("AUDIT_NOT_WRITTEN"))
            w.folder.unlink()
            await until("its end", lambda: w.events("AUDIT_NOT_WRITTEN_OVER"))
            assert "; 5 entries were too many to keep, and are lost" in w.events("AUDIT_NOT_WRITTEN_OVER")[0]

    run(play())


def test_a_word_of_the_journal_that_cannot_be_read_is_no_head(tmp_path: Path, journal: Journal) -> None:
    journal.put_audit_head("nonsense")

    async def play() -> None:
        async with world(tmp_path, journal) as w:
            await w.call("a")
            assert w.events() == []

    run(play())
