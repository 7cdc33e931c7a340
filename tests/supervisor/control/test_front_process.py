"""The front as a process: it is started again when it ends or does not answer, and nobody but its clients can
see that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from krakencopy.supervisor.control import front_process
from krakencopy.supervisor.control.front_process import FrontProcess
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import JournalFault
from krakencopy.v1 import control_pb2 as pb
from tests.supervisor.control.test_front_connection import Servicer
from tests.support.footprint import children
from tests.support.front import listening, run, stub_of, until
from tests.support.system import alive, freeze


@asynccontextmanager
async def served(folder: Path, journal: Journal) -> AsyncIterator[tuple[FrontProcess, Path]]:
    path = folder / "s"
    front = FrontProcess(Servicer(), EventLog(journal), folder / "control.crash")
    front.use_listener(listening(path))
    await front.start()
    try:
        yield front, path
    finally:
        await front.close()


def pid_now() -> int:
    """The front's, once it is itself."""
    return next(iter(children(os.getpid(), "kc-control")), 0)


def out_of_memory_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def status(path: Path) -> int:
    async with stub_of(path) as stub:
        return int((await stub.GetStatus(pb.GetStatusRequest(), timeout=30, wait_for_ready=True)).pid)


def ends_told(journal: Journal) -> list[str]:
    return [event.message for event in journal.events_after(0, 100) if event.code == "CONTROL_RESTARTED"]


def test_it_serves_from_a_process_of_its_own_which_ends_with_it(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            pid = pid_now()
            assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
            assert out_of_memory_score(pid) == 500
        assert not alive(pid)
        assert ends_told(journal) == []
        assert (tmp_path / "control.crash").read_bytes() == b""

    run(play())


def test_one_that_is_killed_is_followed_by_another_and_told(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            os.kill(pid_now(), signal.SIGKILL)
            assert await status(path) == 7
            (words,) = ends_told(journal)
            assert "ended (signal 9, Killed)" in words

    run(play())


def test_one_that_is_stopped_is_killed_and_followed_by_another(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_process, "LOOK_S", 0.05)
    monkeypatch.setattr(front_process, "UNANSWERED_START_MAX", 1_000)
    monkeypatch.setattr(front_process, "UNANSWERED_MAX", 1_000)

    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            stopped = pid_now()
            freeze(stopped)
            assert await status(path) == 7
            assert not alive(stopped)
            assert "it was stopped for 0.05 s or more" in ends_told(journal)[0]

    run(play())


def test_one_that_is_stopped_for_a_moment_lives_on(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [True, False, True, False]
    monkeypatch.setattr(front_process, "LOOK_S", 0.01)
    monkeypatch.setattr(front_process, "UNANSWERED_START_MAX", 10_000)
    monkeypatch.setattr(front_process, "UNANSWERED_MAX", 10_000)
    monkeypatch.setattr(front_process, "is_stopped", lambda _: bool(seen) and seen.pop())

    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            await until("all looks", lambda: not seen)
            assert await status(path) == 7
            assert ends_told(journal) == []

    run(play())


def test_one_that_does_not_answer_is_killed_where_the_kernel_says_nothing(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_process, "LOOK_S", 0.05)
    monkeypatch.setattr(front_process, "UNANSWERED_START_MAX", 600)
    monkeypatch.setattr(front_process, "stat_of", lambda *_: None)

    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            stopped = pid_now()
            freeze(stopped)
            assert await status(path) == 7
            assert not alive(stopped)
            assert "did not answer for 0.5 s" in ends_told(journal)[0]

    run(play())


def test_it_serves_on_another_socket_also_after_another_start(tmp_path: Path, journal: Journal) -> None:
    async def play() -> None:
        async with served(tmp_path, journal) as (front, path), stub_of(path) as before:
            assert await status(path) == 7
            await before.GetStatus(pb.GetStatusRequest())
            path.unlink()
            front.use_listener(listening(path))
            assert await status(path) == 7
            assert (await before.GetStatus(pb.GetStatusRequest())).pid == 7
            os.kill(pid_now(), signal.SIGKILL)
            assert await status(path) == 7

    run(play())


def test_one_that_cannot_be_started_is_tried_again(
    tmp_path: Path, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            (tmp_path / "control.crash").rename(tmp_path / "old")
            (tmp_path / "control.crash").mkdir()
            os.kill(pid_now(), signal.SIGKILL)
            await until("a word of it", lambda: "was not started" in caplog.text)
            (tmp_path / "control.crash").rmdir()
            assert await status(path) == 7

    run(play())


def test_a_journal_that_takes_no_event_does_not_end_the_front(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise JournalFault("the disk is full")

    monkeypatch.setattr(journal, "add_event", refuse)

    async def play() -> None:
        async with served(tmp_path, journal) as (_, path):
            assert await status(path) == 7
            os.kill(pid_now(), signal.SIGKILL)
            assert await status(path) == 7

    run(play())
    assert "it is not in the journal: the disk is full" in caplog.text


def test_one_that_was_never_started_is_closed() -> None:
    async def play() -> None:
        front = FrontProcess(Servicer(), EventLog(Any), Path("control.crash"))  # type: ignore[arg-type]  # not used
        here, there = socket.socketpair()
        front.use_listener(here)
        front.use_listener(there)
        await front.close()
        assert here.fileno() == there.fileno() == -1

    asyncio.run(play())
