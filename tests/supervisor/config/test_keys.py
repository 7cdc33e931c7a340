"""Every key that may be written has a place where it is read, and the other way round."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from krakencopy.account_proc.contract.spec import CopyRules
from krakencopy.supervisor.config import reader
from krakencopy.supervisor.config.keys import ACCOUNT_KEYS, KEYS
from krakencopy.supervisor.config.model import AccountConfig, ExchangeConfig, StartupConfig
from krakencopy.supervisor.config.reader import parse
from krakencopy.supervisor.config.toml_table import Table
from tests.support.config_texts import EXCHANGE, MASTER, USER

ROOT = Path(__file__).parents[3]
#: How a value is taken from a table; ``has`` alone is no reading.
READERS = ("text", "texts", "flag", "choice", "number", "amount", "whole", "table", "tables")
#: These only carry values from the file to where they are used.
CARRIERS = ("reader.py", "diff.py", "effective_rules.py", "values.py")


def test_every_key_is_in_the_readers_list_of_them() -> None:
    told = reader.__doc__ or ""
    for key in frozenset().union(*KEYS.values()) | ACCOUNT_KEYS:
        assert key in told, key


def test_each_rule_of_copying_is_a_key() -> None:
    assert KEYS["copy"] | {"notional_asset"} == CopyRules.__dataclass_fields__.keys()


def test_each_key_is_read_from_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[tuple[str, str]] = set()

    def recorded(taken: Callable[..., Any]) -> Callable[..., Any]:
        def take(table: Table, key: str, *more: Any, **named: Any) -> Any:
            place = re.sub(r"\[\d+\]", "", table.path(key)).rpartition(".")[0]
            read.add((place, key))
            return taken(table, key, *more, **named)

        return take

    for name in READERS:
        monkeypatch.setattr(Table, name, recorded(getattr(Table, name)))
    parse(f'{EXCHANGE}{MASTER}{USER}copy = {{ ratio = "1", sizing = "fixed_ratio" }}', "c", ())
    keys = {(table, key) for table, names in KEYS.items() for key in names if table != "copy"}
    keys |= {(place, key) for key in KEYS["copy"] for place in ("copy", "accounts.copy")}
    keys |= {("accounts", key) for key in ACCOUNT_KEYS}
    assert keys - read == set()


def test_what_is_read_of_the_configuration_is_used() -> None:
    used: set[str] = set()
    for folder in ("account_proc", "supervisor"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name in CARRIERS and path.parent.name == "config":
                continue
            nodes = list(ast.walk(ast.parse(path.read_text())))
            used |= {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}
            if path.parent.name == "domain":  # caps are looked up by their names
                used |= {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for kind in (ExchangeConfig, StartupConfig, AccountConfig, CopyRules):
        assert kind.__dataclass_fields__.keys() - used == set(), kind


def test_each_key_is_explained_in_a_table() -> None:
    page = (ROOT / "README.md").read_text()
    tables = page[page.index("| Key | Default | Meaning |") : page.index("## How a copy is sized")]
    # Of a table a row begins with its key.
    tables += "".join(re.findall(r"^\| `[^`]+`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    explained = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", tables))))
    assert frozenset().union(*KEYS.values()) | ACCOUNT_KEYS <= explained
