"""``krakencopyd`` and files that it must not take as they are: a state folder or a configuration that others
may have changed, a damaged journal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.errors import ExitCode
from krakencopy.supervisor.config.reader import load
from krakencopy.supervisor.folder_owner import owner_of
from krakencopy.supervisor.journal.journal import Journal
from tests.support.daemon_command import (
    ELSEWHERE,
    GOOD,
    KEYS,
    MASTER,
    TANIA,
    assert_told,
    krakencopyd,
)
from tests.support.edited_file import edited
from tests.support.supervisor_samples import fill


@pytest.mark.parametrize("where", ["/proc/krakencopy", "/dev/null", "/dev/null/state"])
def test_a_state_folder_that_cannot_be(where: str) -> None:
    assert_told(krakencopyd(Path(where), "--paper"), "cannot be used")


def test_a_state_folder_whose_sockets_would_have_too_long_a_name(state: Path) -> None:
    assert_told(krakencopyd(state / ("x" * 100), "--paper"), "bytes too long for the socket")
    assert not state.exists()


def world_writable(state: Path) -> str:
    state.chmod(0o777)
    return f"{state}: group or others can write it (mode 0777); make sure that nobody has changed it"


def linked(state: Path) -> str:
    ledger = state / "accounts" / "tania.db"
    elsewhere = state.with_name("elsewhere.db")
    elsewhere.write_bytes(b"another user's file")
    ledger.symlink_to(elsewhere)
    return f"{ledger}: is a symbolic link to {elsewhere}; put the file or folder itself there"


def anothers(state: Path) -> str:
    journal = state / "journal.db"
    os.chown(journal, 12_345, -1)
    return f"{journal}: is owned by user 12345, and krakencopyd runs as user {os.geteuid()}"


@pytest.mark.parametrize(
    "spoil",
    [
        world_writable,
        linked,
        pytest.param(anothers, marks=pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")),
    ],
)
def test_a_state_folder_that_others_may_have_changed_is_refused_and_left_as_it_is(
    state: Path, config: Path, spoil: Callable[[Path], str]
) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    (state / "accounts").mkdir(parents=True)
    with closing(Journal(state / "journal.db", owner_of(load(config)))) as journal:
        journal.append([fill(1)], 1)
    told = spoil(state)
    before = content_of(state.parent)
    for command in ("run", "check"):
        assert_told(krakencopyd(state, command, "--config", config, **KEYS), told)
    assert content_of(state.parent) == before


def content_of(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Owner, mode and content of all that is in it."""
    found = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path] = (status.st_uid, status.st_mode, content)
    return found


def test_a_configuration_that_others_can_write_is_refused(state: Path, config: Path) -> None:
    config.write_text(GOOD)
    config.chmod(0o666)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, f"{config}: group or others can write it (mode 0666); make sure that nobody")
    assert not state.exists()


def test_a_damaged_journal_is_told_and_left_as_it_is(state: Path, config: Path) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    state.mkdir()
    journal = state / "journal.db"
    journal.write_bytes(b"not a database " * 500)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, f"krakencopyd: {journal} is not a database", code=ExitCode.LEDGER)
    assert journal.read_bytes() == b"not a database " * 500


def test_a_journal_that_cannot_be_written_at_the_start_is_told_in_a_line(state: Path, config: Path) -> None:
    config.write_text(ELSEWHERE + MASTER + TANIA)
    state.mkdir()
    with closing(Journal(state / "journal.db", owner_of(load(config)))) as journal:
        journal.append([fill(1)], 1)
    with edited(state / "journal.db"):
        pass  # as one that has no checksums
    content = bytearray((state / "journal.db").read_bytes())
    content[18] = 3  # SQLite: a write format that it does not know makes a file read-only
    (state / "journal.db").write_bytes(content)
    ended = krakencopyd(state, "--config", config, **KEYS)
    assert_told(ended, "attempt to write a readonly database", code=ExitCode.LEDGER)
