"""An operator's command gives what it prints, or one line that shows none of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from krakencopy.supervisor.config import credentials_command
from krakencopy.supervisor.config.credentials_command import CommandFailed, output_of
from tests.support.system import alive, wait_for

MAX = 5_000


def output(program: str, folder: Path) -> bytes:
    return output_of(("sh", "-c", program), {"PATH": os.environ["PATH"], "NAME": "anna"}, folder, MAX)


def test_what_it_prints_is_taken_whole(tmp_path: Path) -> None:
    assert (
        output('echo "$NAME in $(pwd)"; sleep 0.05; echo more', tmp_path)
        == f"anna in {tmp_path}\nmore\n".encode()
    )
    assert output("true", tmp_path) == b""
    assert len(output(f"head -c {MAX} /dev/zero", tmp_path)) == MAX


def test_its_output_may_stay_open_when_it_has_ended(tmp_path: Path) -> None:
    assert output("sleep 20 & echo ready", tmp_path) == b"ready\n"


def test_it_may_close_its_output_before_it_ends(tmp_path: Path) -> None:
    assert output("echo ready; exec >&-; sleep 0.1", tmp_path) == b"ready\n"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("echo secret; exit 3", "ended with exit code 3"),
        ("echo secret; kill -9 $$", "was ended by signal 9"),
        (f"head -c {MAX + 1} /dev/zero", f"printed more than {MAX} bytes"),
        ("yes secret", f"printed more than {MAX} bytes"),
    ],
)
def test_a_command_that_fails_says_how_and_shows_nothing(tmp_path: Path, program: str, says: str) -> None:
    with pytest.raises(CommandFailed, match=f"^{says}$"):
        output(program, tmp_path)


def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials_command, "LIMIT_S", 0.05)
    with pytest.raises(CommandFailed, match=r"^did not end within 0\.05 s$"):
        output("echo $$ > pid; exec sleep 60", tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_it_has_started_ends_with_one_that_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials_command, "LIMIT_S", 0.5)
    with pytest.raises(CommandFailed, match="did not end within"):
        output("(sh -c 'echo $$ > child; exec sleep 60'; true) & echo $! > pid; wait", tmp_path)
    for name in ("pid", "child"):
        pid = int((tmp_path / name).read_text())
        wait_for(f"{name} to end", partial(has_ended, pid))


def has_ended(pid: int) -> bool:
    return not alive(pid)


AT_A_TERMINAL = """
import fcntl, os, sys, termios
from pathlib import Path
from krakencopy.supervisor.config.credentials_command import output_of
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
command = ("sh", "-c", "printf 'Passphrase: ' >&2; read -r word < /dev/tty; echo got $word")
for _ in range(2):
    print(output_of(command, os.environ, Path("/"), 100).decode().strip(), flush=True)
    assert os.tcgetpgrp(0) == os.getpgrp()
"""


def test_it_can_ask_the_person_at_the_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", AT_A_TERMINAL],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for word in ("sesame", "again"):
                os.write(ours, f"{word}\n".encode())
                assert process.stdout.readline() == f"got {word}\n"
        assert process.returncode == 0
    finally:
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/no/such/program",), "cannot be started: No such file or directory"),
        ((sys.executable, "a\0b"), "cannot be started: not a command"),
    ],
)
def test_what_cannot_be_started_says_why(tmp_path: Path, command: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandFailed, match=says):
        output_of(command, {}, tmp_path, MAX)
