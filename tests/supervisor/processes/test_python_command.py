"""Our modules run in a process of their own, with our code and nobody's keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import krakencopy
from krakencopy.supervisor.processes.python_command import process_environment, python_command

PACKAGES = str(Path(krakencopy.__file__).absolute().parent.parent)


def test_code_in_the_folder_that_it_is_started_in_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise AssertionError('imported')\n")
    done = subprocess.run(
        [*python_command("krakencopy.account_proc.strategy.check")],
        input="[]", cwd=tmp_path, env=process_environment(os.environ), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]"), done.stderr


def test_a_checkout_is_importable_before_whatever_else_was_on_the_path() -> None:
    environment = process_environment({"PATH": "/bin", "PYTHONPATH": "/theirs"})
    assert environment == {"PATH": "/bin", "PYTHONPATH": f"{PACKAGES}{os.pathsep}/theirs"}
    assert process_environment({})["PYTHONPATH"] == PACKAGES


def test_what_is_installed_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: PACKAGES)
    assert process_environment({"PATH": "/bin"}) == {"PATH": "/bin"}


def test_no_accounts_key_goes_along() -> None:
    secret = {"KRAKEN_MASTER_API_KEY": "k", "KRAKEN_USER_ANNA_API_SECRET": "s", "HOME": "/root"}
    assert process_environment(secret).keys() == {"HOME", "PYTHONPATH"}


def test_the_interpreter_is_the_supervisors_own() -> None:
    assert python_command("x") == [sys.executable, "-P", "-m", "x"]
