"""Who may import whom: packages form layers, and imports go downward only (picture: docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.system import ROOT

#: From the top down. Packages on one line never import each other.
LAYERS = {
    "account_proc": (
        {"__main__"},
        {"main"},
        {"service"},
        {"simulation"},
        {"master", "copying", "strategy", "ccxt_broker"},
        {"trading"},
        {"notices"},
        {"state", "kraken"},
        {"domain", "runtime"},
        {"contract"},
    ),
    "supervisor": (
        {"daemon"},
        {"run"},
        {"folder_owner"},
        {"control"},
        {"supervisor"},
        {"accounts", "paper", "audit"},
        {"processes"},
        {"config", "journal", "lifecycle"},
    ),
    "client": ({"__init__"}, {"cli"}, {"views", "gateway"}, {"sdk"}),
    "paper_exchange": (
        {"__main__"},
        {"server"},
        {"options"},
        {"control"},
        {"rest", "websocket", "live"},
        {"venue"},
        {"engine"},
        {"order_entry"},
        {"faults"},
        {"accounts", "market"},
        {"values"},
    ),
}
#: What may be imported of another folder.
ACROSS = {
    ("supervisor", "account_proc"): {"contract", "runtime"},
    # What stops trading must not need the supervisor: `krakencopy halt --offline` writes the file itself that
    # account processes read.
    # `krakencopy simulate` decides as account processes do, by a configuration that is read as at a start.
    ("client", "account_proc"): {"contract", "runtime", "simulation"},
    # `krakencopy audit verify --file` checks a copy by the rules by which it was written.
    ("client", "supervisor"): {"config", "audit"},
}


def imports_of(path: Path) -> Iterator[str]:
    """What a module imports of ours, without the generated messages, by its name below krakencopy."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert not node.level, f"{path} imports relatively"
        for name in names:
            if name.startswith("krakencopy.") and not name.startswith("krakencopy.v1"):
                yield name.removeprefix("krakencopy.")


def package_of(folder: str, path: Path) -> str:
    """The package of a module, or its own name where it stands alone."""
    return path.relative_to(ROOT / folder).parts[0].removesuffix(".py")


def upward(folder: str) -> Iterator[str]:
    """Imports of a folder's modules that its layers do not allow."""
    floors = {name: floor for floor, names in enumerate(LAYERS[folder]) for name in names}
    for path in sorted((ROOT / folder).rglob("*.py")):
        here = package_of(folder, path)
        for name in imports_of(path):
            other, _, rest = name.partition(".")
            there = rest.partition(".")[0]
            if other != folder:
                allowed = there in ACROSS.get((folder, other), set())
            else:
                allowed = here == there or floors[here] < floors[there]
            if not allowed:
                yield f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("folder", LAYERS)
def test_imports_go_downward_only(folder: str) -> None:
    assert list(upward(folder)) == []


@pytest.mark.parametrize("folder", LAYERS)
def test_each_package_has_a_floor_and_says_what_it_is_for(folder: str) -> None:
    packages = {package_of(folder, path) for path in (ROOT / folder).rglob("*.py")} - {"__init__"}
    assert packages == {name for names in LAYERS[folder] for name in names} - {"__init__"}
    for init in (ROOT / folder).rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(init.read_text())), f"{init} does not say what it is for"


def private_imports(path: Path) -> Iterator[str]:
    """Names with a leading underscore that a module imports from another one of ours."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in {
            "krakencopy",
            "tests",
        }:
            for alias in node.names:
                if alias.name.startswith("_"):
                    yield f"{path.relative_to(ROOT)} imports {node.module}.{alias.name}"


@pytest.mark.parametrize("folder", [*LAYERS, "tests"])
def test_what_another_module_uses_has_a_public_name(folder: str) -> None:
    assert [name for path in sorted((ROOT / folder).rglob("*.py")) for name in private_imports(path)] == []


def test_tests_mirror_the_packages() -> None:
    """A folder of tests has the name of the package whose modules it proves."""
    for folder in LAYERS:
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            package = ROOT / folder / path.parent.relative_to(ROOT / "tests" / folder)
            assert package.is_dir(), f"{path.relative_to(ROOT)} belongs to no package"
