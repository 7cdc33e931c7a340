"""What a killed run left is ended at the next start; a process of anybody else's never gets a signal,
whatever a file says of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from krakencopy.account_proc.runtime.file_lock import LockedFile, holder_line, holder_pid
from krakencopy.supervisor.processes import orphans as leftovers
from krakencopy.supervisor.processes.orphans import (
    STATE_LOCK,
    Flock,
    NotProven,
    end_leftovers,
    flocks,
    open_proven,
)
from tests.support.system import ROOT, wait_for

HERE = Path(__file__).parents[2] / "support"
Holds = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder that this process has locked, as the supervisor does."""
    (tmp_path / "run").mkdir()
    with closing(LockedFile(tmp_path / STATE_LOCK, "the state folder")):
        yield tmp_path


@pytest.fixture
def nonce_file(state: Path) -> Path:
    return state / "kraken_nonce_user_anna.txt"


@pytest.fixture
def holds(nonce_file: Path) -> Iterator[Holds]:
    """Starts a process that holds the file and is stopped."""
    with ExitStack() as stack:

        def start(name: str = "kc:anna", account: str = "anna", then: str = "stop") -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(HERE / "stand_in_holder.py"), str(nonce_file), name, account, then],
                    stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            )  # fmt: skip
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            wait_for("it to be stopped", lambda: state_of(process.pid) == "T")
            return process

        yield start


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long for what ends by itself in these tests, short for what never does."""
    monkeypatch.setattr(leftovers, "GRACE_S", 0.3)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def doubt(nonce_file: Path) -> str:
    """Why it is not proven that the file's holder is one of ours."""
    with pytest.raises(NotProven) as raised:
        open_proven(nonce_file, nonce_file.parent / STATE_LOCK)
    return str(raised.value)


def end(state: Path) -> None:
    asyncio.run(end_leftovers(state))


def test_a_stopped_process_that_nobody_else_can_wake_is_woken_and_ends_by_itself(
    state: Path, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "GRACE_S", 30.0)
    holder = holds()
    end(state)
    assert holder.wait() == 0


def test_one_that_does_not_end_is_killed_after_the_grace(state: Path, holds: Holds) -> None:
    holder = holds(then="stop-deaf")
    end(state)
    assert holder.wait() == -signal.SIGKILL


class TornList:
    """The kernel's list while others' locks come and go: each reading misses a part of it."""

    def __init__(self) -> None:
        self._readings = 0

    def read_text(self, **_: str) -> str:
        self._readings += 1
        lines = Path("/proc/locks").read_text().splitlines(keepends=True)
        return "".join(lines[self._readings % 2 :: 2])


def test_a_lock_that_one_reading_of_the_kernels_list_missed_is_found_in_another(
    state: Path, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "LOCKS", TornList())
    holder = holds(then="stop-deaf")
    end(state)
    assert holder.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", ["python", "kc:ben", "kc:annabel"])
def test_a_stranger_that_holds_the_lock_gets_no_signal(
    state: Path, nonce_file: Path, holds: Holds, name: str
) -> None:
    stranger = holds(name=name)
    assert doubt(nonce_file) == f"process {stranger.pid} is not the process of an account"
    end(state)
    # Not even the one that would wake it.
    assert state_of(stranger.pid) == "T"


def test_a_process_that_the_file_names_and_that_does_not_hold_the_lock_gets_no_signal(
    state: Path, nonce_file: Path, holds: Holds, tmp_path: Path
) -> None:
    stranger = holds(name="python")
    # A pid that was used again: a process that is alive, of the same user, and even has the name.
    elsewhere = tmp_path / "elsewhere" / nonce_file.name
    elsewhere.parent.mkdir()
    with subprocess.Popen(
        [sys.executable, str(HERE / "stand_in_holder.py"), str(elsewhere), "kc:anna", "anna", "stop"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as reused:  # fmt: skip
        try:
            assert reused.stdout is not None
            assert reused.stdout.readline() == "locked\n"
            wait_for("it to be stopped", lambda: state_of(reused.pid) == "T")
            text = holder_line("anna", 80).replace(str(os.getpid()).encode(), str(reused.pid).encode())
            nonce_file.write_bytes(text)
            assert holder_pid(nonce_file) == reused.pid
            assert doubt(nonce_file) == f"the file names process {reused.pid}, which does not hold the lock"
            end(state)
            assert [state_of(process.pid) for process in (reused, stranger)] == ["T", "T"]
        finally:
            reused.kill()


def test_a_file_that_names_nobody_or_a_process_that_has_ended_proves_nothing(nonce_file: Path) -> None:
    nonce_file.write_text("slot a: reserved 1\n")
    assert doubt(nonce_file) == "the file does not name it"
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    nonce_file.write_text(f"in use by process {ended.pid} for account anna\n")
    assert doubt(nonce_file) == f"process {ended.pid}, which the file names: No such process"


def test_a_file_with_another_name_elsewhere_proves_nothing(nonce_file: Path, holds: Holds) -> None:
    holds()
    other = nonce_file.with_name("another_name.txt")
    other.hardlink_to(nonce_file)
    assert doubt(nonce_file) == "the file has another name elsewhere"
    other.unlink()
    nonce_file.rename(other)
    nonce_file.symlink_to(other)
    assert doubt(nonce_file) == "the file has another name elsewhere"


def test_where_the_kernels_list_does_not_show_our_own_lock_nothing_is_proven(
    nonce_file: Path, holds: Holds
) -> None:
    """As where pids or inodes there are not those that are seen here."""
    holds()
    not_locked = nonce_file.with_name("not_locked")
    not_locked.touch()
    with pytest.raises(NotProven, match="does not tell who holds it"):
        open_proven(nonce_file, not_locked)


def test_nothing_is_done_and_waited_for_where_nobody_holds_a_file(state: Path, nonce_file: Path) -> None:
    nonce_file.write_bytes(holder_line("anna", 80))
    end(state)


def test_only_exclusive_locks_on_whole_files_that_are_held_are_taken_from_the_kernels_list() -> None:
    listed = (
        "1: POSIX  ADVISORY  WRITE 11 fd:00:131 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 12 fd:00:132 0 EOF\n"
        "2: -> FLOCK  ADVISORY  WRITE 13 fd:00:132 0 EOF\n"
        "3: FLOCK  ADVISORY  READ  14 fd:00:133 0 EOF\n"
        "4: OFDLCK ADVISORY  WRITE -1 fd:00:134 0 EOF\n"
        "15: FLOCK  ADVISORY  WRITE 15 00:2f:4611686018427387904 0 EOF\n"
    )
    assert flocks(listed) == {Flock(12, "fd:00", 132), Flock(15, "00:2f", 4611686018427387904)}
