"""The methods of the clients, as the functions of client/sdk/calls describe them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLS = ROOT / "client" / "sdk" / "calls"

#: What a client for threads gives for each shape of calls, and one for asyncio.
SHAPES = {
    "Ask": ("{item}", "{item}"),
    "Listing": ("Iterator[{item}]", "AsyncItems[{item}]"),
    "Follow": ("Watch[{raw}, {item}]", "AsyncWatch[{raw}, {item}]"),
    "Stream": ("Iterator[{item}]", "AsyncLines[{raw}, {item}]"),
}


@dataclass(frozen=True)
class Method:
    """A function of client/sdk/calls."""

    module: str
    node: ast.FunctionDef

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def subject(self) -> str:
        """What its module is about: "account" of account_calls."""
        return self.module.removesuffix("_calls")

    @property
    def messages(self) -> list[str]:
        """Names of the messages in what it gives."""
        return re.findall(r"\w+\.(\w+)", self.item)

    @property
    def shape(self) -> str:
        assert isinstance(self.node.returns, ast.Subscript)
        return ast.unparse(self.node.returns.value)

    @property
    def raw(self) -> str:
        """The answer's type."""
        return self._parts[0]

    @property
    def item(self) -> str:
        """What the caller of the raw client gets, once or for each item."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[str, str]:
        returns = self.node.returns
        assert isinstance(returns, ast.Subscript)
        assert isinstance(returns.slice, ast.Tuple), f"{self.name}: what does it give?"
        raw, item = map(ast.unparse, returns.slice.elts)
        return raw, item

    @property
    def signature(self) -> str:
        """The parameters without the parentheses."""
        return ast.unparse(self.node.args)

    @property
    def doc(self) -> str:
        doc = ast.get_docstring(self.node)
        assert doc, f"{self.name} has no docstring"
        return doc


def methods() -> list[Method]:
    """All, by module and then as they stand there."""
    found = []
    for path in sorted(CALLS.glob("*_calls.py")):
        tree = ast.parse(path.read_text())
        found += [
            Method(path.stem, node)
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ]
    return found


def typed(raw: str) -> str:
    """The typed value's type for a raw one."""
    return re.sub(r"\w+\.(\w+)", r"\1", raw)
