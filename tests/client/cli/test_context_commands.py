"""Contexts as they are typed: added, used, shown, asked about, forgotten."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from krakencopy.client.cli.main import main
from krakencopy.v1 import control_pb2 as pb
from tests.support import client_samples as samples
from tests.support.scripted_supervisor import Scripted
from tests.support.typed_lines import Typed


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where contexts are kept; commands are typed in a folder with files of credentials."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("ca.pem", "me.pem", "me.key", "token"):
        (folder / name).touch()
    return folder


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def types(self, line: str, code: int = 0) -> str:
        assert main(line.split()) == code
        captured = self._capsys.readouterr()
        return captured.err if code else captured.out


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_context_is_kept_with_absolute_paths(shell: Shell, home: Path) -> None:
    assert "make it the current one: krakencopy context use prod" in shell.types(
        "context add prod --endpoint https://box:7443 --ca ca.pem --certificate me.pem --key me.key "
        "--token-file token"
    )
    [found] = [json.loads(line) for line in shell.types("context list -o json").splitlines()]
    assert found == {
        "name": "prod", "current": False, "endpoint": "https://box:7443", "ca": str(home / "ca.pem"),
        "certificate": str(home / "me.pem"), "key": str(home / "me.key"), "token_file": str(home / "token"),
    }  # fmt: skip
    shell.types("context add paper --state-dir data-paper")
    shell.types("context add near --endpoint unix:run/control.sock")
    paper, near = list(yaml.safe_load_all(shell.types("context list -o yaml")))[1:]
    assert paper["endpoint"] == f"unix:{home}/data-paper/run/control.sock"
    assert near["endpoint"] == f"unix:{home}/run/control.sock"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("context add prod", "give either --endpoint or --state-dir"),
        ("context add prod --endpoint unix:/x --state-dir data", "give either"),
        ("context add prod --endpoint http://box:1", "would be plain text"),
        ("context add prod --endpoint https://box:1 --certificate me.pem", "without its key"),
        (
            "context add prod --endpoint https://box:1 --token-file nope",
            "--token-file: there is no file nope",
        ),
        ("context add a/b --endpoint unix:/x", "is no name"),
        ("context use prod", "there is no context 'prod'; there is none"),
        ("context remove prod", "there is no context 'prod'"),
        ("status --context prod", "there is no context 'prod'"),
        ("context", "required: ACTION"),
        ("context ad", "did you mean add?"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_kept(shell: Shell, line: str, expected: str) -> None:
    assert expected in shell.types(line, code=3)
    assert shell.types("context list -o json") == ""


def test_the_current_one_is_used_shown_and_forgotten(shell: Shell, endpoint: str) -> None:
    assert "there are no contexts" in shell.types("context list")
    shell.types(f"context add here --endpoint {endpoint}")
    shell.types("context add far --endpoint https://box:7443 --ca ca.pem")
    assert shell.types("context use here") == f"current context here: {endpoint}\n"
    assert "NOT READY" in shell.types("status")
    listed = shell.types("context list").splitlines()
    assert listed[0].split() == ["CONTEXT", "ENDPOINT"]
    assert listed[1].split() == ["*", "here", endpoint]
    assert listed[2].split() == ["far", "https://box:7443"]
    shown = shell.types("context show")
    assert shown.splitlines()[:2] == ["context   here", "by        the current context"]
    assert "by        --context\n" in shell.types("context show --context far")
    assert json.loads(shell.types("context show -o json --context far"))["endpoint"] == "https://box:7443"
    assert shell.types("context use --none") == "no context is the current one any more\n"
    shell.types("context use here")
    assert shell.types("context remove here") == "context here is forgotten; no context is current\n"
    assert "the default folders" in shell.types("context show")


def test_without_contexts_show_says_what_else_holds(
    shell: Shell, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads(shell.types("context show --state-dir data -o json"))["why"] == "--state-dir"
    monkeypatch.setenv("KRAKENCOPY_ENDPOINT", endpoint)
    assert shell.types("context show").splitlines()[:2] == [
        "by        KRAKENCOPY_ENDPOINT in the environment",
        f"endpoint  {endpoint}",
    ]


@pytest.mark.parametrize(
    ("mode", "line", "kind"),
    [
        ("live", "shutdown", pb.ShutdownRequest),
        ("live", "flatten bob", pb.FlattenAccountsRequest),
        ("live", "resync bob", pb.ResyncAccountRequest),
        ("paper", "flatten bob", pb.FlattenAccountsRequest),
    ],
)
def test_a_question_names_the_context_and_what_it_is(
    shell: Shell, endpoint: str, supervisor: Scripted, monkeypatch: pytest.MonkeyPatch, mode: str, line: str,
    kind: type,
) -> None:  # fmt: skip
    status = samples.status()
    status.exchange.mode = mode
    supervisor.on["GetStatus"] = lambda _request, _context: status
    shell.types(f"context add desk --endpoint {endpoint}")
    monkeypatch.setattr(sys, "stdin", Typed("no\n"))
    word = "LIVE" if mode == "live" else "paper"
    said = shell.types(f"{line} --context desk", code=1)
    assert f"the {word} system at {endpoint} (context desk):" in said
    assert not [each for each in supervisor.requests(kind) if not getattr(each, "dry_run", False)]


def test_names_of_contexts_are_completed(shell: Shell) -> None:
    assert (
        shell.types("completion words context use")
        == "use\tMake a context the current one: that of commands that name none.\n"
    )
    shell.types("context add desk --endpoint unix:/x")
    main(["completion", "words", "context", "use", ""])
    assert "desk\t" in shell.types("completion words status --context d")
