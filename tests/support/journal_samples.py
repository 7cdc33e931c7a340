"""Journals as tests of the journal's file and of its schema need them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from krakencopy.supervisor.journal.journal import Journal
from tests.support.edited_file import edited
from tests.support.supervisor_samples import copy, fill

USERS = ("daivon", "tania")
#: Larger than any number that is given out.
END = 2**62


def exec_ids(journal: Journal) -> list[tuple[int, str]]:
    return [(fill.seq, fill.exec_id) for fill in journal.fills_after(0, END)]


def filled(path: Path, fills: int = 40) -> None:
    with closing(Journal(path)) as journal:
        journal.append([fill(n) for n in range(1, fills + 1)], 1)
        journal.put_reports([(user, [copy(user, [n]) for n in range(1, fills + 1)], fills) for user in USERS])
    assert not path.with_name("journal.db-wal").exists()


def run_sql(path: Path, *statements: str) -> None:
    with edited(path) as db:
        for statement in statements:
            db.execute(statement)
