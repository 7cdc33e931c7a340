"""Each module is proven by a file of tests that one finds by its name, or it is said where and why not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.repository import own_tests as own
from tests.repository.own_tests import PROVEN_BY, ROOT, WITHOUT, modules, own_tests


def test_each_module_has_a_file_of_tests() -> None:
    lacking = [module for module in modules() if not own_tests(module) and module not in WITHOUT]
    assert lacking == [], "write tests/<folder>/test_<module>.py"


@pytest.mark.parametrize("table", [PROVEN_BY, WITHOUT], ids=["PROVEN_BY", "WITHOUT"])
def test_what_is_said_of_modules_is_true_and_needed(table: Mapping[str, object]) -> None:
    known = set(modules())
    assert [module for module in table if module not in known] == [], "there are no such modules"


def test_what_proves_other_modules_is_there() -> None:
    missing = {file for files in PROVEN_BY.values() for file in files if not (ROOT / file).is_file()}
    assert missing == set()
    assert [module for module in WITHOUT if own_tests(module)] == [], "these have tests of their own"


def test_a_file_belongs_to_the_module_with_the_longest_name_that_begins_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "ROOT", tmp_path)
    for name in ("client/sizing.py", "client/sizing_text.py", "client/size.py", "client/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("sizing", "sizing_exits", "sizing_text", "sizing_text_more", "sizings"):
        (tmp_path / "tests" / "client").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / "client" / f"test_{name}.py").touch()
    assert own.modules() == ["client/size.py", "client/sizing.py", "client/sizing_text.py"]
    assert own.mirrored("client/size.py") == []
    assert own.mirrored("client/sizing.py") == [
        "tests/client/test_sizing.py",
        "tests/client/test_sizing_exits.py",
    ]
    assert own.mirrored("client/sizing_text.py") == [
        "tests/client/test_sizing_text.py",
        "tests/client/test_sizing_text_more.py",
    ]
