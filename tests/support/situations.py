"""The table of docs/situations.md, from the tests in tests/situations: what copying does when something odd
happens.

`python -m tests.support.situations` writes it anew; tests/repository/test_situations.py fails where it is not
what the tests say.
"""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "situations.md"
#: Of the page's prose; rows of tables are as wide as they are.
WIDTH = 110
HEAD = """# What copying does when ...

Each line is a test with real processes against the paper exchange, which is held to what was recorded of
Kraken; the last column names it. The page is written by `.venv/bin/python -m tests.support.situations`, and a
test fails where it is not what the tests say. What a reason, an event or a line of `status` means is in
[operations.md](operations.md).
"""


def text_of(node: ast.Module | ast.FunctionDef, where: str) -> str:
    """A docstring on one line. Raises ValueError where there is none."""
    text = ast.get_docstring(node)
    if not text:
        raise ValueError(f"{where} does not say what it is about")
    return " ".join(text.split()).replace("|", "\\|")


def section(path: Path) -> list[str]:
    """The lines of one file of tests."""
    tree = ast.parse(path.read_text())
    name = str(path.relative_to(ROOT))
    code, *words = path.stem.removeprefix("test_").split("_")
    lines = [
        "",
        f"## {code.upper()}: {' '.join(words)}",
        "",
        *textwrap.wrap(text_of(tree, name), WIDTH, break_on_hyphens=False),
        "",
        "| Situation, and what copying does | Test |",
        "|---|---|",
    ]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            where = f"{name}::{node.name}"
            lines.append(f"| {text_of(node, where)} | [`{node.name}`](../{name}) |")
    return lines


def render() -> str:
    """The whole page."""
    lines = HEAD.rstrip("\n").split("\n")
    for path in sorted((ROOT / "tests" / "situations").glob("test_*.py")):
        lines += section(path)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
