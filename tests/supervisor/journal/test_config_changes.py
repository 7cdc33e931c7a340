"""Every change of what the API has is kept with its answer."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import pytest

from krakencopy.supervisor.journal.config_changes import (
    CREATED,
    DELETED,
    ROTATED,
    UPDATED,
    ConfigRow,
    configured_in,
)
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from tests.support.journal_samples import run_sql


def row(owner_id: str, action: str, old: str | None, new: str | None, at: float = 1.0) -> ConfigRow:
    return ConfigRow(0, at, "ida", "root", f"r{at}", "account", owner_id, action, old, new)


def test_what_holds_and_what_was_is_there_in_the_next_run(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert journal.add_config_change(row("anna", CREATED, None, "a", 1.0), "d1", b"one") == 1
        journal.add_config_change(row("ben", CREATED, None, "b", 2.0), "d2")
        journal.put_config_answer(2, b"two")
        journal.add_config_change(row("anna", UPDATED, "a", "aa", 3.0), "d3")
        journal.add_config_change(row("anna", ROTATED, "k1", "k2", 4.0), "d4")
        journal.add_config_change(row("ben", DELETED, "b", None, 5.0), "d5")
    with closing(Journal(path)) as journal:
        (anna,) = journal.configured.values()
        assert (anna.id, anna.number, anna.created_at, anna.changed_at, anna.body) == (
            "anna",
            3,
            1.0,
            3.0,
            "aa",
        )
        assert [journal.config_answer(digest) for digest in ("d1", "d2", "d9")] == [b"one", b"two", None]
        assert [one.number for one in journal.config_changes_before(9, 3)] == [5, 4, 3]
        assert [one.action for one in journal.config_changes_before(5, 9, "anna")] == [
            ROTATED,
            UPDATED,
            CREATED,
        ]
        rotated = journal.last_rotation("anna")
        assert rotated is not None
        assert (rotated.number, rotated.new) == (4, "k2")
        assert journal.last_rotation("ben") is None
        assert configured_in(path) == [anna]


def test_a_wish_that_fails_leaves_what_was(path: Path) -> None:
    with closing(Journal(path)) as journal:
        with suppress(ZeroDivisionError), journal.wish():
            journal.add_config_change(row("anna", CREATED, None, "a"), "d1")
            raise ZeroDivisionError
        assert journal.configured == {}
        assert journal.config_answer("d1") is None
        journal.add_config_change(row("anna", CREATED, None, "a"), "d1")
        with pytest.raises(JournalFault):
            journal.add_config_change(row("ben", CREATED, None, "b"), "d1")


def test_a_journal_of_before_has_none_and_can_have_some(path: Path) -> None:
    assert configured_in(path) == []
    with closing(Journal(path)):
        pass
    run_sql(path, "DROP TABLE config_changes", "DROP TABLE credentials", "PRAGMA user_version=6")
    assert configured_in(path) == []
    with closing(Journal(path)) as journal:
        journal.add_config_change(row("anna", CREATED, None, "a"), "d1")
        assert len(configured_in(path)) == 1
