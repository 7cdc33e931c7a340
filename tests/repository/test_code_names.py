"""What the pages in docs name of the code is there: files by their path, names beside a file in that file,
and members of classes in a class of that name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.system import ROOT

FOLDERS = ("account_proc", "supervisor", "client", "paper_exchange")
#: Decision records are of their date, and name what there was then.
PAGES = [ROOT / "README.md", ROOT / "tests" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: A file of the code, from the root of the repository or from the folder of a process.
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|proto))`")
#: `path.py` `name`, and `name` in `path.py`: it is defined in that file.
_FILE_NAME = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.py)`\s+`([A-Za-z_][\w.]*)`")
_NAME_IN_FILE = re.compile(r"`([A-Za-z_][\w.]*)` (?:in|of)\s+`((?:[\w.-]+/)*[\w-]+\.py)`")
#: `Class.member`, also in diagrams.
_MEMBER = re.compile(r"`([A-Z]\w*[a-z]\w*)\.(\w+)`")


def _targets(node: ast.stmt) -> Iterator[str]:
    """Names that a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    yield name.id


def _attributes(node: ast.ClassDef) -> Iterator[str]:
    """Members of a class: its methods and fields, and what its methods keep in `self`."""
    for statement in node.body:
        yield from _targets(statement)
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and isinstance(inner.value, ast.Name)
            and inner.value.id == "self"
        ):
            yield inner.attr


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names that a module defines, members of its classes as `member` and as `Class.member`."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        names.update(_targets(node))
        if isinstance(node, ast.ClassDef):
            for member in _attributes(node):
                names.update((member, f"{node.name}.{member}"))
    return frozenset(names)


def modules() -> Iterator[Path]:
    for folder in (*FOLDERS, "tests"):
        yield from (ROOT / folder).rglob("*.py")


@cache
def members() -> frozenset[str]:
    """`Class.member` of every class in the repository."""
    return frozenset(name for path in modules() for name in names_in(path) if "." in name)


def files_named(path: str) -> list[Path]:
    """Which files a path in a page may mean."""
    places = [ROOT, *(ROOT / folder for folder in (*FOLDERS, "tests")), ROOT / "supervisor" / "config"]
    return [place / path for place in places if (place / path).is_file()]


def missing(text: str) -> Iterable[str]:
    """What a page names that is not there."""
    for path in _PATH.findall(text):
        if not files_named(path):
            yield f"{path}: no such file"
    pairs = [*_FILE_NAME.findall(text), *((path, name) for name, path in _NAME_IN_FILE.findall(text))]
    for path, name in pairs:
        files = files_named(path)
        if files and not any(name in names_in(file) for file in files):
            yield f"{path}: does not define {name}"
    for owner, member in _MEMBER.findall(text):
        if f"{owner}.{member}" not in members() and member not in {"md", "py", "proto"}:
            yield f"{owner}.{member}: no class {owner} has it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_of_the_code_is_there(page: Path) -> None:
    assert list(missing(page.read_text())) == []


def test_the_page_of_the_architecture_names_entry_points() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert len(_MEMBER.findall(text)) > 80
    assert len(_PATH.findall(text)) > 40


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`supervisor/run.py` `serve`, `lifecycle/state_machine.py`, `key_of_a_table`", []),
        ("`FaultKind` in `paper_exchange/faults/table.py`, then `Supervisor._loop`", []),
        ("`supervisor/gone.py`", ["supervisor/gone.py: no such file"]),
        ("`supervisor/run.py` `nothing`", ["supervisor/run.py: does not define nothing"]),
        ("`nothing` in `supervisor/run.py`", ["supervisor/run.py: does not define nothing"]),
        ("`Supervisor.nothing`", ["Supervisor.nothing: no class Supervisor has it"]),
    ],
)
def test_a_name_that_is_not_there_is_found(text: str, found: list[str]) -> None:
    assert list(missing(text)) == found
