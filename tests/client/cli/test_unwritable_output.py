"""The command ends with one line where its output cannot be written, and never with a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from krakencopy.client.cli.output import Output
from krakencopy.client.sdk.errors import ExitCode
from tests.support.system import ROOT, Paper, System

COMMAND = "from krakencopy.client.cli.main import main; import sys; sys.exit(main())"
LIMIT_S = 60


@pytest.fixture(scope="module")
def endpoint() -> object:
    with Paper() as paper, System(paper, {"anna": "1000"}) as system:
        system.start().wait_ready()
        yield system.endpoint
        system.stop()


@pytest.mark.parametrize(
    ("redirection", "told"),
    [(">/dev/full", "No space left on device"), (">&-", "standard output is closed")],
)
@pytest.mark.parametrize("command", ["status", "-o json accounts", "events"])
def test_output_that_cannot_be_written_is_told_in_one_line(
    endpoint: str, command: str, redirection: str, told: str
) -> None:
    ended = subprocess.run(  # noqa: S602 - as an operator types it
        f"{sys.executable} -c '{COMMAND}' --endpoint {endpoint} {command} {redirection}",
        shell=True,
        cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert ended.returncode == ExitCode.OUTPUT
    assert ended.stderr == f"krakencopy: the result cannot be written: {told}\n"


@pytest.mark.parametrize(
    ("form", "shown"),
    [("table", "red [31m and  back \ntwo\n"), ("json", '"red\\u001b[31m and \\u202eback\\u0007"\n')],
)
def test_nothing_that_is_shown_steers_a_terminal(tmp_path: Path, form: str, shown: str) -> None:
    text = "red\x1b[31m and \u202eback\x07"
    with (tmp_path / "shown").open("w") as stream:
        Output(stream, form=form).lines([f'"{text}"' if form == "json" else f"{text}\ntwo"])
    assert (tmp_path / "shown").read_text() == shown


def test_standard_error_may_be_full_too(endpoint: str) -> None:
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        ended = subprocess.run(  # noqa: S602 - as an operator types it
            f"{sys.executable} -c '{COMMAND}' --endpoint {endpoint} accounts eve >/dev/full 2>/dev/full",
            shell=True,
            cwd=ROOT, stdin=nothing, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    assert ended.returncode == ExitCode.REFUSED
