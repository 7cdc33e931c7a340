"""What the journal cannot read or write it refuses, and never makes empty."""

from __future__ import annotations

import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.journal.journal import Journal, UserMark
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.supervisor.journal.schema import SCHEMA_VERSION
from krakencopy.v1 import types_pb2 as pb
from tests.support.edited_file import edited, everything, fill_all_tables, flipped
from tests.support.journal_samples import END, exec_ids, filled, run_sql
from tests.support.supervisor_samples import copy, fill
from tests.support.torn import KilledFile


def refused(path: Path) -> str:
    with pytest.raises(JournalFault) as raised:
        Journal(path)
    assert str(path) in str(raised.value)
    still_open = {one.resolve() for one in Path("/proc/self/fd").iterdir()}
    assert path not in still_open
    return str(raised.value)


def test_what_is_written_together_is_one_commit_and_nothing_of_it_stays_when_it_is_broken_off(
    path: Path,
) -> None:
    def break_off(journal: Journal) -> None:
        with journal.together():
            journal.add_event(pb.Event(code="C"))
            raise ZeroDivisionError

    with closing(Journal(path)) as journal, closing(sqlite3.connect(path)) as other:
        count = "SELECT count(*) FROM events"
        with journal.together():
            journal.add_event(pb.Event(code="A"))
            journal.set_wanted("tania", wanted=False)
            assert other.execute(count).fetchone() == (0,)
        assert other.execute(count).fetchone() == (1,)
        with journal.together():
            pass
        journal.add_event(pb.Event(code="B"))
        assert other.execute(count).fetchone() == (2,)
        with pytest.raises(ZeroDivisionError):
            break_off(journal)
        assert other.execute(count).fetchone() == (2,)
    with closing(Journal(path)) as journal:
        assert [one.code for one in journal.events_after(0, 10)] == ["A", "B"]
        assert not journal.wanted("tania")


def test_what_it_took_is_on_the_disk_when_it_says_so(journal: Journal) -> None:
    """FULL: with less, a loss of power may take back a fill that users have copied."""
    full = 2
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (full,)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_two_journals_are_never_taken_for_one_another(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "a.db")) as one, closing(Journal(tmp_path / "b.db")) as other:
        assert one.journal_id != other.journal_id


@cache
def filled_content() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        filled(path)
        return path.read_bytes()


@pytest.mark.parametrize("content", [b"hello", b"unix_time,price,volume\n" * 400, b"\0" * 8192])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "not a database" in refused(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TABLE songs (name TEXT)"], "another program's database"),
        (["CREATE TABLE songs (name TEXT)", "PRAGMA user_version=1"], "no such table"),
        (
            ["CREATE TABLE meta (key TEXT, value TEXT)", "PRAGMA user_version=1"],
            "is not a journal of krakencopy",
        ),
        (["CREATE TABLE meta (name TEXT)", "PRAGMA user_version=1"], "no such column"),
        (
            [f"PRAGMA user_version={SCHEMA_VERSION + 1}"],
            f"newer version of krakencopy (schema {SCHEMA_VERSION + 1}; this one knows {SCHEMA_VERSION})",
        ),
        (["PRAGMA user_version=-1"], f"has schema -1, this program knows {SCHEMA_VERSION}"),
    ],
)
def test_another_programs_or_versions_database_is_refused_and_left_alone(
    path: Path, statements: list[str], words: str
) -> None:
    run_sql(path, *statements)
    before = path.read_bytes()
    assert words in refused(path)
    assert path.read_bytes() == before


def test_a_users_ledger_is_not_a_journal(path: Path) -> None:
    with closing(Ledger(path, "tania")) as ledger:
        ledger._db.execute("PRAGMA user_version=1")
    assert "is not a journal of krakencopy" in refused(path)


@pytest.mark.parametrize("key", ["journal_id", "created_at", "epoch"])
def test_a_journal_that_lost_a_part_of_itself_is_refused(path: Path, key: str) -> None:
    filled(path)
    with edited(path) as file:
        file.execute("DELETE FROM meta WHERE key = ?", (key,))
    assert "is not a journal of krakencopy" in refused(path)


def test_a_folder_that_does_not_exist_and_a_folder_in_its_place_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere" / "journal.db")
    refused(tmp_path)


def refused_or_whole(path: Path) -> bool:
    """Whether it was refused; if not, every fill must be where it was."""
    try:
        journal = Journal(path)
    except JournalFault:
        return True
    with closing(journal):
        assert journal.head == 40
        with suppress(JournalFault):  # the bit that says who may write it is one of those that can flip
            assert journal.next_epoch() > 0
    return False


def test_a_journal_that_lost_its_end_is_refused(path: Path) -> None:
    filled(path)
    whole = path.read_bytes()
    for size in (0, 1, 2, 15, 16, 99, 100, *range(512, len(whole), 512), len(whole) - 1):
        path.write_bytes(whole[:size])
        assert refused_or_whole(path), f"cut off at {size}"
        assert path.stat().st_size == size


