"""Users that leave are kept across restarts, as the last write says."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from krakencopy.supervisor.journal.journal import Journal


def test_the_last_that_was_written_is_what_holds(path: Path) -> None:
    with closing(Journal(path)) as journal:
        journal.put_leavers({"anna": "a", "ben": "b"})
        journal.put_leavers({"anna": "a", "ben": "b"})
        journal.put_leavers({"ben": "c"})
        with suppress(ZeroDivisionError), journal.wish():
            journal.put_leavers({})
            _ = 1 / 0
        assert journal.leavers == {"ben": "c"}
    with closing(Journal(path)) as journal:
        assert journal.leavers == {"ben": "c"}
