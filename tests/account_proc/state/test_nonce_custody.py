"""Every nonce is larger than every one used, through kills, damage and clocks; one process has the file
and the key.
"""

from __future__ import annotations

import itertools
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from krakencopy.account_proc.contract.errors import ConfigurationFault, LockHeld, NonceFault
from krakencopy.account_proc.contract.nonce_file import BLOCK_US, FILE_BYTES, FOREIGN_AHEAD_US_MAX, STEP_US
from krakencopy.account_proc.state.key_lock import key_lock
from krakencopy.account_proc.state.nonce_custody import NonceCustody
from tests.support.nonce_clock import HOUR_US, RESTART_US, START_US, Clock, crash, opened


def test_nonces_follow_the_clock_and_never_repeat(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    first = custody.next()
    assert first > clock.now_us
    clock.now_us += 2 * BLOCK_US
    assert custody.next() == clock.now_us
    assert custody.next() == clock.now_us + 1 == custody.last
    clock.now_us -= HOUR_US
    assert custody.next() == custody.last == clock.now_us + HOUR_US + 2
    custody.close()


def test_the_disk_is_not_touched_while_the_reservation_lasts(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    clock.now_us += 2 * BLOCK_US
    custody.top_up()
    before = (custody.path.read_bytes(), custody.reserved)
    for _ in range(1000):
        clock.now_us += BLOCK_US // 1000
        custody.next()
    assert (custody.path.read_bytes(), custody.reserved) == before
    clock.now_us += 1
    custody.next()
    assert custody.path.read_bytes() != before[0]
    custody.close()


def test_a_slot_is_on_the_disk_before_the_other_is_written_and_both_before_a_nonce_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    calls: list[str] = []
    pwrite, fdatasync = os.pwrite, os.fdatasync

    def recorded_pwrite(descriptor: int, content: bytes, offset: int) -> int:
        calls.append(f"write at {offset}")
        return pwrite(descriptor, content, offset)

    def recorded_fdatasync(descriptor: int) -> None:
        calls.append("sync")
        fdatasync(descriptor)

    monkeypatch.setattr(os, "pwrite", recorded_pwrite)
    monkeypatch.setattr(os, "fdatasync", recorded_fdatasync)
    clock.now_us += HOUR_US
    custody.next()
    assert calls == ["write at 64", "sync", "write at 0", "sync"]
    custody.close()


def test_a_person_can_read_the_file(tmp_path: Path) -> None:
    custody = opened(tmp_path / "nonce.txt", Clock())
    text = custody.path.read_text(encoding="ascii")
    assert len(text) == FILE_BYTES
    assert text.count(f"reserved {custody.reserved:020d}") == 2
    assert f"in use by process {os.getpid()} for account tania" in text
    assert stat.S_IMODE(custody.path.stat().st_mode) == 0o600
    custody.close()
    assert "not in use" in custody.path.read_text(encoding="ascii")


def test_a_clean_end_gives_the_reservation_back(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    last = custody.next()
    custody.close()
    custody.close()
    again = opened(custody.path, clock)
    assert again.next() == last + 1
    assert again.warnings == []
    again.close()


def test_after_a_crash_nonces_go_on_above_the_reservation(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    custody.next()
    crash(custody)
    clock.now_us -= HOUR_US
    again = opened(custody.path, clock)
    assert again.next() == custody.reserved + 1
    again.close()


def test_a_closed_custody_hands_out_nothing_new(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    custody.close()
    with pytest.raises(NonceFault, match="closed"):
        custody.next()


def test_threads_never_get_the_same_nonce(tmp_path: Path) -> None:
    custody = opened(tmp_path / "nonce.txt", Clock())
    taken: list[list[int]] = [[] for _ in range(8)]

    def take(into: list[int]) -> None:
        into.extend(custody.next() for _ in range(500))

    threads = [threading.Thread(target=take, args=(into,)) for into in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    nonces = list(itertools.chain.from_iterable(taken))
    assert len(set(nonces)) == len(nonces) == 4000
    assert all(into == sorted(into) for into in taken)
    custody.close()


def test_a_file_that_was_replaced_while_in_use_is_refused(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    custody.path.rename(tmp_path / "backup.txt")
    custody.path.write_bytes((tmp_path / "backup.txt").read_bytes())
    clock.now_us += 3 * BLOCK_US
    with pytest.raises(NonceFault, match="deleted or replaced"):
        custody.next()
    custody.close()


def test_resynchronisation_is_bounded_by_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    far = clock.now_us + FOREIGN_AHEAD_US_MAX
    custody.advance_past(far)
    assert custody.next() == far + 1
    custody.advance_past(5)
    assert custody.next() == far + 2
    with pytest.raises(NonceFault, match="more than a day"):
        custody.advance_past(far + 1)
    crash(custody)
    again = opened(custody.path, clock)
    assert again.next() > far + 2
    again.close()


def test_nonces_that_are_refused_go_on_ahead_by_two_steps_and_no_third(tmp_path: Path) -> None:
    clock = Clock()
    custody = opened(tmp_path / "nonce.txt", clock)
    assert custody.resynchronise()
    assert custody.next() == clock.now_us + 2 * HOUR_US + 1
    assert custody.resynchronise()
    assert custody.next() == clock.now_us + FOREIGN_AHEAD_US_MAX + 1
    clock.now_us += HOUR_US
    assert not custody.resynchronise()
    assert custody.next() == clock.now_us - HOUR_US + FOREIGN_AHEAD_US_MAX + 2
    clock.now_us += FOREIGN_AHEAD_US_MAX
    assert custody.resynchronise()
    custody.close()


def test_a_plain_number_of_other_software_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "nonce.txt"
    path.write_text(f"{START_US + HOUR_US}\n")
    custody = opened(path, Clock())
    assert custody.next() == START_US + HOUR_US + 1
    crash(custody)
    again = opened(path, Clock())
    assert again.next() > START_US + HOUR_US + 1
    assert again.warnings == []
    again.close()


def test_a_file_of_nanoseconds_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "nonce.txt"
    path.write_text(f"{START_US}000\n")
    with pytest.raises(NonceFault, match="make a new API key"):
        opened(path, Clock())
    assert path.read_text() == f"{START_US}000\n"


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NonceFault, match="no such folder"):
        opened(tmp_path / "no such folder" / "nonce.txt", Clock())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(damage=st.binary(max_size=2 * FILE_BYTES), later_us=st.integers(RESTART_US, BLOCK_US))
def test_any_content_gives_larger_nonces_or_a_fault(tmp_path: Path, damage: bytes, later_us: int) -> None:
    path = tmp_path / "nonce.txt"
    path.unlink(missing_ok=True)
    clock = Clock()
    custody = opened(path, clock)
    used = custody.next()
    crash(custody)
    path.write_bytes(damage)
    clock.now_us += later_us
    try:
        again = opened(path, clock)
    except NonceFault:
        return
    assert again.next() > used
    assert path.stat().st_size == FILE_BYTES
    again.close()


class LifeOfANonceFile(RuleBasedStateMachine):
    """Calls, crashes, ends, damage and clock changes in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "nonce.txt")
        self.clock = Clock()
        self.true_us = START_US
        self.used = 0
        self.backup: bytes | None = None
        self.custody = opened(self.path, self.clock)

    @rule(count=st.integers(1, 30))
    def call(self, count: int) -> None:
        for _ in range(count):
            nonce = self.custody.next()
            assert nonce > self.used
            self.used = nonce
            self._pass(50)

    @rule()
    def call_often(self) -> None:
        self.call(2 * STEP_US)

    @rule(us=st.sampled_from([1, STEP_US, BLOCK_US // 3, BLOCK_US - 1, BLOCK_US, 3 * BLOCK_US]))
    def wait(self, us: int) -> None:
        self._pass(us)

    @rule(us=st.integers(0, 3 * HOUR_US))
    def set_clock_back(self, us: int) -> None:
        self.clock.now_us = self.true_us - us

    @rule()
    def set_clock_right(self) -> None:
        self.clock.now_us = self.true_us

    @rule()
    def top_up(self) -> None:
        self.custody.top_up()

    @rule(cleanly=st.booleans())
    def restart(self, *, cleanly: bool) -> None:
        self._down(cleanly=cleanly)
        self.custody = opened(self.path, self.clock)

    @rule(cleanly=st.booleans(), at=st.integers(0, FILE_BYTES - 1), change=st.integers(1, 255))
    def restart_with_a_changed_byte(self, *, cleanly: bool, at: int, change: int) -> None:
        self._down(cleanly=cleanly)
        content = bytearray(self.path.read_bytes())
        content[at] ^= change
        self.path.write_bytes(content)
        self.custody = opened(self.path, self.clock)

    @rule(cleanly=st.booleans(), length=st.integers(0, FILE_BYTES))
    def restart_with_a_file_cut_off_and_the_clock_right(self, *, cleanly: bool, length: int) -> None:
        self._down(cleanly=cleanly)
        self.clock.now_us = self.true_us
        os.truncate(self.path, length)
        self.custody = opened(self.path, self.clock)

    @rule()
    def back_up(self) -> None:
        self.backup = self.path.read_bytes()

    @rule(cleanly=st.booleans())
    def restart_with_an_old_backup_or_none_and_the_clock_right(self, *, cleanly: bool) -> None:
        self._down(cleanly=cleanly)
        self.clock.now_us = self.true_us
        self.path.unlink()
        if self.backup is not None:
            self.path.write_bytes(self.backup)
        self.custody = opened(self.path, self.clock)

    @invariant()
    def reservation_is_on_the_disk(self) -> None:
        assert f"{self.custody.reserved:020d}" in self.path.read_text(encoding="ascii")
        assert self.custody.last <= self.custody.reserved

    @invariant()
    def nonces_do_not_run_away_from_the_clock(self) -> None:
        assert self.custody.reserved <= self.true_us + BLOCK_US + 200 * STEP_US * 2

    def teardown(self) -> None:
        self.custody.close()
        self.folder.cleanup()

    def _down(self, *, cleanly: bool) -> None:
        if cleanly:
            self.custody.close()
        else:
            crash(self.custody)
        self._pass(RESTART_US)

    def _pass(self, us: int) -> None:
        self.true_us += us
        self.clock.now_us += us


LifeOfANonceFile.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestLifeOfANonceFile = LifeOfANonceFile.TestCase


def test_a_key_has_one_lock_that_does_not_tell_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "locks"
    first = key_lock(folder, "public key", "tania")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "public" not in first.path.name + first.path.read_text()
    assert "account tania" in first.path.read_text()
    with pytest.raises(LockHeld) as caught:
        key_lock(folder, "public key", "master")
    assert caught.value.holder_pid == os.getpid()
    other = key_lock(folder, "another key", "master")
    other.close()
    first.close()
    first.close()
    key_lock(folder, "public key", "master").close()


def test_a_lock_folder_that_cannot_be_used_is_a_bad_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationFault, match="API key of account tania"):
        key_lock(tmp_path / "file", "public key", "tania")


def test_the_real_clock_gives_microseconds(tmp_path: Path) -> None:
    custody = NonceCustody.open(
        tmp_path / "nonce.txt", account_id="tania", now_us=lambda: time.time_ns() // 1000
    )
    assert 0 < custody.next() - time.time_ns() // 1000 <= BLOCK_US + STEP_US
    custody.close()
