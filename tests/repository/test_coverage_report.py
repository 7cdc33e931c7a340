"""The report of coverage adds up, and names every module that is below a minimum."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import given
from hypothesis import strategies as st

from tests.repository.coverage_report import Reached, faults, measured, ranges, reached, summary
from tests.support.system import ROOT

ROW: dict[str, Any] = {
    "summary": {"num_statements": 10, "covered_lines": 7, "num_branches": 4, "covered_branches": 2},
    "missing_lines": [3, 4, 9],
    "missing_branches": [[2, 3], [3, 5], [8, -1]],
}
#: A process that forks another one, which leaves at once.
FORKING = """
import os

def child():
    os._exit(0)

if os.fork() == 0:
    child()
os.wait()
"""
CODE = "def answer(question):\n    if question:\n        return 42\n    return None\n\n\nanswer(1)\n"


def test_lines_and_branches_count_alike_and_a_branch_from_a_line_that_is_missing_is_not_told_twice() -> None:
    result = reached(ROW)
    assert (result.points, result.reached) == (14, 9)
    assert result.missing == "3-4 9 2->3 8->exit"


@given(st.sets(st.integers(1, 60)))
def test_ranges_name_each_line_once(lines: set[int]) -> None:
    named = list(ranges(sorted(lines)))
    told: list[int] = []
    for text in named:
        first, _, last = text.partition("-")
        told += range(int(first), int(last or first) + 1)
    assert told == sorted(lines)
    assert len(named) == sum(line - 1 not in lines for line in lines), "as few as there can be"


def test_a_module_without_code_is_covered() -> None:
    assert Reached(0, 0).percent == 100


def test_each_module_below_a_minimum_is_named_with_what_is_missing() -> None:
    whole = {"a.py": Reached(10, 9), "b.py": Reached(1000, 899, "7-8"), "c.py": Reached(10, 10)}
    own = {"client/sdk/call.py": Reached(10, 5), "c.py": Reached(10, 6)}
    assert list(faults(whole, own)) == [
        "b.py: 89.9 % of 90; not reached: 7-8",
        "client/sdk/call.py: its own tests reach 50.0 % of 60 (tests/client/sdk/test_call.py)",
    ]


def test_the_summary_has_the_total_each_package_and_the_lowest_modules() -> None:
    whole = {f"client/{number:02}.py": Reached(10, 10 - number % 2) for number in range(20)}
    lines = list(summary(whole | {"supervisor/run.py": Reached(100, 0)}))
    assert lines[0] == "coverage, lines and branches: 63.3 %"
    assert lines[1:4] == ["  client            95.0 %", "  supervisor         0.0 %", "the lowest 10:"]
    assert lines[4] == "     0.0 %  supervisor/run.py"
    assert len(lines) == 14


def test_what_was_run_is_told_as_a_whole_and_by_what_ran_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "module.py"
    path.write_text(CODE)
    coverage = Coverage(data_file=None, branch=True, config_file=False, include=[str(path)])
    # Line 4 and the way to it are missing; a context that is not known has run nothing.
    coverage.get_data().add_arcs({str(path): {(-1, 1), (1, 7), (7, -1), (-1, 2), (2, 3), (3, -1)}})
    (whole,) = measured(coverage, [path]).values()
    assert (whole.reached, whole.points, whole.missing) == (5, 7, "4 2->4")
    (nothing,) = measured(coverage, [path], ["^elsewhere$"]).values()
    assert nothing.reached == 0


def test_a_forked_process_that_leaves_at_once_is_measured_and_put_down_to_its_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "client" / "forking.py"
    program.parent.mkdir()
    program.write_text(FORKING)
    asked = {"COVERAGE_ROOT": str(tmp_path), "COVERAGE_PROCESS_START": str(ROOT / "pyproject.toml")}
    subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | asked | {"COVERAGE_CONTEXT": "tests/test_x.py"},
        check=True,
    )
    monkeypatch.chdir(tmp_path)
    coverage = Coverage(data_file=str(tmp_path / ".coverage" / "data"), config_file=False)
    coverage.combine()
    (whole,) = measured(coverage, [program]).values()
    assert whole.missing == ""
    (own,) = measured(coverage, [program], ["^tests/test_x.py$"]).values()
    assert own == whole
