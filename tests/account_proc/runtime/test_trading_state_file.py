"""The file of trading states: a change is seen at the next look, is never lost beside another one, and what
cannot be read halts all.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.trading_states import (
    ALL,
    StateSetting,
    StatesUnreadable,
    TradingState,
    TradingStates,
    account_scope,
)
from krakencopy.account_proc.runtime import trading_state_file
from krakencopy.account_proc.runtime.file_lock import LockedFile
from krakencopy.account_proc.runtime.trading_state_file import (
    LOCK_NAME,
    StatesBusy,
    TradingStateFile,
    change_states,
    going_on,
    make_states_file,
    next_life,
    renew_states,
    states_path,
)
from tests.support.trading_states import say_state

HALT = StateSetting(state=TradingState.HALTED, by="operator root", reason="a test", at=1.0)


def halted(states: TradingStates) -> TradingStates:
    return states.with_state([ALL], HALT)


def next_version(states: TradingStates) -> TradingStates:
    return replace(states, version=states.version + 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = states_path(tmp_path)
    assert make_states_file(made)
    return made


def test_a_new_folders_file_says_that_all_are_active_and_is_made_once(path: Path) -> None:
    assert TradingStateFile(path).read().state_of("anna") is TradingState.ACTIVE
    change_states(path, halted)
    assert not make_states_file(path)
    assert TradingStateFile(path).read().state_of("anna") is TradingState.HALTED
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_is_seen_at_the_next_look_and_nothing_is_read_without_one(path: Path) -> None:
    file = TradingStateFile(path)
    first = file.read()
    assert file.read() is first
    changed = change_states(path, halted)
    assert file.read() == changed
    assert changed.version == 1


def test_changes_within_one_step_of_the_kernels_clock_are_seen(path: Path) -> None:
    """Also where the third file has the inode of the first: what is looked at must differ."""
    stamps = set()
    for _ in range(20):
        change_states(path, next_version)
        stamps.add(path.stat().st_mtime_ns)
    assert len(stamps) == 20
    # A clock that was set back.
    os.utime(path, ns=(2**62, 2**62))
    change_states(path, next_version)
    assert path.stat().st_mtime_ns == 2**62 + 1


@pytest.mark.parametrize("how", ["gone", "damaged", "a link", "a folder", "no text", "too long"])
def test_what_cannot_be_read_halts_all_and_says_why(
    path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = TradingStateFile(path)
    change_states(path, next_version)
    file.read()
    whole = path.read_bytes()
    path.unlink()
    if how == "damaged":
        path.write_bytes(whole[:-20])
    elif how == "a link":
        path.with_name("other").write_bytes(whole)
        path.symlink_to("other")
    elif how == "a folder":
        path.mkdir()
    elif how == "no text":
        path.write_bytes(b"\xff\xfe")
    elif how == "too long":
        path.write_bytes(whole)
        monkeypatch.setattr(trading_state_file, "BYTES_MAX", 10)
    for reader in (file, TradingStateFile(path)):
        found = reader.read()
        assert found.state_of("anna") is TradingState.HALTED
        assert str(path) in reader.fault
        assert "nothing is traded until it is there again" in reader.fault
        assert reader.read() is found  # and it is told once
        (setting,) = found.settings_of("anna").values()
        assert (setting.by, setting.reason) == ("krakencopy", reader.fault)
    assert file.read().version == 1


def test_it_is_read_again_once_it_is_there(path: Path) -> None:
    file = TradingStateFile(path)
    kept = path.rename(path.with_name("kept"))
    assert file.read().state_of("anna") is TradingState.HALTED
    kept.rename(path)
    assert file.read().state_of("anna") is TradingState.ACTIVE
    assert file.fault == ""


def test_a_damaged_file_is_not_changed_but_may_be_written_anew(path: Path) -> None:
    path.write_text("{}")
    with pytest.raises(StatesUnreadable):
        change_states(path, halted)
    assert path.read_text() == "{}"
    renew_states(path, halted(TradingStates(version=7)))
    assert TradingStateFile(path).read().version == 8


def test_a_change_that_fails_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_text()
    monkeypatch.setattr(trading_state_file, "BYTES_MAX", len(before))
    with pytest.raises(OSError, match="be read by nobody"):
        change_states(path, halted)
    assert path.read_text() == before


def test_the_lock_is_given_back_and_a_writer_that_does_not_end_is_waited_for_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trading_state_file, "TURN_MAX_S", 0.05)
    lock = path.with_name(LOCK_NAME)
    with closing(LockedFile(lock, "a test")), pytest.raises(StatesBusy, match="in use by"):
        change_states(path, halted)
    change_states(path, halted)


def _halt_five(path: Path, name: str) -> None:
    for number in range(5):
        say_state(path, TradingState.HALTED, account_scope(f"{name}{number}"))


def test_changes_of_several_programs_are_all_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trading_state_file, "TURN_MAX_S", 60.0)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_halt_five, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    states = TradingStateFile(path).read()
    assert (states.version, len(states.states)) == (15, 15)


def test_threads_that_read_beside_each_other_never_go_back(path: Path) -> None:
    file, went_back = TradingStateFile(path), list[tuple[int, int]]()
    over = threading.Event()

    def look() -> None:
        last = 0
        while not over.is_set():
            version = file.read().version
            if version < last:
                went_back.append((last, version))
            last = version

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        change_states(path, next_version)
    over.set()
    for reader in readers:
        reader.join()
    assert went_back == []
    assert file.read().version == 30


def test_a_file_that_is_made_anew_has_larger_versions_than_all_before() -> None:
    assert next_life(5).version > 1_700_000_000  # seconds since 1970
    assert next_life(2**40) == TradingStates(version=2**40)


def test_an_older_file_goes_on_above_the_version_that_is_known() -> None:
    states = halted(TradingStates())
    assert going_on(states, 1) is states
    assert going_on(states, 2**40) == replace(states, version=2**40)
    assert going_on(states, 2).version > 1_700_000_000
