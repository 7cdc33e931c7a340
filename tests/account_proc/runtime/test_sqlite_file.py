"""A database file is made whole or not at all, and one that lost something is not taken for a whole one.

What a crash leaves of it is proven with the ledger and the journal: tests/account_proc/state/test_ledger.py
and tests/supervisor/journal/test_journal.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.runtime import sqlite_file
from krakencopy.account_proc.runtime.sqlite_file import (
    APPLICATION_ID,
    CHECKPOINT_EVERY,
    CLOSED,
    IN_MEMORY,
    IN_USE,
    SEALED,
    Database,
)
from tests.support.torn import KilledFile

SCHEMA = "CREATE TABLE songs (name TEXT NOT NULL UNIQUE); CREATE TABLE owner (name TEXT)"


class Fault(Exception):
    """What goes wrong with a file of songs."""


def fill(database: Database) -> None:
    database.execute("INSERT INTO owner VALUES ('anna')")


def nobodys(_: Database) -> None:
    """Any file is recognised."""


def opened(path: Path, **more: Any) -> Database:
    usual: dict[str, Any] = {"schema": SCHEMA, "version": 1, "fill": fill, "recognise": nobodys}
    return Database(path, fault=Fault, remedy="restore a backup", **usual | more)


def add(database: Database, name: str) -> None:
    with database.transaction("the song is lost"):
        database.execute("INSERT INTO songs VALUES (?)", (name,))


def add_and_fail(database: Database) -> None:
    database.execute("INSERT INTO songs VALUES ('one')")
    raise ValueError("ours")


def songs(database: Database) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM songs ORDER BY name")]


@pytest.mark.parametrize("where", ["memory", "file"])
def test_a_new_file_has_its_tables_and_what_it_is_filled_with(where: str, tmp_path: Path) -> None:
    path = IN_MEMORY if where == "memory" else tmp_path / "songs.db"
    with closing(opened(path)) as database:
        assert database.number("SELECT count(*) FROM owner") == 1
        assert database.number("PRAGMA user_version") == 1
        assert database.number("SELECT max(name) FROM songs") == 0, "none is 0"


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        add(database, "one")
    with closing(opened(tmp_path / "songs.db")) as database:
        assert songs(database) == ["one"]


def test_a_file_that_could_not_be_filled_has_no_name(tmp_path: Path) -> None:
    def refuse(_: Database) -> None:
        raise sqlite3.OperationalError("disk full")

    for _ in range(2):
        with pytest.raises(Fault, match="disk full; nothing was made"):
            opened(tmp_path / "songs.db", fill=refuse)
        assert not (tmp_path / "songs.db").exists()
    with closing(opened(tmp_path / "songs.db")) as database:
        assert songs(database) == []
    assert not list(tmp_path.glob("*.new*")), "what a crash left is gone"


def test_a_transaction_is_whole_or_not_there(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        with pytest.raises(ValueError, match="ours"), database.transaction("nothing"):
            add_and_fail(database)
        assert songs(database) == []
        add(database, "one")
        with pytest.raises(Fault, match=r"UNIQUE constraint failed: songs\.name; the song is lost"):
            add(database, "one")
        assert songs(database) == ["one"]


def test_a_transaction_in_a_transaction_is_a_fault(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        with (
            pytest.raises(Fault, match="cannot start a transaction within a transaction; inner"),
            database.transaction("outer"),
            database.transaction("inner"),
        ):
            pytest.fail("it began")
        add(database, "the file goes on")


def test_a_commit_that_fails_is_a_fault(tmp_path: Path) -> None:
    schema = (
        "CREATE TABLE a (x INTEGER PRIMARY KEY); "
        "CREATE TABLE b (x REFERENCES a DEFERRABLE INITIALLY DEFERRED)"
    )
    with closing(opened(tmp_path / "songs.db", schema=schema, fill=lambda _: None)) as database:
        database.execute("PRAGMA foreign_keys=ON")
        with (
            pytest.raises(Fault, match="FOREIGN KEY constraint failed; b is lost"),
            database.transaction("b is lost"),
        ):
            database.execute("INSERT INTO b VALUES (7)")


def test_a_closed_file_refuses_everything_as_a_fault(tmp_path: Path) -> None:
    database = opened(tmp_path / "songs.db")
    database.close()
    with pytest.raises(Fault, match="Cannot operate on a closed database"):
        add(database, "one")
    with pytest.raises(Fault, match="Cannot operate on a closed database"):
        database.checkpoint()


# -- versions ----------------------------------------------------------------------------------------------


def test_an_older_file_goes_through_every_upgrade(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        add(database, "one")

    def shout(database: Database) -> None:
        database.execute("UPDATE songs SET name = upper(name)")

    upgrades = {1: "ALTER TABLE songs ADD COLUMN plays INTEGER DEFAULT 5", 2: shout}
    with closing(opened(tmp_path / "songs.db", version=3, upgrades=upgrades)) as database:
        assert database.number("SELECT plays FROM songs WHERE name = 'ONE'") == 5
        assert database.number("PRAGMA user_version") == 3


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    opened(tmp_path / "songs.db").close()
    with pytest.raises(Fault, match="no such table: missing; it stays as it was"):
        opened(tmp_path / "songs.db", version=2, upgrades={1: "DROP TABLE songs; DROP TABLE missing"})
    with closing(opened(tmp_path / "songs.db")) as database:
        assert songs(database) == []


def test_a_newer_file_and_another_programs_are_refused(tmp_path: Path) -> None:
    opened(tmp_path / "songs.db", version=2).close()
    with pytest.raises(Fault, match=r"by a newer version of krakencopy \(schema 2; this one knows 1\); in"):
        opened(tmp_path / "songs.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE x (y)")
    with pytest.raises(Fault, match="is another program's database; restore a backup"):
        opened(tmp_path / "other.db")


def test_a_file_that_is_not_recognised_is_not_written_to(tmp_path: Path) -> None:
    opened(tmp_path / "songs.db").close()
    before = (tmp_path / "songs.db").read_bytes()

    def stranger(database: Database) -> None:
        raise Fault(f"{database.path} is ben's")

    with pytest.raises(Fault, match="is ben's"):
        opened(tmp_path / "songs.db", recognise=stranger, version=2, upgrades={1: "DROP TABLE songs"})
    assert (tmp_path / "songs.db").read_bytes() == before


# -- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda _: b"", "it is empty"),
        (lambda content: b"what is this?" + content, "is not a database"),
        (lambda content: content[:50], "is not a database"),
        (lambda content: content[:-100], "its last page is cut off"),
        (
            lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
            "damaged|malformed|not a database",
        ),
    ],
    ids=["empty", "something else", "a part of its head", "cut", "zeros"],
)
def test_a_damaged_file_is_named_with_what_to_do(
    spoil: Callable[[bytes], bytes], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        for number in range(200):
            add(database, f"a song with a long name, {number}")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(Fault, match=says) as fault:
        opened(path)
    assert str(path) in str(fault.value)
    assert "restore a backup" in str(fault.value)


def test_a_file_whose_newest_part_was_left_behind_is_not_opened(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        add(database, "one")
        killed = KilledFile(tmp_path / "songs.db", tmp_path / "copy.db")
    with closing(opened(killed.path)) as database:
        assert songs(database) == ["one"]
    killed.without_log()
    with pytest.raises(Fault, match=r"its newest part is missing: copy\.db-wal belongs beside it"):
        opened(killed.path)


# -- checkpoints -------------------------------------------------------------------------------------------


def needs_log(path: Path) -> bool:
    mark = int.from_bytes(path.read_bytes()[APPLICATION_ID], "big")
    assert mark in {IN_USE, CLOSED, SEALED}
    return mark == IN_USE


def test_the_file_needs_its_log_while_it_is_open_and_is_whole_after_a_close(tmp_path: Path) -> None:
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, "one")
        assert needs_log(path)
    assert not needs_log(path)
    assert not path.with_name("songs.db-wal").exists()


def test_a_checkpoint_is_made_when_it_is_due_and_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(tmp_path / "songs.db")) as database:
        made: list[int] = []
        monkeypatch.setattr(
            database, "checkpoint", lambda: made.append(database.number("SELECT count(*) FROM songs"))
        )
        monkeypatch.setattr(database, "_patience", 1.0)
        for number in range(CHECKPOINT_EVERY):
            database.tidy()
            add(database, str(number))
        assert made == []
        database.tidy()
        assert made == [CHECKPOINT_EVERY]


def test_a_checkpoint_that_is_overdue_is_made_in_the_middle_of_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "CHECKPOINT_OVERDUE", 3)
    path = tmp_path / "songs.db"
    with closing(opened(path)) as database:
        add(database, "one")
        add(database, "two")
        assert b"two" not in path.read_bytes()
        add(database, "three")
        assert b"three" in path.read_bytes()
