"""No page of a file that was not written so is read, whoever changed it and wherever."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.runtime import page_sums, sqlite_file
from krakencopy.account_proc.runtime.sqlite_file import (
    APPLICATION_ID,
    CLOSED,
    IN_USE,
    SEALED,
    SUMMED,
    Database,
)
from tests.support.edited_file import edited, flipped
from tests.support.torn import KilledFile

SCHEMA = (
    "CREATE TABLE songs (name TEXT NOT NULL UNIQUE, minutes INTEGER NOT NULL); "
    "CREATE INDEX by_length ON songs (minutes)"
)
PAGE = 4_096
#: A file of some pages more than one row of sums is about.
MANY = 30_000


class Fault(Exception):
    """What goes wrong with a file of songs."""


def opened(path: Path) -> Database:
    return Database(
        path, schema=SCHEMA, version=1, fill=lambda _: None, recognise=lambda _: None, fault=Fault,
        remedy="restore a backup",
    )  # fmt: skip


def add(database: Database, *numbers: int) -> None:
    with database.transaction("the songs are lost"):
        database.connection.executemany(
            "INSERT INTO songs VALUES (?, ?)", [(f"a song, the {number}th", number) for number in numbers]
        )


def songs(database: Database) -> list[Any]:
    return [tuple(row) for row in database.execute("SELECT name, minutes FROM songs ORDER BY minutes")]


def refused(path: Path) -> str:
    with pytest.raises(Fault) as raised:
        opened(path)
    assert str(path) in str(raised.value)
    return str(raised.value)


def mark(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[APPLICATION_ID], "big")


def test_each_flip_in_a_closed_file_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, *range(100))
        expected = songs(database)
    whole, read = path.read_bytes(), []
    for place, content in flipped(whole, 101):
        path.write_bytes(content)
        try:
            database = opened(path)
        except Fault:
            assert path.read_bytes() == content, "what is refused is left alone"
            continue
        with closing(database):
            assert songs(database) == expected, f"byte {place}"
        read.append(place)
    changing = {place for part in page_sums.CHANGING for place in range(part.start, part.stop)}
    mark_place = {*range(APPLICATION_ID.start, APPLICATION_ID.stop)}
    in_header = {place for place in read if place < 100}
    assert in_header <= changing - mark_place
    # The rest lies in the table of sums, between its rows.
    assert {place // PAGE for place in read if place >= 100} <= {len(whole) // PAGE - 1}


def test_a_flip_in_a_file_that_a_killed_process_left_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "CHECKPOINT_OVERDUE", 10)
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        for number in range(95):
            add(database, *range(number * 4, number * 4 + 4))
        expected = songs(database)
        KilledFile(path, tmp_path / "killed.db")
    killed, log = tmp_path / "killed.db", tmp_path / "killed.db-wal"
    whole, newest, found = killed.read_bytes(), log.read_bytes(), []
    for place, content in flipped(whole, 401):
        killed.write_bytes(content)
        log.write_bytes(newest)
        killed.with_name("killed.db-shm").unlink(missing_ok=True)
        try:
            with closing(opened(killed)) as database:
                assert songs(database) == expected, f"byte {place}"
        except Fault:
            found.append(place)
    assert found, "pages that are not in the log"


def test_a_file_says_who_has_closed_it(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1)
        assert mark(path) == IN_USE
        KilledFile(path, tmp_path / "killed.db")
    assert mark(path) == SEALED
    assert not path.with_name("songs.db-wal").exists()
    # By another program, after a kill: whole, and nobody knows what it wrote.
    with edited(tmp_path / "killed.db") as file:
        file.execute(f"PRAGMA application_id={SUMMED}")
        assert file.execute("SELECT count(*) FROM songs").fetchone() == (1,)
    with closing(opened(tmp_path / "killed.db")) as database:
        assert songs(database) == songs(opened(path))


def test_marks_differ_in_more_than_a_byte() -> None:
    marks = [each.to_bytes(4, "big") for each in (0, IN_USE, CLOSED, SUMMED, SEALED)]
    for known in (SUMMED, SEALED):
        others = [each for each in marks if each != known.to_bytes(4, "big")]
        differ = [sum(a != b for a, b in zip(known.to_bytes(4, "big"), one, strict=True)) for one in others]
        assert min(differ) >= 2


def test_a_file_without_sums_gets_them_and_one_that_was_changed_by_hand_keeps_its_content(
    tmp_path: Path,
) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1, 2)
    with edited(path) as file:
        file.execute("DROP TABLE page_sums")
        file.execute("UPDATE songs SET minutes = 3 WHERE minutes = 2")
    with closing(opened(path)) as database:
        assert [minutes for _, minutes in songs(database)] == [1, 3]
    with edited(path) as file:
        file.execute("UPDATE songs SET minutes = 4 WHERE minutes = 3")
    with closing(opened(path)) as database:
        assert [minutes for _, minutes in songs(database)] == [1, 4]
    content = bytearray(path.read_bytes())
    content[content.index(b"a song, the 2th")] ^= 4
    path.write_bytes(content)
    assert "is not as it was written: the checksum differs); restore a backup" in refused(path)


def test_a_change_by_hand_is_refused_where_the_file_says_that_it_was_sealed(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1)
    with edited(path) as file:
        file.execute("DROP TABLE page_sums")
    content = bytearray(path.read_bytes())
    content[APPLICATION_ID] = SEALED.to_bytes(4, "big")
    path.write_bytes(content)
    assert "its checksums are gone" in refused(path)


def test_a_large_file_is_summed_whole_and_checked_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, *range(MANY))
        rows = database.number("SELECT count(*) FROM page_sums")
        database.checkpoint()
        assert database.number("SELECT count(*) FROM page_sums") > max(rows, 1)
    with closing(opened(path)) as database:
        add(database, *range(MANY, MANY + 10))
    whole = path.read_bytes()
    for page in (2, page_sums.ROW_PAGES, page_sums.ROW_PAGES + 1, len(whole) // PAGE // 2):
        content = bytearray(whole)
        content[page * PAGE - 700] ^= 16
        path.write_bytes(content)
        assert f"page {page} of {len(whole) // PAGE} is not as it was written" in refused(path)
    content = bytearray(whole)
    for page in (20, 21, 300):
        content[page * PAGE - 700] ^= 16
    path.write_bytes(content)
    assert "page 20 and 2 more of" in refused(path)


def test_a_file_that_has_grown_past_its_sums_since_the_last_checkpoint_is_whole(tmp_path: Path) -> None:
    path, killed = tmp_path / "songs.db", tmp_path / "killed.db"
    with closing(opened(path)) as database:
        add(database, *range(MANY // 2))
        database.checkpoint()
        add(database, *range(MANY // 2, 3 * MANY))
        KilledFile(path, killed)
        expected = songs(database)
    with closing(opened(killed)) as database:
        assert songs(database) == expected
        add(database, 3 * MANY)
    with closing(opened(killed)) as database:
        assert len(songs(database)) == 3 * MANY + 1
        assert database.number("SELECT count(*) FROM page_sums") == -(
            -database.number("PRAGMA page_count") // 256
        )


def test_a_row_of_sums_that_is_gone_is_missed_where_the_log_does_not_have_its_pages(tmp_path: Path) -> None:
    path, killed = tmp_path / "songs.db", tmp_path / "killed.db"
    with closing(opened(path)) as database:
        add(database, *range(3 * MANY))
        database.checkpoint()
        database.execute("DELETE FROM page_sums WHERE first = 257")
        KilledFile(path, killed)
    assert "pages 257 to 512 are wrong themselves" in refused(killed)


def test_a_row_of_sums_with_others_behind_it_is_missed_whatever_the_log_has(tmp_path: Path) -> None:
    path, killed = tmp_path / "songs.db", tmp_path / "killed.db"
    with closing(opened(path)) as database:
        add(database, *range(3 * MANY))
        database.checkpoint()
        # All pages are in the log then.
        database.execute("VACUUM")
        database.execute("DELETE FROM page_sums WHERE first = 257")
        assert database.number("PRAGMA page_count") > 512
        KilledFile(path, killed)
    assert "pages 257 to 512 are wrong themselves" in refused(killed)


def test_what_is_refused_is_refused_again_and_left_as_it_is(tmp_path: Path) -> None:
    path, killed = tmp_path / "songs.db", tmp_path / "killed.db"
    with closing(opened(path)) as database:
        add(database, *range(1000))
        database.checkpoint()
        add(database, 1000)
        KilledFile(path, killed)
    content = bytearray(killed.read_bytes())
    content[5 * PAGE + 100] ^= 1
    killed.write_bytes(content)
    log = Path(f"{killed}-wal")
    before = killed.read_bytes(), log.read_bytes()
    assert refused(killed) == refused(killed)
    assert (killed.read_bytes(), log.read_bytes()) == before


def test_a_row_of_sums_that_was_changed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1)
    for change in ("sums = substr(sums, 1, 40)", "sums = 'text'", "first = 2"):
        shutil.copy(path, tmp_path / "copy.db")
        with edited(tmp_path / "copy.db") as file:
            file.execute(f"UPDATE page_sums SET {change}")  # noqa: S608 - of the test
        content = bytearray((tmp_path / "copy.db").read_bytes())
        content[APPLICATION_ID] = SEALED.to_bytes(4, "big")
        (tmp_path / "copy.db").write_bytes(content)
        assert "checksums of its pages 1 to 256 are wrong themselves" in refused(tmp_path / "copy.db")


def test_a_transaction_writes_no_page_more_and_a_checkpoint_one_row(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1)
        database.checkpoint()
        statements: list[str] = []
        database.connection.set_trace_callback(statements.append)
        add(database, 2)
        assert not [each for each in statements if "page_sums" in each]
        database.checkpoint()
        assert len([each for each in statements if each.startswith("UPDATE page_sums")]) == 1


def test_what_somebody_still_reads_stays_in_the_log_and_is_summed_with_the_next_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, 1)
        with edited(path) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM songs").fetchone() == (1,)
            add(database, *range(2, 400))
            database.checkpoint()
            KilledFile(path, tmp_path / "killed.db")
            reader.execute("COMMIT")
            add(database, 400)
            database.checkpoint()
            KilledFile(path, tmp_path / "later.db")
    for name, expected in (("killed.db", 399), ("later.db", 400), ("songs.db", 400)):
        with closing(opened(tmp_path / name)) as database:
            assert len(songs(database)) == expected
