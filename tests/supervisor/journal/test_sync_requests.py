"""Who is to be brought to the master's positions is kept once for each request, and until it was taken."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from krakencopy.supervisor.journal.journal import Journal


def test_a_sync_is_kept_once_for_each_request_and_waits_until_it_was_taken(path: Path) -> None:
    with closing(Journal(path)) as journal:
        first = journal.add_sync("anna", "r1", "operator", 5.0, asked_by="olga", reason="why", not_worse=True)
        assert journal.add_sync("anna", "r1", "operator", 9.0) == first
        second = journal.add_sync("anna", "r2", "deposit", 6.0)
        other = journal.add_sync("ben", "r1", "join", 7.0)
        assert [first.number, second.number, other.number] == [1, 2, 3]
    with closing(Journal(path)) as journal:
        assert journal.syncs_waiting == {"anna": [first, second], "ben": [other]}
        assert journal.syncs_taken("anna", 0) == []
        assert journal.syncs_taken("anna", 1) == [first]
        assert journal.last_sync("anna", "deposit") == second
        assert journal.last_sync("anna", "join") is None
        assert journal.sync_of("anna", "r1") == first._replace(taken=True)
        assert journal.sync_of("anna", "r9") is None
    with closing(Journal(path)) as journal:
        assert journal.syncs_waiting == {"anna": [second], "ben": [other]}


def test_a_sync_that_could_not_be_kept_does_not_wait(path: Path) -> None:
    with closing(Journal(path)) as journal:
        with suppress(ZeroDivisionError), journal.wish():
            journal.add_sync("anna", "r1", "operator", 5.0)
            _ = 1 / 0
        assert journal.syncs_waiting == {}
