"""A state folder is one run's: another one is refused with both names, before anything in it is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ForeignLedger
from krakencopy.account_proc.contract.folder_owner import PAPER_OF_ITS_OWN, is_foreign, owner_at
from krakencopy.account_proc.state.ledger import Ledger
from krakencopy.supervisor.config.reader import ConfigFaults
from krakencopy.supervisor.folder_owner import (
    LIVE_FOLDER,
    PAPER_FOLDER,
    StateFolder,
    default_folder,
    owner_of,
)
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import ForeignJournal
from krakencopy.supervisor.paper.demo import demo_config
from tests.support.edited_file import edited

LIVE, PAPER = owner_at("live", "https://API.kraken.com/"), owner_at("paper", "http://127.0.0.1:1")


def folder(path: Path, owner: str, *, adopt: bool = False) -> StateFolder:
    return StateFolder(
        path=path, owner=owner, adopt=adopt, command="krakencopyd --config k.toml --state-dir s"
    )


def without_owner(path: Path) -> None:
    """As an earlier version made it."""
    with edited(path) as file:
        file.execute("DELETE FROM meta WHERE key = 'owner'")


def made(path: Path, owner: str) -> None:
    """A journal and a ledger."""
    (path / "accounts").mkdir()
    folder(path, owner).open_journal().close()
    Ledger(path / "accounts" / "anna.db", "anna", owner).close()


def content(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_owners_are_told_by_mode_and_origin() -> None:
    assert LIVE == owner_at("live", "https://api.kraken.com/0") == "a live run at https://api.kraken.com"
    assert owner_at("live", "coinbase") == "a live run at coinbase"
    assert owner_of(demo_config()) == PAPER_OF_ITS_OWN
    assert (default_folder(demo_config()), LIVE_FOLDER) == (PAPER_FOLDER, Path("data"))
    assert PAPER_FOLDER != LIVE_FOLDER


@pytest.mark.parametrize(
    ("found", "owner", "adopt", "foreign"),
    [
        (LIVE, LIVE, False, False),
        (LIVE, PAPER, False, True),
        (LIVE, PAPER, True, True),
        (None, LIVE, False, True),
        ("", LIVE, False, True),
        (None, LIVE, True, False),
        (None, "", False, False),
        (LIVE, "", False, False),
    ],
)
def test_what_is_foreign(found: str | None, owner: str, adopt: bool, foreign: bool) -> None:
    assert is_foreign(found, owner, adopt=adopt) is foreign


@pytest.mark.parametrize("act", [StateFolder.open_journal, StateFolder.begin_anew])
@pytest.mark.parametrize("owner", [PAPER, PAPER_OF_ITS_OWN])
def test_a_folder_of_another_run_is_refused_with_both_names_and_left_as_it_is(
    tmp_path: Path, act: Callable[[StateFolder], object], owner: str
) -> None:
    made(tmp_path, LIVE)
    before = content(tmp_path)
    with pytest.raises(ConfigFaults) as raised:
        act(folder(tmp_path, owner, adopt=True))
    words = str(raised.value.faults[0])
    assert f"belongs to {LIVE}, and this is {owner}; nothing was changed" in words
    assert "--adopt-state" not in words
    assert content(tmp_path) == before


@pytest.mark.parametrize("act", [StateFolder.open_journal, StateFolder.begin_anew])
def test_what_an_earlier_version_made_is_taken_over_when_that_is_said_and_else_told_how(
    tmp_path: Path, act: Callable[[StateFolder], object]
) -> None:
    made(tmp_path, PAPER_OF_ITS_OWN)
    for name in ("journal.db", "accounts/anna.db"):
        without_owner(tmp_path / name)
    before = content(tmp_path)
    with pytest.raises(ConfigFaults) as raised:
        act(folder(tmp_path, PAPER_OF_ITS_OWN))
    assert "take it over once with: krakencopyd --config k.toml --state-dir s --adopt-state" in str(
        raised.value.faults[0]
    )
    assert content(tmp_path) == before
    act(folder(tmp_path, PAPER_OF_ITS_OWN, adopt=True))


def test_a_journal_that_was_taken_over_is_nobody_elses_even_if_its_log_is_lost(tmp_path: Path) -> None:
    made(tmp_path, LIVE)
    without_owner(tmp_path / "journal.db")
    journal = folder(tmp_path, LIVE, adopt=True).open_journal()
    # Killed here: the folder is looked at without the journal's log.
    with pytest.raises(ConfigFaults, match=LIVE):
        folder(tmp_path, PAPER).open_journal()
    journal.close()
    folder(tmp_path, LIVE).open_journal().close()


def test_an_earlier_paper_run_is_put_aside_and_nothing_where_there_is_none(tmp_path: Path) -> None:
    folder(tmp_path, PAPER_OF_ITS_OWN).begin_anew()
    assert list(tmp_path.iterdir()) == []
    made(tmp_path, PAPER_OF_ITS_OWN)
    before = content(tmp_path)
    folder(tmp_path, PAPER_OF_ITS_OWN).begin_anew()
    (aside,) = (tmp_path / "earlier").iterdir()
    assert content(aside).keys() >= before.keys()
    assert list((tmp_path / "accounts").iterdir()) == []


def test_a_ledger_that_cannot_be_read_is_not_put_aside(tmp_path: Path) -> None:
    made(tmp_path, PAPER_OF_ITS_OWN)
    (tmp_path / "accounts" / "ben.db").write_text("dear diary")
    with pytest.raises(ConfigFaults, match=r"ben.db: cannot be read .* it may be anybody's"):
        folder(tmp_path, PAPER_OF_ITS_OWN).begin_anew()
    assert not (tmp_path / "earlier").exists()


def test_journal_and_ledger_refuse_another_owner_by_themselves(tmp_path: Path) -> None:
    made(tmp_path, LIVE)
    ledger = tmp_path / "accounts" / "anna.db"
    with pytest.raises(ForeignJournal, match="belongs to a live run"):
        Journal(tmp_path / "journal.db", PAPER)
    with pytest.raises(
        ForeignLedger, match=r"belongs to a live run .* give this run a --state-dir of its own"
    ):
        Ledger(ledger, "anna", PAPER)
    without_owner(ledger)
    with pytest.raises(ForeignLedger, match="start krakencopyd once with --adopt-state"):
        Ledger(ledger, "anna", LIVE)
    Ledger(ledger, "anna", LIVE, adopt=True).close()
    Ledger(ledger, "anna", LIVE).close()
    assert replace(folder(tmp_path, LIVE), adopt=True).open_journal().journal_id
