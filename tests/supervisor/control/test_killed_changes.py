"""Whoever changes what is configured, and at whichever line the supervisor is killed: the next run has all of
the change or nothing of it, and has it once when it is asked for again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import ROOT

#: What is otherwise after each change, of what is looked at.
CHANGES = {
    "create": {"rows", "answered", "told", "users", "joined"},
    "delete": {"rows", "answered", "told", "leaving"},
    "leave": {"told", "sells"},
    "reload": {"users", "leaving"},
    "rotate": {"rows", "answered", "told"},
    "token": {"told", "credentials"},
    "revoke": {"told", "credentials"},
}
#: A change that is killed at fewer lines than this was not looked into.
LINES_MIN = 30


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_killed_anywhere_is_whole_or_not_there(change: str, state: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_changes", change, str(state)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    first, *deaths, last = map(json.loads, ended.stdout.splitlines())
    before, after = first["found"], last["again"]
    assert len(deaths) >= LINES_MIN
    assert {name for name in after if after[name] != before[name]} == CHANGES[change]
    assert last["found"] == after, "asked again it is done once"
    for death in deaths:
        assert death["found"] in (before, after), death["where"]
        assert death["again"] == after, death["where"]
