"""Words and texts that the supervisor keeps in its journal are there at the next start, as written last."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from krakencopy.supervisor.journal.journal import Journal


def test_what_was_said_of_trading_and_where_limits_stand_is_there_after_a_restart(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert (journal.trading_states(), journal.total_limits()) == (None, None)
        journal.put_trading_states("first")
        journal.put_trading_states("last")
        journal.put_total_limits("levels")
    with closing(Journal(path)) as journal:
        assert (journal.trading_states(), journal.total_limits()) == ("last", "levels")


def test_a_run_that_did_not_come_to_its_own_end_is_known_at_the_next(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert not journal.begin_run()
    with closing(Journal(path)) as journal:
        assert journal.begin_run()
        journal.end_run()
        assert not journal.begin_run()
