"""What cannot be meant, options that all commands have, help, and Ctrl-C."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable

import pytest

from krakencopy.client.cli.main import main
from krakencopy.client.cli.run import run
from krakencopy.client.sdk.message_client import MessageClient

BAD_INPUT = [
    "",
    "bogus",
    "status extra",
    "--bogus status",
    "status -o xml",
    "status --timeout soon",
    "status --timeout 0",
    "status --timeout -1",
    "start",
    "start bob --all",
    "fills --limit -1",
    "fills --limit 1_0",
    "fills --since soon",
    "fills --since 2100-01-01",
    "fills --since 1h --until 2h",
    "fills --since 1h --until 0s --follow",
    "events --until 1_0h",
    "logs bob --since 7",
    "logs bob --lines 10001",
    "copies --state nope",
    "copies --fill 0",
    "why 0",
    "why -3",
    "order hold BTC/USD 1",
    "order buy BTC/USD 0",
    "order buy BTC/USD nan",
    "order buy BTC/USD 1 --limit -5",
    "logs",
    "wait",
    "status --endpoint nowhere",
    "status --endpoint localhost:50051",
]


@pytest.mark.parametrize("line", BAD_INPUT)
def test_bad_input_ends_with_3_and_one_line_on_standard_error(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("krakencopy: ")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("place", ["{options} status", "status {options}"])
def test_common_options_stand_before_or_after_the_command(
    place: str, endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = place.format(options=f"--endpoint {endpoint} -o json --timeout 9")
    assert main(line.split()) == 0
    assert json.loads(capsys.readouterr().out)["ready"] is False


def test_the_option_after_the_command_wins_over_the_one_before(
    endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--endpoint", "unix:/no/such", "status", "--endpoint", endpoint]) == 0
    assert "NOT READY" in capsys.readouterr().out


def test_the_endpoint_may_come_from_the_environment(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KRAKENCOPY_ENDPOINT", endpoint)
    assert main(["status", "--state-dir", "/no/such"]) == 0
    assert "NOT READY" in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--help", "--version", "order --help"])
def test_help_and_version_end_with_0(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(flag.split())
    assert ended.value.code in {0, None}
    assert "krakencopy" in capsys.readouterr().out


def test_ctrl_c_ends_quietly_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_arguments: Namespace) -> MessageClient:
        raise KeyboardInterrupt

    dial: Callable[[Namespace], MessageClient] = interrupted
    assert run(["status"], dial) == 130
    assert capsys.readouterr() == ("", "")
