"""Who leaves is read as the journal has it, and kept with each configuration."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.accounts.kept_leavers import KeptLeavers
from krakencopy.supervisor.config.leaving_accounts import Leaver
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.journal.journal import Journal
from tests.support.config_texts import MASTER, PAPER, user

TEXT = PAPER + MASTER.replace('"master"', '"boss"', 1) + user("ben", 'copy = { on_leave = "close_only" }\n')


def test_it_is_kept_with_the_configuration_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        kept = KeptLeavers(journal)
        assert kept.by_id == {}
        kept.keep_configured(parse(TEXT, "a.toml"))
        assert kept.by_id["ben"].policy is OnLeave.CLOSE_ONLY
        assert kept.leaving() == {}
        kept.put({"ben": Leaver(OnLeave.CLOSE_ALL, {"id": "ben"}, 5.0)})
    with closing(Journal(path)) as journal:
        kept = KeptLeavers(journal)
        assert kept.leaving() == kept.by_id == {"ben": Leaver(OnLeave.CLOSE_ALL, {"id": "ben"}, 5.0)}
        assert kept.by_id is kept.by_id


def test_a_start_that_comes_no_further_forgets_nobody_who_is_configured(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.db")) as journal:
        kept = KeptLeavers(journal)
        tables = {name: Leaver(OnLeave.CLOSE_ALL, {"id": name}, since) for name, since in
                  (("anna", 0.0), ("ben", 0.0), ("carl", 5.0))}  # fmt: skip
        kept.put(tables)
        # Ben is taken out, and carl is in the file again.
        leaving = {"ben": Leaver(OnLeave.CLOSE_ALL, {"id": "ben"}, 7.0)}
        kept.put_leaving(leaving)
        assert {key: one.since for key, one in kept.by_id.items()} == {"anna": 0, "ben": 7, "carl": 0}
        assert kept.leaving() == leaving
