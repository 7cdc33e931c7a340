"""How each account's process last ended when nobody had asked it to, and what it wrote then: kept across the
supervisor's own end.

It reads and bounds the file that a process's standard output and standard error go to. It must not know why
processes are started or ended, nor what is done about it.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.lifecycle.state_machine import KILLED, Life, State
from krakencopy.supervisor.processes.child import ExitStatus
from krakencopy.v1 import types_pb2 as pb

#: A crash file that is larger at a start is put aside; one that was put aside before is forgotten.
CRASH_BYTES_MAX = 1_000_000
#: Of what a process wrote, so much is remembered: a Python traceback with its cause, or the stacks of a crash
#: in C.
OUTPUT_BYTES_MAX, OUTPUT_LINES_MAX = 4_000, 20
#: A process that falls silent so shortly before its end is known did so by ending, in seconds: its sockets
#: close first.
ENDING_S = 2.0


def begin_output(path: Path) -> int:
    """Where in the file the output of the next process begins. Raises OSError."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= CRASH_BYTES_MAX:
        return size
    path.replace(path.with_name(path.name + ".1"))
    return 0


def last_output(path: Path, start: int) -> list[str]:
    """The last lines that were written since ``start``, without anything that would steer a terminal."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - OUTPUT_BYTES_MAX))
            text = file.read(OUTPUT_BYTES_MAX).decode(errors="replace")
    except OSError:
        return []
    # Split at line feeds alone: other signs that Python takes for an end of line are made harmless.
    lines = text.rstrip().split("\n") if text.strip() else []
    return [_harmless(line) for line in lines[-OUTPUT_LINES_MAX:]]


def _harmless(line: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in line.rstrip().expandtabs())


@dataclass(frozen=True, slots=True)
class Lived:
    """One process, from its start to its end. Times in Unix seconds."""

    pid: int
    instance_id: str
    started_at: float
    ended_at: float
    status: ExitStatus
    output: list[str]


def process_end(lived: Lived, life: Life, before: State) -> pb.ProcessEnd:
    """The end of a process in the public API; ``life`` as it was when the end was seen, ``before`` the
    state before that.
    """
    fell_silent = life.reason == "NO_ANSWER" and lived.ended_at - life.since < ENDING_S
    state = before if fell_silent else life.state
    end = pb.ProcessEnd(
        at=Timestamp(),
        pid=lived.pid,
        instance_id=lived.instance_id,
        signal=_signal_name(lived.status.signal),
        exit_code=lived.status.code,
        state=pb.AccountState.Value(f"ACCOUNT_STATE_{state}"),
        killed_for=life.reason if life.reason in KILLED else "",
        lived=Duration(),
        output=lived.output,
    )
    end.at.FromMicroseconds(round(lived.ended_at * 1e6))
    end.lived.FromMicroseconds(round(max(lived.ended_at - lived.started_at, 0.0) * 1e6))
    return end


def _signal_name(number: int | None) -> str:
    if number is None:
        return ""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class LastEnds:
    """The last end of each account's process that nobody had asked for. Writes raise JournalFault."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._ends = journal.process_ends()

    def of(self, account_id: str) -> pb.ProcessEnd | None:
        """None where there was none."""
        return self._ends.get(account_id)

    def ended(self, account_id: str, end: pb.ProcessEnd) -> None:
        """A process ended, and takes the place of the one before."""
        self._journal.put_process_end(account_id, end)
        self._ends[account_id] = end

    def started(self, account_id: str) -> None:
        """The account's process is started once more."""
        end = self._ends.get(account_id)
        if end is not None:
            end.restarts += 1
            self._journal.put_process_end(account_id, end)
