"""A journal of an earlier schema is brought up to date and keeps everything; one of an unknown schema is
refused and left alone.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.schema import SCHEMA_VERSION
from krakencopy.v1 import types_pb2 as pb
from tests.supervisor.journal.test_journal_file import refused
from tests.support.journal_samples import filled, run_sql


def test_a_journal_of_a_newer_program_keeps_its_fills(path: Path) -> None:
    filled(path)
    run_sql(path, f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    assert f"schema {SCHEMA_VERSION + 1}" in refused(path)
    run_sql(path, f"PRAGMA user_version={SCHEMA_VERSION}")
    with closing(Journal(path)) as journal:
        assert journal.head == 40


def test_a_journal_of_the_first_version_keeps_its_fills_and_learns_of_ends(path: Path) -> None:
    filled(path)
    run_sql(
        path,
        "DROP TABLE process_ends",
        "DROP TABLE positions",
        "DROP TABLE renames",
        "DROP TABLE setting_changes",
        "DROP TABLE syncs",
        "DROP TABLE leaving",
        "DROP TABLE credentials",
        "DROP TABLE config_changes",
        "PRAGMA user_version=1",
    )
    for _ in range(2):
        with closing(Journal(path)) as journal:
            assert journal.head == 40
            assert journal.process_ends() == {}
    with closing(Journal(path)) as journal:
        journal.put_process_end("tania", pb.ProcessEnd(pid=1))
        journal.put_process_end("tania", pb.ProcessEnd(pid=2))
    with closing(Journal(path)) as journal:
        assert journal.process_ends() == {"tania": pb.ProcessEnd(pid=2)}


def test_a_journal_of_before_knows_its_renames_and_lets_a_name_be_given_again(path: Path) -> None:
    filled(path)
    run_sql(
        path,
        "DROP TABLE setting_changes",
        "DROP TABLE syncs",
        "DROP TABLE leaving",
        "DROP TABLE credentials",
        "DROP TABLE config_changes",
        "DROP TABLE renames",
        "CREATE TABLE renames (number INTEGER PRIMARY KEY, old_name TEXT NOT NULL UNIQUE, new_name TEXT NOT "
        "NULL)",
        "INSERT INTO renames VALUES (1, 'ETH', 'NEW')",
        "PRAGMA user_version=3",
    )
    with closing(Journal(path)) as journal:
        assert journal.coins.current_name("ETH") == "NEW"
        assert not journal.rename("ETH", "NEW")
        with pytest.raises(ValueError, match="ETH was renamed to NEW already"):
            journal.rename("ETH", "OTHER")
        assert journal.rename("NEW", "ETH")
        assert journal.rename("ETH", "NEW")
        assert journal.rename("NEW", "ETH")
    with closing(Journal(path)) as journal:
        assert [rename.number for rename in journal.coins.renames] == [1, 2, 3, 4]
        assert (journal.coins.current_name("ETH"), journal.coins.current_name("NEW")) == ("ETH", "ETH")
