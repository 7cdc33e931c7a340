"""Strategies are checked in a process of their own: one line in, one answer for each, whatever they print."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from krakencopy.account_proc.strategy.check import main
from tests.support.system import ROOT

NOISY = "def make(options):\n    print('hello')\n    raise ValueError('speed must be a number')\n"


def test_each_strategy_is_answered_by_what_to_mend_or_by_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [["sma_cross", {}], ["sma_cross", {"fast": 0}], ["nobody", {}]]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(asked)))
    main()
    good, bad, unknown = json.loads(capsys.readouterr().out)
    assert good is None
    assert "fast must be a whole number" in bad
    assert "nobody" in unknown
    assert "is not installed" in unknown


def test_what_a_strategy_prints_does_not_mix_with_the_answer(tmp_path: Path) -> None:
    (tmp_path / "their_noisy.py").write_text(NOISY)
    found = tmp_path / "theirs-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text("[krakencopy.strategies]\nnoisy = their_noisy:make\n")
    done = subprocess.run(
        [sys.executable, "-m", "krakencopy.account_proc.strategy.check"],
        input=json.dumps([["noisy", {}]]),
        env={"PYTHONPATH": f"{ROOT / 'protos'}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
    )
    (problem,) = json.loads(done.stdout)
    assert "speed must be a number" in problem
    assert done.stderr == "hello\n"
