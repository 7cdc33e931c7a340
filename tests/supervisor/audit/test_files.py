"""Files of the audit log: what is appended is durable and linked, also over files and starts; what was half
written is repaired, and what was changed begins a new chain.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.audit import files as files_module
from krakencopy.supervisor.audit.chain import Head, Kind, Why
from krakencopy.supervisor.audit.files import AuditFiles, Draft, Opened
from krakencopy.supervisor.audit.verification import Verdict, verify
from tests.support.small_disk import disk_of, fill_disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def opened(folder: Path, head: Head | None = None, **options: Any) -> tuple[AuditFiles, Opened]:
    log = AuditFiles(folder, **options)
    return log, log.open(head)


def put(log: AuditFiles, *names: str) -> None:
    """A call of each name that has begun and ended."""
    for name in names:
        began = Draft({"kind": Kind.BEGAN, "call": name})
        log.append([began])
        log.append([Draft({"kind": Kind.ENDED, "call": name}, {"began": began})])


def verdict(log: AuditFiles, head: Head | None = None) -> Verdict:
    return verify(log.files(), head, is_whole=True)


def calls(rows: list[tuple[int, bytes]]) -> list[tuple[int, str]]:
    return [(number, json.loads(line).get("call", "")) for number, line in rows]


def test_a_log_begins_goes_on_over_starts_and_is_intact(folder: Path) -> None:
    log, found = opened(folder)
    assert (found.findings, found.repaired, log.number) == ([], "", 1)
    put(log, "a", "b")
    head = Head(log.number, log.hash)
    log.close()
    log, found = opened(folder, head)
    assert (found.findings, log.number, log.hash) == ([], 5, head.hash)
    put(log, "c")
    assert verdict(log, head).intact
    assert (verdict(log).first, verdict(log).last, verdict(log).hash, verdict(log).files) == (
        1,
        7,
        log.hash,
        1,
    )
    (path,) = folder.iterdir()
    assert (path.name, path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (
        "audit-000000000001.jsonl", 0o600, 0o700,
    )  # fmt: skip


def test_an_end_names_its_beginning_and_what_is_open_is_known_at_the_next_start(folder: Path) -> None:
    log, _ = opened(folder)
    put(log, "a")
    log.append([Draft({"kind": Kind.BEGAN, "call": "b"}), Draft({"kind": Kind.BEGAN, "call": "c"})])
    assert json.loads(log.after(2, 1)[0][1])["began"] == 2
    log.close()
    _, found = opened(folder)
    assert list(found.open_calls) == [4, 5]
    assert found.open_calls[5]["call"] == "c"
    assert [entry["call"] for entry in found.calls] == ["a", "b", "c"]


def test_files_follow_one_another_and_the_chain_goes_over_all(folder: Path) -> None:
    log, _ = opened(folder, file_bytes_max=1_000)
    put(log, *"abcdefgh")
    began = Draft({"kind": Kind.BEGAN, "call": "open"})
    log.append([began])
    for _ in range(4):
        log.append([Draft({"kind": "x"})], [{"n": began.number, "call": "open"}])
    assert len(list(folder.iterdir())) > 3
    assert verdict(log).intact
    everything = log.after(0, 1_000)
    assert [number for number, _ in everything] == list(range(1, log.number + 1))
    assert log.before(10_000, 1_000) == everything[::-1]
    assert [json.loads(line)["n"] for _, line in everything] == [number for number, _ in everything]
    for start in range(log.number + 2):
        assert log.after(start, 3) == everything[start : start + 3]
        assert log.before(start, 3) == everything[: max(0, start - 1)][::-1][:3]
    log.close()
    log, found = opened(folder, file_bytes_max=1_000)
    assert list(found.open_calls) == [began.number]
    assert (log.number, found.findings) == (everything[-1][0], [])


def test_a_file_that_is_gone_is_found(folder: Path) -> None:
    log, _ = opened(folder, file_bytes_max=1_000)
    put(log, *"abcdefgh")
    first, second, *_ = sorted(folder.iterdir())
    second.rename(folder.parent / "away")
    log._find_files()
    (finding,) = verdict(log).findings
    assert finding.why is Why.MISSING
    first.unlink()
    log._find_files()
    (finding,) = verdict(log).findings
    assert (finding.why, finding.number) == (Why.MISSING, 1)
    assert "the files before it are not there" in finding.message


@pytest.mark.parametrize(
    ("damage", "number", "words"),
    [
        (lambda log: log[:-1], 5, "the newline behind entry 5 was not written; it is now"),
        (lambda log: log[:-9], 4, "what stood behind entry 4 was only half written"),
        (lambda log: log + b"\0" * 100, 5, "what stood behind entry 5 was only half written (100 bytes"),
        (lambda log: log + b"\0\0\n\0", 5, "what stood behind entry 5 was only half written (4 bytes"),
    ],
)
def test_what_a_loss_of_power_left_half_written_is_repaired_with_a_word(
    folder: Path, damage: Any, number: int, words: str
) -> None:
    log, _ = opened(folder)
    put(log, "a", "b")
    log.close()
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    log, found = opened(folder, Head(4, json.loads(path.read_bytes().splitlines()[3])["hash"]))
    assert found.repaired.startswith(words)
    assert (found.findings, log.number) == ([], number)
    put(log, "c")
    assert verdict(log).intact


def test_what_the_journal_knows_to_have_been_written_is_no_loss_of_power(folder: Path) -> None:
    log, _ = opened(folder)
    put(log, "a", "b")
    head = Head(log.number, log.hash)
    log.close()
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    log, found = opened(folder, head)
    assert [finding.why for finding in found.findings] == [Why.CUT]
    # The number of what was cut is not given again.
    assert (log.number, len(list(folder.iterdir()))) == (6, 2)
    assert log.broken == "the log ends with entry 4, and entry 5 was written"
    put(log, "c")
    assert [finding.why for finding in verdict(log).findings] == [Why.NEW_CHAIN]
    log.close()
    log, found = opened(folder, Head(log.number, log.hash))
    assert found.findings == []


@pytest.mark.parametrize("what", ["a byte", "a line", "all of it", "the file"])
def test_a_change_begins_a_new_chain_that_names_it(folder: Path, what: str) -> None:
    log, _ = opened(folder)
    put(log, "a", "b")
    head = Head(log.number, log.hash)
    log.close()
    (path,) = folder.iterdir()
    text, lines = path.read_bytes(), path.read_bytes().splitlines(keepends=True)
    if what == "the file":
        path.unlink()
    else:
        path.write_bytes(
            {
                "a byte": text.replace(b'"a"', b'"z"', 1),
                "a line": b"".join(lines[:2] + lines[3:]),
                "all of it": b"",
            }[what]
        )
    log, found = opened(folder, head)
    assert found.findings
    put(log, "c")
    begins = json.loads(log.after(5, 1)[0][1])
    assert (begins["n"], begins["kind"], begins["prev"]) == (6, Kind.FILE, "0" * 64)
    assert begins["broken"].startswith(found.findings[0].message)
    assert not verdict(log).intact
    log.close()
    assert opened(folder, Head(log.number, log.hash))[1].findings == []


@pytest.mark.parametrize("what", ["more", "less", "gone"])
def test_a_change_while_it_is_used_is_found_before_the_next_entry(folder: Path, what: str) -> None:
    log, _ = opened(folder)
    put(log, "a")
    (path,) = folder.iterdir()
    if what == "gone":
        path.unlink()
    else:
        text = path.read_bytes()
        path.write_bytes(text[:-1] if what == "less" else text + text)
    put(log, "b")
    assert log.broken == "audit-000000000001.jsonl was changed by somebody else behind entry 3"
    assert log.number == 6
    assert calls(log.after(4, 2)) == [(5, "b"), (6, "b")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of(tmp_path / "disk", 1) as disk:
        yield disk


def test_what_has_no_room_is_taken_back_whole_and_written_later(disk: Path) -> None:
    log, _ = opened(disk / "audit")
    put(log, "a")
    fill_disk(disk / "filler")
    long = Draft({"kind": "x", "text": "y" * 10_000})
    with pytest.raises(OSError, match="No space left"):
        log.append([Draft({"kind": "x"}), long])
    assert (long.number, log.number) == (0, 3)
    assert verdict(log).intact
    (disk / "filler").unlink()
    log.append([long])
    assert (long.number, verdict(log).intact) == (4, True)


def test_a_file_that_has_no_room_is_begun_later(disk: Path) -> None:
    log, _ = opened(disk / "audit", file_bytes_max=500)
    put(log, "a")
    fill_disk(disk / "filler")
    with pytest.raises(OSError, match="No space left"):
        put(log, "b")
    (disk / "filler").unlink()
    put(log, "b")
    assert verdict(log).intact
    assert not list((disk / "audit").glob("*.new"))


def test_what_the_disk_did_not_take_is_not_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = opened(folder)
    put(log, "a")

    def fails(_opened: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="Input/output"):
            put(log, "b")
    assert log.number == 3
    put(log, "c")
    assert (verdict(log).intact, log.number) == (True, 5)


def test_a_chain_that_could_not_be_begun_anew_is_begun_at_the_next_try(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = opened(folder)
    put(log, "a")
    with (folder / "audit-000000000001.jsonl").open("a") as file:
        file.write("more\n")

    def fails(_folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files_module, "sync_folder", fails)
    with pytest.raises(OSError, match="Input/output"):
        put(log, "b")
    monkeypatch.undo()
    put(log, "b")
    assert "was changed by somebody else" in log.broken


def test_leftovers_and_strangers_are_no_files_of_the_log(folder: Path) -> None:
    folder.mkdir()
    (folder / "audit-000000000001.jsonl.new").write_text("half")
    (folder / "audit-copy.jsonl").write_text("mine")
    log, found = opened(folder)
    assert (found.findings, log.number) == ([], 1)
    assert sorted(path.name for path in folder.iterdir()) == ["audit-000000000001.jsonl", "audit-copy.jsonl"]
