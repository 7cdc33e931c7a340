"""However a command ends: an exit code, at most one line on standard error, and no traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.cli.main import main
from krakencopy.client.cli.run import TRACEBACK_VARIABLE, run, writing_limit_s
from krakencopy.client.sdk.errors import ExitCode
from krakencopy.client.sdk.message_client import MessageClient
from krakencopy.v1 import control_pb2 as pb
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted

ROOT = Path(__file__).parents[3]
LIMIT_S = 30.0


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "krakencopy.client.cli.main", *words]


def _broken(_arguments: Namespace) -> MessageClient:
    raise RuntimeError("not \x1b[31mthis")


def test_a_defect_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["status"], _broken) == 70
    said = capsys.readouterr().err
    assert said.startswith(
        "krakencopy: a defect of this command, RuntimeError: not  [31mthis; KRAKENCOPY_TRACE"
    )
    assert said.count("\n") == 1
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(RuntimeError):
        run(["status"], _broken)


@pytest.mark.parametrize(
    "words",
    [["accounts", "\udcff"],
     ["why", "\udcff"], ["fills", "--pair", "\udcff"], ["order", "buy", "\udcff", "1"],
     ["status", "--state-dir", "\udcff"], ["status", "--endpoint", "unix:\udcff"], ["\udcff"],
     ["status", "--endpoint", "unix:/run/\x00"]],
)  # fmt: skip
def test_words_that_are_no_text_are_bad_input(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_in_the_environment_that_is_no_text_is_bad_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKENCOPY_ENDPOINT", "unix:/tmp/\udcff")
    assert main(["status"]) == ExitCode.BAD_INPUT
    assert "characters that cannot be shown" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_somebody_elses_is_told_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = tmp_path / "closed"
    (closed / "run").mkdir(parents=True)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    closed.chmod(0o700)
    os.seteuid(65534)
    try:
        code = main(["status", "--state-dir", str(closed)])
    finally:
        os.seteuid(0)
    assert code == ExitCode.UNAVAILABLE
    said = capsys.readouterr().err
    assert "(Permission denied)" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "limit_s"),
    [
        ({"command": "status", "timeout": None}, None),
        ({"command": "status", "timeout": 7.0}, 7.0),
        ({"command": "wait", "timeout": 0.0}, 1.0),
        ({"command": "fills", "timeout": 7.0, "follow": False}, 7.0),
        ({"command": "fills", "timeout": 7.0, "follow": True}, None),
        ({"command": "watch", "timeout": 7.0}, None),
    ],
)
def test_how_long_a_result_waits_for_a_reader(words: dict[str, Any], limit_s: float | None) -> None:
    assert writing_limit_s(Namespace(**words)) == limit_s


def test_a_full_pipe_is_not_waited_for_beyond_the_time_limit(endpoint: str, supervisor: Scripted) -> None:
    fills = [samples.fill(seq) for seq in range(1, 1001)]  # more than a pipe holds
    supervisor.on["ListFills"] = lambda _request, _context: pb.ListFillsResponse(fills=fills)
    process = subprocess.Popen(
        _command("fills", "--limit", "0", "--timeout", "2", "--endpoint", endpoint),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.wait(LIMIT_S) == ExitCode.NOT_IN_TIME
    _, said = process.communicate()
    assert said == "krakencopy: the result cannot be written: nobody has read it for 2 s\n"


def test_a_stopped_terminal_is_not_waited_for_beyond_the_time_limit(
    endpoint: str, supervisor: Scripted
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    screen, terminal = pty.openpty()
    try:
        termios.tcflow(terminal, termios.TCOOFF)  # as Ctrl-S does
        process = subprocess.Popen(
            _command("wait", "--ready", "--timeout", "2", "--endpoint", endpoint),
            stdout=terminal, stderr=terminal, cwd=ROOT,
        )  # fmt: skip
        assert process.wait(LIMIT_S) == ExitCode.NOT_IN_TIME
        termios.tcflow(terminal, termios.TCOON)
    finally:
        os.close(screen)
        os.close(terminal)


def test_characters_that_a_terminal_does_not_have_are_written_otherwise(
    endpoint: str, supervisor: Scripted
) -> None:
    odd = samples.user("bob", message="caf\u00e9 \u2026")
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status(odd)
    done = subprocess.run(
        _command("status", "--endpoint", endpoint), capture_output=True, text=True, cwd=ROOT, check=False,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "bob: caf\\xe9 \\u2026" in done.stdout


@pytest.mark.parametrize("redirection", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_input_and_error_streams_are_no_error(
    endpoint: str, supervisor: Scripted, redirection: str
) -> None:
    supervisor.on["GetStatus"] = lambda _request, _context: samples.status()
    command = " ".join(_command("status", "-o", "json", "--endpoint", endpoint))
    done = subprocess.run(  # noqa: S602 - as an operator types it
        f"{command} {redirection}", shell=True, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{")
