"""What a process wrote before its end is bounded, harmless, and remembered with how it ended, also by the
next supervisor.
"""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krakencopy.supervisor.accounts import exit_records as module
from krakencopy.supervisor.accounts.exit_records import (
    LastEnds,
    Lived,
    begin_output,
    last_output,
    process_end,
)
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import Life, State
from krakencopy.supervisor.processes.child import ExitStatus
from krakencopy.v1 import types_pb2 as pb

NOW = 1_800_000_000.25


def ended(status: ExitStatus, life: Life | None = None) -> pb.ProcessEnd:
    lived = Lived(pid=7, instance_id="ab", started_at=NOW - 90.5, ended_at=NOW, status=status, output=["x"])
    return process_end(lived, life or Life(state=State.RUNNING), State.STARTING)


def test_only_what_the_last_process_wrote_is_told(tmp_path: Path) -> None:
    path = tmp_path / "anna.crash"
    assert begin_output(path) == 0
    assert last_output(path, 0) == []
    path.write_text("of an earlier process\n")
    start = begin_output(path)
    assert last_output(path, start) == []
    with path.open("a") as file:
        file.write("Traceback:\n\n  line 1\nKeyError: 'XBT'\n\n")
    assert last_output(path, start) == ["Traceback:", "", "  line 1", "KeyError: 'XBT'"]


def test_a_large_file_is_put_aside_at_a_start_in_place_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CRASH_BYTES_MAX", 10)
    path = tmp_path / "anna.crash"
    path.write_text("x" * 10)
    assert begin_output(path) == 10
    for text in ("first " * 5, "second " * 5):
        path.write_text(text)
        assert begin_output(path) == 0
        assert not path.exists()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("anna.crash.1", "second " * 5)]


@given(st.binary(max_size=10_000))
def test_whatever_was_written_what_is_remembered_is_short_and_steers_no_terminal(
    tmp_path_factory: pytest.TempPathFactory, written: bytes
) -> None:
    path = tmp_path_factory.mktemp("output") / "anna.crash"
    path.write_bytes(written)
    lines = last_output(path, 0)
    assert len(lines) <= module.OUTPUT_LINES_MAX
    assert all(line.isprintable() for line in lines)


def test_of_much_output_the_end_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "anna.crash"
    path.write_text("".join(f"line {number}\n" for number in range(5_000)))
    assert last_output(path, 0) == [f"line {number}" for number in range(4_980, 5_000)]
    path.write_text("\x1b[31mred\x07\tand " + "long " * 2_000)
    (line,) = last_output(path, 0)
    assert len(line) < module.OUTPUT_BYTES_MAX
    path.write_text("\x1b[31mred\x07\r\n\tand\n")
    assert last_output(path, 0) == [" [31mred ", "        and"]


def test_an_end_is_told_by_code_or_by_the_signals_name() -> None:
    crashed = ended(ExitStatus(70, None))
    assert (crashed.exit_code, crashed.signal, crashed.killed_for) == (70, "", "")
    assert crashed.lived.ToMilliseconds() == 90_500
    assert (crashed.at.ToMilliseconds(), crashed.pid, crashed.instance_id) == (int(NOW * 1000), 7, "ab")
    assert (crashed.state, list(crashed.output)) == (pb.ACCOUNT_STATE_RUNNING, ["x"])
    killed = ended(ExitStatus(None, signal.SIGKILL))
    assert (killed.HasField("exit_code"), killed.signal) == (False, "SIGKILL")
    assert ended(ExitStatus(None, 40)).signal == "signal 40"
    unseen = ended(ExitStatus(None, None))
    assert (unseen.HasField("exit_code"), unseen.signal) == (False, "")


def test_a_kill_of_the_supervisors_own_is_told_as_one() -> None:
    hung = Life(state=State.DEGRADED, reason="HUNG", message="did not answer")
    assert ended(ExitStatus(None, signal.SIGKILL), hung).killed_for == "HUNG"
    assert (
        ended(ExitStatus(None, signal.SIGKILL), Life(state=State.DEGRADED, reason="FEED_DOWN")).killed_for
        == ""
    )


def test_a_process_that_fell_silent_by_ending_is_told_to_have_been_what_it_was_before() -> None:
    def silent(since: float) -> Life:
        return Life(state=State.DEGRADED, reason="NO_ANSWER", since=since)

    assert ended(ExitStatus(1, None), silent(NOW - 0.1)).state == pb.ACCOUNT_STATE_STARTING
    assert ended(ExitStatus(1, None), silent(NOW - 9.0)).state == pb.ACCOUNT_STATE_DEGRADED
    lost = Life(state=State.DEGRADED, reason="FEED_DOWN", since=NOW - 0.1)
    assert ended(ExitStatus(1, None), lost).state == pb.ACCOUNT_STATE_DEGRADED


def test_the_next_supervisor_remembers_the_last_end_and_how_often_it_was_started_since(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        ends = LastEnds(journal)
        ends.started("anna")
        assert ends.of("anna") is None
        ends.ended("anna", ended(ExitStatus(70, None)))
        ends.ended("anna", ended(ExitStatus(74, None)))
        ends.started("anna")
        ends.started("ben")
    with closing(Journal(path)) as journal:
        ends = LastEnds(journal)
        ends.started("anna")
        end = ends.of("anna")
        assert end is not None
        assert (end.exit_code, end.restarts) == (74, 2)
        assert ends.of("ben") is None
