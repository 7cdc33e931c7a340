"""The file holds all of a step or nothing of it, and is never taken for another one or begun anew."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.copy_state import CopyState
from krakencopy.account_proc.contract.errors import LedgerFault
from krakencopy.account_proc.domain.copy_book import CopyBook
from krakencopy.account_proc.domain.quantities import BaseVolume
from krakencopy.account_proc.runtime import sqlite_file as database
from krakencopy.account_proc.state.ledger import Ledger
from tests.support.edited_file import everything, fill_all_tables, flipped
from tests.support.ledger_samples import copy, opened, plan
from tests.support.torn import KilledFile

# -- all or nothing ----------------------------------------------------------------------------------------


def test_a_step_that_cannot_be_written_whole_is_not_written_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.join("journal", 0)
        ledger.commit(cursor=(1, "T1"), add_pending=[(1, b"one")])
        book = CopyBook(ledger)
        book.coins.change("BTC").volume = Decimal(1)
        ledger.put_plan(plan("O1"))
        with pytest.raises(LedgerFault, match="nothing more is traded"):
            ledger.commit(
                copies=[copy("c1")],
                book=book,
                cursor=(2, "T2"),
                add_pending=[(1, b"again")],
            )
    with opened(path) as ledger:
        assert (ledger.cursor, ledger.revision, ledger.pending_fills()) == (1, 0, [(1, b"one")])
        assert [ledger.copy("c1"), ledger.get_plan("O1")] == [None, None]
        assert list(ledger.load_book().coins) == []


def test_a_full_disk_is_a_fault_and_the_file_still_opens_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.commit(copies=[copy("c1")])
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(LedgerFault, match="full"):
            ledger.commit(
                copies=[copy("c1", CopyState.FILLED), *(copy(f"c{number}") for number in range(2, 500))]
            )
    with opened(path) as ledger:
        assert [(found.copy_id, found.state) for found in ledger.copies_after(0, 10)] == [
            ("c1", CopyState.SKIPPED)
        ]
        ledger.commit(copies=[copy("c2")])


def step_of(ledger: Ledger) -> int:
    """How many steps are in it, each of them whole."""
    step = ledger.cursor or 0
    found = ledger.get_plan("O1")
    assert (0 if found is None else found.master_volume.amount) == step
    assert ledger.load_book().coins.volume("BTC") == step
    assert ledger.revision == step
    return step


def test_cut_off_at_any_byte_it_is_one_whole_step_or_the_one_before_or_says_that_it_is_damaged(
    tmp_path: Path,
) -> None:
    path, steps = tmp_path / "tania.db", 3
    with opened(path) as ledger:
        ledger.join("journal", 0)
        for step in range(1, steps + 1):
            book = CopyBook(ledger)
            book.coins.change("BTC").volume = Decimal(step)
            ledger.put_plan(replace(plan("O1"), master_volume=BaseVolume(Decimal(step))))
            ledger.commit(copies=[copy("c1")], book=book, cursor=(step, f"T{step}"))
        killed = KilledFile(path, tmp_path / "killed.db")
    found = []
    for _ in killed.cut_at_every_byte():
        try:
            with opened(killed.path) as ledger:
                found.append(step_of(ledger))
        except LedgerFault as fault:
            found.append(-1 if "killed.db-wal belongs beside it" in str(fault) else -99)
    assert found == sorted(found, reverse=True)
    assert set(found) == {-1, *range(steps + 1)}


def test_a_ledger_without_its_log_is_refused_and_with_it_again_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        ledger.commit(copies=[copy("c1")])
        killed = KilledFile(path, tmp_path / "killed.db")
    killed.without_log()
    with pytest.raises(LedgerFault, match=r"killed\.db-wal belongs beside it"), opened(killed.path):
        pass
    with opened(path) as ledger:
        assert ledger.revision == 1
    # Closed in order, the file is whole by itself.
    assert not Path(f"{path}-wal").exists()


def test_a_checkpoint_is_made_when_there_is_time_for_it_or_when_it_is_overdue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_EVERY", 5)
    monkeypatch.setattr(database, "CHECKPOINT_SPREAD", 1.0)
    monkeypatch.setattr(database, "CHECKPOINT_OVERDUE", 20)
    with opened(tmp_path / "tania.db") as ledger:
        checkpoints: list[str] = []

        def note(statement: str) -> None:
            checkpoints.extend(["made"] if "wal_checkpoint" in statement else [])

        ledger._db.set_trace_callback(note)
        made = []
        for number in range(30):
            ledger.commit(copies=[copy(f"c{number}")])
            if number in {3, 6, 8}:
                ledger.tidy()
            made.append(len(checkpoints))
        # After 4 writes there is nothing to do yet; after 7 there is; then not again until it is overdue.
        assert [made.index(count) for count in (1, 2)] == [6, 26]


def test_what_was_checkpointed_long_ago_still_needs_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_OVERDUE", 10)
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        for number in range(25):
            ledger.commit(copies=[copy(f"c{number}")])
        killed = KilledFile(path, tmp_path / "killed.db")
    with opened(killed.path) as ledger:
        assert ledger.revision == 25
        again = KilledFile(killed.path, tmp_path / "again.db")
    again.without_log()
    with pytest.raises(LedgerFault, match=r"again\.db-wal belongs beside it"), opened(again.path):
        pass


# -- whose it is, and what it is ---------------------------------------------------------------------------


def test_another_accounts_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "tania.db") as ledger:
        ledger.commit(copies=[copy("c1")])
    with pytest.raises(LedgerFault, match="belongs to account 'tania', not 'jim'"):
        Ledger(tmp_path / "tania.db", "jim")
    with opened(tmp_path / "tania.db") as ledger:
        assert ledger.copy("c1") is not None


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused_and_keeps_its_tables(tmp_path: Path, version: int) -> None:
    path = tmp_path / "tania.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute(f"PRAGMA user_version={version}")
        other.commit()
    with pytest.raises(LedgerFault, match=r"another program's database|no such table: meta"):
        Ledger(path, "tania")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    path.write_text("dear diary " * 1_000)
    with pytest.raises(LedgerFault, match="not a database"):
        Ledger(path, "tania")
    assert path.read_text() == "dear diary " * 1_000


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerFault, match="Is a directory"):
        Ledger(tmp_path, "tania")


def filled(path: Path) -> bytes:
    with opened(path) as ledger:
        ledger.join("journal", 0)
        for number in range(300):
            ledger.commit(copies=[copy(f"c{number}")])
    return path.read_bytes()


PAGE = 4_096


def test_a_ledger_that_was_cut_short_is_refused_and_never_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    whole = filled(path)
    for length in [2, 16, 99, 512, PAGE - 1, PAGE, PAGE + 1, *range(2 * PAGE, len(whole), 3 * PAGE)]:
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerFault, match=str(path)):
            Ledger(path, "tania")
        assert path.read_bytes()[:16] == whole[: min(16, length)]
        for leftover in tmp_path.glob("tania.db-*"):
            leftover.unlink()
    path.write_bytes(whole)
    with opened(path) as ledger:
        assert ledger.revision == 300


@pytest.mark.parametrize("cut_to", [0, 1, -1])
def test_a_ledger_of_which_nearly_all_or_nearly_nothing_is_gone_is_refused(
    tmp_path: Path, cut_to: int
) -> None:
    path = tmp_path / "tania.db"
    path.write_bytes(filled(path)[:cut_to])
    with pytest.raises(LedgerFault):
        Ledger(path, "tania").close()


@pytest.mark.parametrize("page", [0, 1, 2, 10, -1])
def test_a_damaged_page_is_refused(tmp_path: Path, page: int) -> None:
    path = tmp_path / "tania.db"
    whole = filled(path)
    pages = [whole[at : at + PAGE] for at in range(0, len(whole), PAGE)]
    pages[page] = b"\xff" * PAGE
    path.write_bytes(b"".join(pages))
    with pytest.raises(LedgerFault, match=str(path)):
        Ledger(path, "tania")


def test_a_flipped_bit_in_any_table_is_refused_with_what_to_do_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tania.db"
    with opened(path) as ledger:
        fill_all_tables(ledger._db, 40)
        expected = everything(ledger._db)
    assert len(expected) == 10
    assert all(expected.values())
    for place, content in flipped(path.read_bytes(), 257):
        path.write_bytes(content)
        try:
            ledger = Ledger(path, "tania")
        except LedgerFault:
            continue
        with closing(ledger):
            assert everything(ledger._db) == expected, f"byte {place}"


def test_a_ledger_that_is_closed_says_so(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "tania.db", "tania")
    ledger.close()
    with pytest.raises(LedgerFault, match="closed"):
        ledger.commit(cursor=(1, "T1"))


def test_a_new_file_is_on_the_disk_as_a_whole_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "anna.db"
    synced: list[tuple[str, bool]] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    Ledger(path, "anna").close()
    assert synced == [("anna.db.new", False), (tmp_path.name, True)]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [leftover.name for leftover in tmp_path.glob("*.new*")] == []
