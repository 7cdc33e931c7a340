"""The supervisor of one world, as a process that is started, stopped, killed and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from tests.chaos.records import Record
from tests.chaos.rows import SupervisorSeen
from tests.chaos.tally import Tally
from tests.support.system import ROOT, System

#: In the world's folder.
STANDARD_ERROR = "supervisor.stderr"
#: How long a supervisor may take to leave.
LEAVE_MAX_S = 40.0


class SupervisorProcess:
    """At most one at a time."""

    def __init__(self, system: System, record: Record, tally: Tally, folder: Path) -> None:
        self._system = system
        self._record = record
        self._tally = tally
        self._folder = folder
        self._is_stopped = False
        self._listening: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """Of the one that runs; None while none does."""
        process = self._system.process
        return process.pid if process is not None and process.poll() is None else None

    def kill(self) -> None:
        """By a signal that it cannot catch."""
        assert self._system.process is not None
        self._system.process.kill()
        self.forget()

    def stop(self) -> None:
        """Until ``go_on``."""
        assert self._system.process is not None
        self._system.process.send_signal(signal.SIGSTOP)
        self._is_stopped = True

    def go_on(self) -> None:
        """Lets one that was stopped run."""
        if self._system.process is not None and self._is_stopped:
            self._system.process.send_signal(signal.SIGCONT)
        self._is_stopped = False

    def end(self) -> None:
        """Asks it to leave, and kills one that does not."""
        if self._system.process is None:
            return
        self.go_on()
        if self._system.process.poll() is None:
            self._system.process.terminate()
            try:
                self._system.process.wait(timeout=LEAVE_MAX_S)
            except subprocess.TimeoutExpired:
                self._system.process.kill()
        self.forget()

    def start(self) -> None:
        # Not System.start: nobody reads its pipe, and a supervisor whose log cannot be written says much on
        # standard error. Nor a file: to a supervisor whose disk is full it would be full, too.
        self._system.process = process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "krakencopy.supervisor.daemon",
                "--config",
                str(self._system.write_config()),
                "--state-dir",
                str(self._system.state_dir),
                "--quiet",
            ],
            env=self._system.environment(),
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            errors="replace",
        )
        self._listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
        self._listening.start()
        started = SupervisorSeen(pid=self._system.process.pid, epoch=0, started=time.time())
        self._record.supervisors.append(started)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Keeps what a supervisor says on standard error."""
        assert process.stderr is not None
        with process.stderr, (self._folder / STANDARD_ERROR).open("a") as kept:
            for line in process.stderr:
                kept.write(line)
                kept.flush()

    def forget(self) -> None:
        """It has ended."""
        process = self._system.process
        assert process is not None
        process.wait(timeout=LEAVE_MAX_S)
        self._system.process = None
        self._is_stopped = False
        assert self._listening is not None
        self._listening.join(timeout=LEAVE_MAX_S)
        said = (self._folder / STANDARD_ERROR).read_text(errors="replace").strip().splitlines()[-1:]
        self._record.supervisors[-1] = replace(
            self._record.supervisors[-1],
            ended=time.time(),
            exit_code=process.returncode,
            last_words="".join(said),
        )

    def start_if_none(self) -> None:
        """Starts one if none runs."""
        process = self._system.process
        if process is not None and process.poll() is not None:
            self._tally.started_again[f"supervisor after exit {process.returncode}"] += 1
            self.forget()
        if self._system.process is None:
            self.start()