def test_cut_off_at_any_byte_of_its_log_it_has_the_first_fills_or_says_that_it_is_damaged(path: Path) -> None:
    with closing(Journal(path)) as journal:
        epoch = journal.next_epoch()
        for number in range(1, 5):
            journal.append([fill(number)], epoch)
        killed = KilledFile(path, path.with_name("killed.db"))
    found = []
    for _ in killed.cut_at_every_byte():
        try:
            journal = Journal(killed.path)
        except JournalFault as fault:
            found.append(-1 if "killed.db-wal belongs beside it" in str(fault) else -99)
            continue
        with closing(journal):
            told = [one.exec_id for one in journal.fills_after(0, 10)]
            assert told == [fill(number).exec_id for number in range(1, journal.head + 1)]
            # No run is ever numbered like an earlier one, whatever was lost.
            assert journal.next_epoch() == epoch + 1
            found.append(journal.head)
    assert found == sorted(found, reverse=True)
    assert set(found) == {-1, 0, 1, 2, 3, 4}


def test_a_journal_that_was_never_finished_is_begun_again(path: Path) -> None:
    path.with_name("journal.db.new").write_bytes(b"half of a page")
    with closing(Journal(path)) as journal:
        assert journal.head == 0
    assert [one.name for one in path.parent.iterdir()] == ["journal.db"]


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 200) | st.integers(0, 10**6), bit=st.integers(0, 7))
@example(place=125, bit=3)  # in the schema's text, which is then no text
@example(place=16, bit=4)  # in the size of its pages, which is then 0
def test_a_flipped_bit_is_refused_or_leaves_every_fill_where_it_was(place: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        content = bytearray(filled_content())
        content[place % len(content)] ^= 1 << bit
        path.write_bytes(content)
        refused_or_whole(path)


def test_a_flipped_bit_in_any_table_is_refused_or_changes_nothing(path: Path) -> None:
    filled(path)
    with closing(Journal(path)) as journal:
        fill_all_tables(journal._db, 30)
        expected = everything(journal._db)
    assert all(expected.values())
    for place, content in flipped(path.read_bytes(), 307):
        path.write_bytes(content)
        try:
            journal = Journal(path)
        except JournalFault:
            continue
        with closing(journal):
            assert everything(journal._db) == expected, f"byte {place}"


def test_a_row_that_cannot_be_read_is_a_fault_of_the_journal(path: Path) -> None:
    filled(path)
    run_sql(path, "UPDATE fills SET body = x'ff' WHERE seq = 3")
    with closing(Journal(path)) as journal, pytest.raises(JournalFault, match="is damaged"):
        journal.fill(seq=3)


# -- what cannot be written --------------------------------------------------------------------------------


def test_a_journal_with_a_gap_is_refused(path: Path) -> None:
    filled(path)
    run_sql(path, "DELETE FROM fills WHERE seq = 20")
    assert "ends with fill 40 and has 39" in refused(path)


@contextmanager
def full_by_pages(journal: Journal) -> Iterator[None]:
    pages_now = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages_now}")
    yield
    journal._db.execute("PRAGMA max_page_count=1000000")


@contextmanager
def full_by_the_kernel(journal: Journal) -> Iterator[None]:
    """No file of this process may grow: the write itself fails, at the commit."""
    wal = journal.path.with_name("journal.db-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def full_amid_a_write(journal: Journal) -> Iterator[None]:
    """As above, but SQLite's memory is so small that it writes, and fails, before the commit."""
    journal._db.execute("PRAGMA cache_size=5")
    with full_by_the_kernel(journal):
        yield


@pytest.mark.parametrize("full", [full_by_pages, full_by_the_kernel, full_amid_a_write])
def test_when_the_disk_is_full_it_says_so_and_nothing_is_half_written(
    path: Path, full: Callable[[Journal], Any]
) -> None:
    many = [fill(n) for n in range(3, 3_000)]
    with closing(Journal(path)) as journal:
        journal.append([fill(1), fill(2)], 1)
        journal.join("tania")
        reports = [("tania", [copy("tania", [n]) for n in range(1, 3_000)], 2)]
        with full(journal):
            for write in (lambda: journal.append(many, 1), lambda: journal.put_reports(reports)):
                with pytest.raises(JournalFault, match=r"no room on|disk is full|disk I/O error") as raised:
                    write()
                assert str(path) in str(raised.value)
                assert "nothing is copied before it can be written" in str(raised.value)
            assert (journal.head, journal.last_change) == (2, 0)
            assert exec_ids(journal) == [(1, "E1"), (2, "E2")]
            assert journal.copies_after(0, END) == []
            assert journal.mark("tania") == UserMark(2, 2, 0)
    with closing(Journal(path)) as journal:
        assert exec_ids(journal) == [(1, "E1"), (2, "E2")]
        assert [one.seq for one in journal.append(many[:2], 2)] == [3, 4]


def test_when_space_is_there_again_it_goes_on_without_a_gap(journal: Journal) -> None:
    journal.append([fill(1)], 1)
    with full_by_the_kernel(journal), pytest.raises(JournalFault):
        journal.append([fill(n) for n in range(2, 3_000)], 1)
    assert [one.seq for one in journal.append([fill(2), fill(3)], 1)] == [2, 3]


def test_an_error_amid_a_batch_leaves_nothing_of_it(journal: Journal) -> None:
    def breaks() -> Iterator[pb.Fill]:
        yield fill(1)
        raise RuntimeError("the stream broke")

    with pytest.raises(RuntimeError, match="the stream broke"):
        journal.append(breaks(), 1)
    assert (journal.head, exec_ids(journal)) == (0, [])


def test_a_journal_on_which_another_process_writes_is_a_fault(journal: Journal) -> None:
    journal._db.execute("PRAGMA busy_timeout=0")
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalFault, match="locked"):
            journal.append([fill(1)], 1)
    assert [one.seq for one in journal.append([fill(1)], 1)] == [1]
