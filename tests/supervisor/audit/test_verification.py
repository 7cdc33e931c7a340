"""A log is verified by its files alone, also from copies of them, and by what was noted of it."""

from __future__ import annotations

import json
from pathlib import Path

from krakencopy.supervisor.audit.chain import Head, Kind, Why, sealed
from krakencopy.supervisor.audit.files import AuditFiles, Draft
from krakencopy.supervisor.audit.verification import LINE_BYTES_MAX, lines_of, verify


def written(folder: Path) -> list[Path]:
    """A log of several files."""
    log = AuditFiles(folder, 1_000)
    log.open(None)
    for number in range(20):
        log.append([Draft({"kind": Kind.BEGAN, "call": f"call {number}"})])
    log.close()
    return sorted(folder.iterdir())


def test_a_log_in_several_files_is_one_chain(tmp_path: Path) -> None:
    paths = written(tmp_path / "audit")
    whole = verify([(path, None) for path in paths], is_whole=True, gently=True)
    assert whole.intact
    assert (whole.first, whole.files) == (1, len(paths))
    assert whole.last == int(json.loads(paths[-1].read_bytes().splitlines()[-1])["n"])
    noted = json.loads(paths[1].read_bytes().splitlines()[0])["hash"]
    assert verify([(path, None) for path in paths], sought=[noted], is_whole=True).intact


def test_a_copy_of_one_file_is_verified_alone_and_says_where_it_begins(tmp_path: Path) -> None:
    paths = written(tmp_path / "audit")
    copy = tmp_path / "copy"
    copy.write_bytes(paths[1].read_bytes())
    alone = verify([(copy, None)], is_whole=False)
    assert alone.intact
    assert alone.first == int(paths[1].name.removeprefix("audit-").removesuffix(".jsonl"))
    (finding,) = verify([(copy, None)], is_whole=True).findings
    assert (finding.why, finding.number) == (Why.MISSING, 1)


def test_files_in_another_order_are_found(tmp_path: Path) -> None:
    first, second, *_ = written(tmp_path / "audit")
    assert verify([(second, None), (first, None)], is_whole=False).findings[0].why is Why.MISPLACED


def test_of_a_file_in_use_only_what_is_written_is_looked_at(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path / "audit")
    text = first.read_bytes()
    size = len(text)
    first.write_bytes(text + b"half of")
    assert verify([(first, size)], is_whole=True).intact
    assert [each.why for each in verify([(first, None)], is_whole=True).findings] == [Why.HALF_WRITTEN]


def test_what_was_known_before_the_first_file_that_is_there_says_nothing_of_it(tmp_path: Path) -> None:
    _, second, *_ = written(tmp_path / "audit")
    assert verify([(second, None)], Head(2, "a" * 64), is_whole=False).intact


def test_copies_of_one_name_are_not_told_apart_by_it(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path / "audit")
    found = verify([(first, None), (first, None)], is_whole=False).findings
    assert {each.file for each in found} == {""}
    assert found[0].why is Why.MISPLACED


def test_a_line_without_an_end_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "log"
    line, _ = sealed(1, "0" * 64, {"kind": Kind.FILE})
    path.write_bytes(line + b"x" * 3 * LINE_BYTES_MAX + b"\n" + line)
    assert max(map(len, lines_of(path))) <= 2 * LINE_BYTES_MAX
    assert verify([(path, None)], is_whole=True).findings[0].why is Why.UNREADABLE
