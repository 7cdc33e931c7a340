"""Strategies are known by their entry points, without an import of any."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from krakencopy.account_proc.contract.strategies import installed


def test_the_shipped_strategies_are_installed() -> None:
    assert {"sma_cross", "scripted", "paper_demo"} <= installed().keys()


def test_somebodys_strategy_is_found_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "never_imported.py").write_text("raise AssertionError\n")
    found = tmp_path / "theirs-1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (found / "entry_points.txt").write_text("[krakencopy.strategies]\ntheirs = never_imported:Make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed()["theirs"].value == "never_imported:Make"
    assert "never_imported" not in sys.modules
