"""What ended the run before, where that run could not write it into its journal: a file of fixed size in the
state folder, written in place, so that it has room on a full disk, too.

A run says at its start which boot of the machine it is in and how many processes the kernel had ended there
for want of memory, and at its end what ended it. Where that is missing, the next run concludes it from the
rest. It must not know whether the run before has come to its own end (the journal does).
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from krakencopy.account_proc.runtime.machine import boot_id

log = logging.getLogger(__name__)

LAST_RUN = Path("run") / "last_run"
#: Of the file; longer words are cut.
FILE_BYTES = 2_048
WORDS_MAX = 300
_OOM_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
VMSTAT = Path("/proc/vmstat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a run says of itself."""

    boot: str
    oom_kills: int
    #: What ended it, and when (Unix seconds); empty while it runs, and where nobody could say so.
    end: str = ""
    ended_at: float = 0.0


def cause_of_end(last: Remembered | None, boot: str, oom_kills: int) -> str:
    """What ended a run that did not come to its own end, by what it left and what the machine shows now, for
    people. Pure.
    """
    if last is None:
        return "killed, out of room on the disk, or the machine went down"
    if last.end:
        return last.end
    if last.boot != boot:
        return "the machine went down: a power cut, a crash, or a reboot that did not wait"
    if more := oom_kills - last.oom_kills:
        return f"killed, as it seems by the kernel for want of memory (it has ended {more} since that start)"
    return "killed (SIGKILL)"


class LastRun:
    """The file, from before a run to its end. What cannot be read or written is said nowhere else."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / LAST_RUN
        self._last = _read(self._path)
        self._own = Remembered(boot=boot_id().hex(), oom_kills=_oom_kills())

    def cause(self) -> str:
        """What ended the run before, if it did not come to its own end, for people."""
        return cause_of_end(self._last, self._own.boot, self._own.oom_kills)

    def ended_at(self) -> float:
        """When that was, in Unix seconds; 0 where the run could not say so."""
        return 0.0 if self._last is None else self._last.ended_at

    def begin(self) -> None:
        """Puts this run in its place."""
        self._write(self._own)

    def note_end(self, words: str) -> None:
        """What ends this run, if it cannot come to its own end."""
        end = words[:WORDS_MAX]
        boot, oom_kills = self._own.boot, self._own.oom_kills
        self._write(Remembered(boot=boot, oom_kills=oom_kills, end=end, ended_at=time.time()))

    def _write(self, remembered: Remembered) -> None:
        content = json.dumps(asdict(remembered)).encode("ascii").ljust(FILE_BYTES)
        try:
            opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(opened, content, 0)
                os.fsync(opened)
            finally:
                os.close(opened)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def _read(path: Path) -> Remembered | None:
    try:
        fields = json.loads(path.read_bytes()[:FILE_BYTES])
        return Remembered(
            boot=str(fields["boot"]), oom_kills=int(fields["oom_kills"]), end=str(fields["end"]),
            ended_at=float(fields["ended_at"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _oom_kills() -> int:
    """How many processes the kernel has ended for want of memory since the machine's start; 0 if it does not
    say.
    """
    try:
        found = _OOM_KILLS.search(VMSTAT.read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0
