"""Where the audit log ends, in the journal: kept when it changes, and where it cannot be, later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.audit.chain import Head
from krakencopy.supervisor.audit.kept_head import KeptHead
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault, JournalNoRoom

FIRST, SECOND = Head(3, "a" * 64), Head(4, "b" * 64, closed=True)


def test_it_is_kept_across_starts(tmp_path: Path) -> None:
    faults: list[JournalFault] = []
    journal = Journal(tmp_path / "journal.db")
    kept = KeptHead(journal, faults.append)
    assert kept.read() is None
    kept.put(FIRST)
    kept.put(SECOND)
    journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert KeptHead(journal, faults.append).read() == SECOND
    journal.close()
    assert faults == []


def test_a_text_that_is_none_is_as_good_as_nothing(journal: Journal) -> None:
    journal.put_audit_head("[]")
    assert KeptHead(journal, print).read() is None


@pytest.mark.parametrize("error", [JournalNoRoom("full", "no room"), JournalFault("damaged")])
def test_where_it_cannot_be_kept_the_one_before_holds(journal: Journal, error: JournalFault) -> None:
    faults: list[JournalFault] = []
    kept = KeptHead(journal, faults.append)
    kept.put(FIRST)

    def fails() -> Any:
        raise error

    changed: Any = journal
    changed.wish, wish = fails, journal.wish
    kept.put(SECOND)
    assert kept.head == FIRST
    assert faults == ([] if isinstance(error, JournalNoRoom) else [error])
    changed.wish = wish
    kept.put(SECOND)
    assert kept.head == SECOND


def test_nothing_is_written_where_nothing_has_changed(journal: Journal) -> None:
    kept = KeptHead(journal, print)
    kept.put(FIRST)
    changed: Any = journal
    changed.wish = None
    kept.put(FIRST)
