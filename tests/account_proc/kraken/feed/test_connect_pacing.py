"""All processes of a machine together stay below what Kraken allows one address, and no file or clock
keeps them from connecting.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.account_proc.kraken.feed import connect_pacing as module
from krakencopy.account_proc.kraken.feed.connect_pacing import (
    BUSY_S_MAX,
    CONNECTS_MAX,
    MASTER_RESERVE,
    WINDOW_S,
    ConnectPace,
    Unpaced,
    decode,
    encode,
    free_at,
    pace_of,
)
from krakencopy.account_proc.runtime.file_lock import LockedFile

BOOT, OTHER_BOOT = b"b" * 16, b"o" * 16
USERS_MAX = CONNECTS_MAX - MASTER_RESERVE
#: Kraken: about so many connections in 10 minutes.
KRAKEN_MAX = 150

times = st.lists(st.floats(0.001, 100_000.0), max_size=2 * CONNECTS_MAX).map(sorted)


@dataclass
class Machine:
    """A clock that goes on when somebody waits, and the connections that were made."""

    folder: Path
    now: float = 5_000.0
    boot: bytes = BOOT
    waits: list[float] = field(default_factory=list)
    made: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    @property
    def path(self) -> Path:
        return self.folder / "connects.bin"

    def pace(self, *, is_master: bool = False) -> ConnectPace:
        return ConnectPace(
            self.path, is_master=is_master, boot=self.boot, clock=lambda: self.now, pause=self.pause
        )

    def connect(self, count: int = 1, *, is_master: bool = False, every_s: float = 0.0) -> None:
        async def run() -> None:
            for _ in range(count):
                await self.pace(is_master=is_master).wait_for_turn()
                self.made.append(self.now)
                self.now += every_s

        asyncio.run(run())


def most_in_a_window(made: Sequence[float]) -> int:
    return max(sum(start - WINDOW_S < at <= start for at in made) for start in made)


@given(times)
def test_what_is_written_is_read(written: list[float]) -> None:
    now = max(written, default=1.0)
    assert decode(encode(written, BOOT), BOOT, now) == written[-CONNECTS_MAX:]


@given(times, st.data())
def test_a_file_that_is_not_whole_is_begun_anew(written: list[float], data: st.DataObject) -> None:
    content = bytearray(encode(written, BOOT))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(content), BOOT, 100_000.0) == []
    assert decode(bytes(content[:place]), BOOT, 100_000.0) == []


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 996, b"\0" * 996, b"connections\n" * 200])
def test_garbage_is_no_reason_not_to_connect(tmp_path: Path, content: bytes) -> None:
    machine = Machine(tmp_path)
    machine.path.write_bytes(content)
    machine.connect(2)
    assert machine.waits == []
    assert decode(machine.path.read_bytes(), BOOT, machine.now) == machine.made


def test_times_of_another_boot_or_from_the_future_are_not_believed() -> None:
    content = encode([1.0, 2.0], BOOT)
    assert decode(content, BOOT, 2.0) == [1.0, 2.0]
    assert decode(content, OTHER_BOOT, 2.0) == []
    assert decode(content, BOOT, 1.5) == []


@given(times, st.floats(0.0, 100_000.0), st.integers(1, CONNECTS_MAX))
def test_the_time_that_is_told_is_the_first_with_room(made: list[float], now: float, most: int) -> None:
    at = free_at(made, now, most)
    assert at >= now
    assert sum(at - WINDOW_S + 1e-6 < one <= at for one in made) < most or at == now
    if at > now:
        assert sum(at - WINDOW_S - 1e-6 < one for one in made) >= most


def test_users_leave_a_reserve_to_the_master(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.connect(USERS_MAX)
    machine.connect(MASTER_RESERVE, is_master=True)
    assert machine.waits == []
    machine.connect(1)
    assert len(machine.waits) == 1
    assert machine.waits[0] >= WINDOW_S


def test_whoever_has_to_wait_waits_once_and_not_busily(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.connect(USERS_MAX, every_s=1.0)
    machine.connect(3)
    assert len(machine.waits) <= 3
    assert most_in_a_window(machine.made) <= USERS_MAX


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 40.0)), min_size=1, max_size=300))
def test_there_are_never_more_in_any_window(
    tmp_path_factory: pytest.TempPathFactory, connects: list[tuple[bool, float]]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("pace"))
    for is_master, pause in connects[:40] * 5:
        machine.connect(is_master=is_master)
        machine.now += pause / 8
    assert most_in_a_window(machine.made) <= CONNECTS_MAX < KRAKEN_MAX


def test_the_last_connections_are_known_to_the_next_process(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.connect(USERS_MAX)
    Machine(tmp_path, now=machine.now + 1).connect(1, is_master=True)
    later = Machine(tmp_path, now=machine.now + 2)
    later.connect(1)
    assert later.waits


def test_a_machine_that_was_started_anew_has_all_its_connections_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.connect(USERS_MAX)
    after = Machine(tmp_path, now=7.0, boot=OTHER_BOOT)
    after.connect(USERS_MAX)
    assert after.waits == []


def test_a_lock_that_is_held_is_waited_for_but_not_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(tmp_path)
    machine.connect(1)
    holder = LockedFile(machine.path, "the pace")
    machine.connect(1)
    holder.close()
    assert BUSY_S_MAX <= sum(machine.waits) < BUSY_S_MAX + 1
    assert "connecting uncounted" in caplog.text
    machine.waits.clear()
    machine.connect(1)
    assert machine.waits == []


def test_a_folder_that_cannot_be_written_is_said_and_does_not_keep_anybody_from_connecting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    machine = Machine(tmp_path / "file")
    machine.connect(1)
    assert "connections cannot be counted" in caplog.text


def test_an_exchange_on_this_machine_is_not_paced_unless_that_is_asked_for(tmp_path: Path) -> None:
    for url in ("ws://127.0.0.1:80/v2", "ws://localhost/v2", "ws://[::1]:8/v2"):
        assert isinstance(pace_of(url, tmp_path, is_master=False), Unpaced)
    pace = pace_of("ws://127.0.0.1:80/v2", tmp_path, is_master=False, pace_loopback=True)
    asyncio.run(pace.wait_for_turn())
    assert [path.name for path in tmp_path.iterdir()] == ["connects-127.0.0.1.bin"]


def test_each_exchange_has_a_file_of_its_own(tmp_path: Path) -> None:
    for url in ("wss://ws-auth.kraken.com/v2", "wss://beta-ws-auth.kraken.com/v2"):
        asyncio.run(pace_of(url, tmp_path / "new" / "folder", is_master=True).wait_for_turn())
    found = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert found == ["connects-beta-ws-auth.kraken.com.bin", "connects-ws-auth.kraken.com.bin"]


def _connect_many(path: str, count: int) -> None:
    async def run() -> None:
        for _ in range(count):
            await ConnectPace(Path(path), is_master=False, boot=BOOT).wait_for_turn()

    asyncio.run(run())


def test_processes_that_connect_at_the_same_time_all_count(tmp_path: Path) -> None:
    path = tmp_path / "connects.bin"
    fork = multiprocessing.get_context("spawn")
    workers = [fork.Process(target=_connect_many, args=(str(path), 20)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert len(decode(path.read_bytes(), BOOT, now)) == 60


def test_the_file_is_small_private_and_never_grows(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.connect(1)
    size = machine.path.stat().st_size
    machine.connect(300, every_s=20.0)
    assert machine.path.stat().st_size == size < 1024
    assert machine.path.stat().st_mode & 0o077 == 0
    assert struct.calcsize(module._FORM.format) + 4 == size
    assert [path.name for path in tmp_path.iterdir()] == ["connects.bin"]
