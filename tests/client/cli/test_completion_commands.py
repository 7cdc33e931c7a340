"""What shells are given, and bash itself at a terminal's words."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.cli import completion_commands
from krakencopy.client.cli.completion_scripts import SCRIPTS
from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted
from tests.support.system import ROOT

LIMIT_S = 60


@pytest.fixture(autouse=True)
def system(supervisor: Scripted) -> None:
    status = samples.status(samples.master(), samples.user("anna"), samples.user("bob"))
    status.accounts.add(id="an evil; rm")
    status.groups.add(id="alps")
    status.pairs[:] = ["BTC/USD", "ETH/USD"]
    supervisor.on["GetStatus"] = lambda _request, _context: status


def offered(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["completion", "words", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return [line.partition("\t")[0] for line in captured.out.splitlines()]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_each_shell_has_a_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == SCRIPTS[shell]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["stop", "a"], ["alps", "anna"]),
        (["copies", "--account", ""], ["anna", "bob", "master"]),
        (["status", "--group", ""], ["alps"]),
        (["order", "buy", "E"], ["ETH/USD"]),
        (["why", ""], []),
    ],
)
def test_what_the_running_system_knows_is_offered_as_one_word_each(
    endpoint: str, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    assert offered(capsys, "--endpoint", endpoint, *words) == expected


def test_the_grammars_words_say_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "words", "stat"]) == 0
    assert capsys.readouterr().out == "status\tThe whole system on one page.\n"


def test_the_shell_knows_files_best(capsys: pytest.CaptureFixture[str]) -> None:
    assert offered(capsys, "simulate", "--config", "") == [":files"]


@pytest.mark.parametrize(
    "options",
    [
        ["--state-dir", "/no/such"],
        ["--endpoint", "nonsense"],
        ["--context", "nope"],
        ["--endpoint", "https://127.0.0.1:1", "--ca", "/no/such"],
    ],
)
def test_without_a_system_it_is_silent(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert offered(capsys, *options, "stop", "") == []


def test_a_system_that_is_slow_is_not_waited_for(
    endpoint: str, supervisor: Scripted, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion_commands, "ASK_LIMIT_S", 0.05)

    def slow(_request: Any, context: Any) -> pb.GetStatusResponse:
        given_up = threading.Event()
        if context.add_callback(given_up.set):
            given_up.wait(LIMIT_S)
        return pb.GetStatusResponse()

    supervisor.on["GetStatus"] = slow
    assert offered(capsys, "--endpoint", endpoint, "stop", "") == []


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """`krakencopy` as it is installed, but of this tree."""
    program = tmp_path / "bin" / "krakencopy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m krakencopy.client.cli.main "$@"\n')
    program.chmod(0o755)
    return program


#: Calls the function that is bound to the program as bash does at a tab.
AT_A_TAB = """
source <({program} completion bash)
COMP_WORDS=({program} {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ echo "compopt $*"; }}
$(complete -p krakencopy | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sta", ["start", "status"]),
        ("--endpoint {endpoint} stop ''", ["alps", "anna", "bob", "master"]),
        ("reload --dry", ["--dry-run"]),
        ("simulate --config ''", ["compopt -o default", ""]),
        ("--endpoint {endpoint} stop anna x", [""]),
    ],
)
def test_bash_completes_words(endpoint: str, program: Path, words: str, expected: list[str]) -> None:
    script = AT_A_TAB.format(program=program, words=words.format(endpoint=endpoint))
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=ROOT, env=os.environ, capture_output=True, text=True,
        timeout=LIMIT_S, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == expected


@pytest.mark.parametrize("shell", SCRIPTS)
def test_each_shell_that_is_here_reads_its_script(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    (tmp_path / "script").write_text(SCRIPTS[shell])
    checked = subprocess.run(
        [shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
