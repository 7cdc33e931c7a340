"""What the API has configured, beside a file: when nothing runs, and across runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from krakencopy.supervisor.accounts.kept_tables import checked_lines, left_out_events, owned_of
from krakencopy.supervisor.config.api_fields import ACCOUNT
from krakencopy.supervisor.config.reader import load
from krakencopy.supervisor.config.toml_table import ConfigFaults
from krakencopy.supervisor.journal.config_changes import CREATED, DELETED, UPDATED, ConfigRow
from tests.support.configured import Configured, user_of_file

ANNA = '{"credentials_file": "anna.key"}'


@pytest.fixture
def it(state: Path) -> Iterator[Configured]:
    state.mkdir(mode=0o700)
    made = Configured(state, user_of_file("ben"))
    yield made
    made.close()


def change(it: Configured, owner_id: str, action: str, new: str | None, kind: str = "account") -> int:
    row = ConfigRow(0, 10.0, "ida", "root", "r", kind, owner_id, action, None, new)
    return it.journal.add_config_change(row, f"{owner_id}{action}{new}")


def test_the_last_change_holds_and_each_has_an_etag_of_its_own(it: Configured) -> None:
    change(it, "anna", CREATED, ANNA)
    first = it.tables.row(ACCOUNT, "anna")
    assert first is not None
    assert it.tables.owned.accounts == {"anna": {"credentials_file": "anna.key"}}
    change(it, "anna", UPDATED, "{}")
    change(it, "anna", UPDATED, ANNA)
    again = it.tables.row(ACCOUNT, "anna")
    assert again is not None
    assert (again.body, again.created_at) == (first.body, first.created_at)
    assert it.tables.etag(again) != it.tables.etag(first), "it was another one in between"
    change(it, "anna", DELETED, None)
    assert it.tables.row(ACCOUNT, "anna") is None
    assert not it.tables.owned.ids


def test_a_check_names_what_the_api_has_and_what_would_be_left_out(it: Configured) -> None:
    file = load(it.path)
    of_file = f"{it.path}: 2 accounts, nothing wrong"
    assert checked_lines(file, it.folder / "none") == ([], [of_file])
    change(it, "anna", CREATED, ANNA)
    change(it, "vip", CREATED, "{}", "group")
    change(it, "carl", CREATED, '{"group": "nobodys"}')
    wrong, lines = checked_lines(file, it.folder)
    assert lines == [of_file, f"{it.folder}/journal.db: 1 accounts over the API: anna, group vip"]
    assert len(wrong) == 1
    assert wrong[0].startswith(
        "carl is left out at a start: the API's account carl: group: there is no group"
    )
    it.write(user_of_file("Anna".lower()))
    with pytest.raises(ConfigFaults, match="krakencopy account delete anna"):
        checked_lines(load(it.path), it.folder)
    (it.folder / "bad").mkdir()
    (it.folder / "bad" / "journal.db").write_text("no database")
    wrong, _ = checked_lines(file, it.folder / "bad")
    assert "cannot be read" in wrong[0]


def test_who_is_left_out_is_an_error_event() -> None:
    (event,) = left_out_events([("anna", "there is no group")])
    assert (event.account_id, event.code) == ("anna", "ACCOUNT_LEFT_OUT")
    assert event.message.endswith("there is no group")
    assert owned_of([]).ids == frozenset()
