"""Writes what client/sdk/generated holds, from the protos and the catalogue of refusals, and
docs/sdk-reference.md: ``.venv/bin/python -m tests.support.sdk``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

from tests.support import sdk_reasons, sdk_values

GENERATED = Path(__file__).parents[2] / "client" / "sdk" / "generated"
#: What each module is made by.
MODULES: dict[str, Callable[[], Iterable[str]]] = {
    "reasons.py": sdk_reasons.render_reasons,
    "enums.py": sdk_values.render_enums,
    "values/__init__.py": sdk_values.render_names,
    **{
        f"values/{subject}.py": partial(sdk_values.render_values, subject)
        for subject in sdk_values.subjects()
    },
}


def formatted(lines: Iterable[str]) -> str:
    """As ruff has it, which also leaves out imports that nothing uses."""
    text = "\n".join(lines)
    ruff = [sys.executable, "-m", "ruff"]
    name = ("--stdin-filename", str(GENERATED / "made.py"))
    for command in (["check", "--quiet", "--fix-only", "--select", "F401,I"], ["format", "--quiet"]):
        text = subprocess.run(
            [*ruff, *command, *name, "-"], input=text, text=True, capture_output=True, check=True
        ).stdout
    return text


@cache
def rendered(name: str) -> str:
    """What a module should hold."""
    return formatted(MODULES[name]())


def written() -> set[str]:
    """The modules that there are, but for the description of the package itself."""
    return {str(path.relative_to(GENERATED)) for path in GENERATED.rglob("*.py")} - {"__init__.py"}


if __name__ == "__main__":
    for each in MODULES:
        (GENERATED / each).write_text(rendered(each))
    for old in written() - MODULES.keys():
        (GENERATED / old).unlink()
    # In a process that imports what was just written.
    subprocess.run([sys.executable, "-m", "tests.support.sdk_reference"], check=True)
