"""What ended a run that could not say so itself."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.journal import last_run
from krakencopy.supervisor.journal.last_run import FILE_BYTES, LAST_RUN, LastRun, Remembered, cause_of_end

HERE = Remembered(boot="b1", oom_kills=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("last", "cause"),
    [
        (None, "killed, out of room on the disk, or the machine went down"),
        (HERE, "killed (SIGKILL)"),
        (Remembered(boot="b0", oom_kills=0), "the machine went down: a power cut"),
        (Remembered(boot="b1", oom_kills=1), "by the kernel for want of memory (it has ended 1 since"),
        (Remembered(boot="b0", oom_kills=9, end="no room on /"), "no room on /"),
    ],
    ids=["no file", "killed", "machine", "memory", "its own words"],
)
def test_what_ended_a_run_is_concluded_from_what_it_left(last: Remembered | None, cause: str) -> None:
    assert cause in cause_of_end(last, "b1", 2)


def test_the_last_words_of_a_run_are_there_for_the_next_and_for_no_later_one(folder: Path) -> None:
    first = LastRun(folder)
    assert (first.cause(), first.ended_at()) == (cause_of_end(None, "", 0), 0.0)
    first.begin()
    first.note_end("the disk is full " + "x" * 10_000)
    assert (folder / LAST_RUN).stat().st_size == FILE_BYTES
    second = LastRun(folder)
    assert second.cause().startswith("the disk is full xxx")
    assert second.ended_at() > 0
    second.begin()
    third = LastRun(folder)
    assert (third.cause(), third.ended_at()) == ("killed (SIGKILL)", 0.0)


def test_it_needs_no_room_at_the_end(folder: Path) -> None:
    run = LastRun(folder)
    run.begin()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, hard))
    try:
        run.note_end("no room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert LastRun(folder).cause() == "no room"


@given(content=st.binary(max_size=200) | st.just(b'{"boot": 1, "oom_kills": "x"}') | st.just(b"[" * 100_000))
def test_a_file_that_is_none_says_nothing(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / "run").mkdir()
    (folder / LAST_RUN).write_bytes(content)
    assert LastRun(folder).cause() == cause_of_end(None, "", 0)


def test_what_cannot_be_written_or_asked_stops_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / LAST_RUN).symlink_to(folder / "elsewhere")
    monkeypatch.setattr(last_run, "VMSTAT", folder / "nothing")
    LastRun(folder).begin()
    assert not (folder / "elsewhere").exists()
