"""What the tests reach of each module, branches included, and what of it the module's own tests reach alone.

``make coverage`` runs it after the tests. It prints the total, the part of each package, and the lowest
modules, and fails with the lines that are not reached where a module is below a minimum.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.exceptions import CoverageWarning

from tests.repository.own_tests import PACKAGES, ROOT, modules, own_tests

#: Of all lines and branches of a module, by all tests, in percent.
MODULE_MIN = 90.0
#: The same by the module's own tests alone.
OWN_MIN = 60.0
#: How many of the lowest modules are shown.
LOWEST_SHOWN = 10


@dataclass(frozen=True)
class Reached:
    """What of a module was reached."""

    #: Lines and branches that there are, and that were reached.
    points: int
    reached: int
    #: Lines and branches that were not, as one reads them: ``12-14 20->23``.
    missing: str = ""

    @property
    def percent(self) -> float:
        return 100.0 * self.reached / self.points if self.points else 100.0

    def __add__(self, other: Reached) -> Reached:
        return Reached(self.points + other.points, self.reached + other.reached)


def reached(row: Mapping[str, Any]) -> Reached:
    """From a file's part of coverage's JSON."""
    summary = row["summary"]
    missing = set(row["missing_lines"])
    branches = [f"{start}->{'exit' if end < 0 else end}" for start, end in row["missing_branches"]]
    shown = [
        *ranges(sorted(missing)),
        *(text for text in branches if int(text.partition("-")[0]) not in missing),
    ]
    return Reached(
        summary["num_statements"] + summary["num_branches"],
        summary["covered_lines"] + summary["covered_branches"],
        " ".join(shown),
    )


def ranges(lines: list[int]) -> Iterator[str]:
    """Numbers in order as one writes them: ``12-14``, ``20``."""
    start = 0
    for index, line in enumerate(lines):
        if index + 1 == len(lines) or lines[index + 1] != line + 1:
            yield f"{lines[start]}-{line}" if index > start else f"{line}"
            start = index + 1


def faults(whole: Mapping[str, Reached], own: Mapping[str, Reached]) -> Iterator[str]:
    """A line for each module that is below a minimum."""
    for module, result in sorted(whole.items()):
        if result.percent < MODULE_MIN:
            yield f"{module}: {result.percent:.1f} % of {MODULE_MIN:g}; not reached: {result.missing}"
    for module, result in sorted(own.items()):
        if result.percent < OWN_MIN:
            files = ", ".join(own_tests(module))
            yield f"{module}: its own tests reach {result.percent:.1f} % of {OWN_MIN:g} ({files})"


def summary(whole: Mapping[str, Reached]) -> Iterator[str]:
    """The total, each package, the lowest modules."""
    packages: dict[str, Reached] = defaultdict(lambda: Reached(0, 0))
    for module, result in whole.items():
        packages[module.partition("/")[0]] += result
    yield f"coverage, lines and branches: {sum(packages.values(), Reached(0, 0)).percent:.1f} %"
    for package, result in sorted(packages.items()):
        yield f"  {package:<16}{result.percent:6.1f} %"
    yield f"the lowest {LOWEST_SHOWN}:"
    for module, result in sorted(whole.items(), key=lambda item: item[1].percent)[:LOWEST_SHOWN]:
        yield f"  {result.percent:6.1f} %  {module}"


def measured(
    coverage: Coverage, paths: Sequence[Path], contexts: list[str] | None = None
) -> dict[str, Reached]:
    """What was reached of these modules, by all or in these contexts (regular expressions)."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "coverage.json")
        coverage.json_report(morfs=[str(path) for path in paths], outfile=str(out), contexts=contexts)
        files = json.loads(out.read_text())["files"]
    return {path: reached(row) for path, row in files.items()}


def main() -> int:
    """0 if no module is below a minimum."""
    coverage = Coverage()
    coverage.load()  # of a report before, so that it can be asked for again
    with warnings.catch_warnings():
        # A process that was killed while it wrote leaves a part of a file.
        warnings.simplefilter("ignore", CoverageWarning)
        coverage.combine()
    coverage.save()
    whole = measured(coverage, [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")])
    own: dict[str, Reached] = {}
    for module in modules():
        if files := own_tests(module):
            # What an import runs is nobody's: it is run once, before the first test.
            contexts = ["^$", *(f"^{re.escape(file)}$" for file in files)]
            own |= measured(coverage, [ROOT / module], contexts)
    found = list(faults(whole, own))
    sys.stdout.writelines(f"{line}\n" for line in [*summary(whole), *found])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
