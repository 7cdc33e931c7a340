"""`krakencopy gateway` as a command: what it says where it cannot begin. What it serves is tested in
tests/client/gateway.
"""

from __future__ import annotations

import builtins
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from krakencopy.client.cli.main import main
from krakencopy.client.gateway import server
from krakencopy.client.sdk.errors import ExitCode


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_it_serves_until_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(options: Any, target: str, listening: Any) -> None:
        assert target == f"unix:{tmp_path}/run/control.sock"
        listening(options.url)

    monkeypatch.setattr(server, "serve", serve)
    assert main(["gateway", "--state-dir", str(tmp_path)]) == ExitCode.DONE
    assert capsys.readouterr().out == f"serves unix:{tmp_path}/run/control.sock at http://127.0.0.1:8443\n"


def test_what_is_missing_is_said_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *words: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "connectrpc":
            raise ModuleNotFoundError("No module named 'connectrpc'", name="connectrpc")
        return real(name, *words, **more)

    for name in [name for name in sys.modules if name.startswith("krakencopy.client.gateway")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["gateway", "--endpoint", "unix:s"]) == ExitCode.BAD_INPUT
    assert capsys.readouterr().err == (
        "krakencopy: the gateway needs the package connectrpc: pip install 'krakencopy[gateway]'\n"
    )


def test_bad_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway", "--listen", "0.0.0.0:8443"]) == ExitCode.BAD_INPUT
    assert "plain text" in capsys.readouterr().err
    assert main(["gateway", "--endpoint", "https://kc.example:8442"]) == ExitCode.BAD_INPUT
    assert "is no Unix socket" in capsys.readouterr().err
