"""The pages of the SDK are what the code says, and programs as they show them are typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import sdk_reference
from tests.support.sdk_guide import programs
from tests.support.system import ROOT


def test_the_reference_is_what_the_code_says() -> None:
    written = sdk_reference.PAGE.read_text()
    assert written == sdk_reference.render(), "run `python -m tests.support.sdk`"


def test_the_programs_of_the_guide_and_the_services_are_typed(tmp_path: Path) -> None:
    files = [*(ROOT / "docs" / "examples").glob("*.py")]
    assert len(files) == 2
    for number, program in enumerate(programs()):
        files.append(tmp_path / f"guide{number}.py")
        files[-1].write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
