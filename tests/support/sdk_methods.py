"""The methods of the three clients, made from the functions of client/sdk/calls: their signatures and
docstrings are the methods'.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLS = ROOT / "client" / "sdk" / "calls"

#: What each shape of calls is for the clients: the connection's method, what a client for threads and one for
#: asyncio give.
SHAPES = {
    "Ask": ("ask", "{item}", "{item}"),
    "Listing": ("items", "Iterator[{item}]", "AsyncItems[{item}]"),
    "Follow": ("watch", "Watch[{raw}, {item}]", "AsyncWatch[{raw}, {item}]"),
    "Stream": ("stream", "Iterator[{item}]", "AsyncLines[{raw}, {item}]"),
}


@dataclass(frozen=True)
class Method:
    """A function of client/sdk/calls."""

    module: str
    node: ast.FunctionDef
    #: Where the names of its signature come from.
    imports: dict[str, str]

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
    def given(self) -> str:
        """The arguments, handed on."""
        args = self.node.args
        plain = [arg.arg for arg in args.args]
        named = [f"{arg.arg}={arg.arg}" for arg in args.kwonlyargs]
        return ", ".join([*plain, *named])

    @property
    def doc(self) -> str:
        doc = ast.get_docstring(self.node)
        assert doc, f"{self.name} has no docstring"
        return doc

    def names(self) -> set[str]:
        """Names that the signature and the messages of the call use."""
        assert isinstance(self.node.returns, ast.Subscript)
        parts = (self.node.args, self.node.returns.slice)
        found = {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}
        return found & self.imports.keys()


def methods() -> list[Method]:
    """All, by module and then as they stand there."""
    found = []
    for path in sorted(CALLS.glob("*_calls.py")):
        tree = ast.parse(path.read_text())
        here = f"krakencopy.client.sdk.calls.{path.stem}"
        imports: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or alias.name
                    imports[name] = f"from {node.module} import {ast.unparse(alias)}"
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    imports[ast.unparse(target)] = f"from {here} import {ast.unparse(target)}"
        found += [
            Method(path.stem, node, imports)
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ]
    return found


def typed(raw: str) -> tuple[str, str]:
    """The typed value's type for a raw one, and what makes it; empty for nothing."""
    if raw.startswith("list["):
        inner, made = typed(raw.removeprefix("list[").removesuffix("]"))
        return f"list[{inner}]", f"each({made})"
    module, _, name = raw.rpartition(".")
    if module:
        return f"values.{name}", f"values.{name}"
    assert raw in {"str", "int", "bool"}, f"what is {raw} in Python?"
    return raw, ""


def _head(title: str, used: list[Method], *more: str) -> Iterator[str]:
    yield f'"""{title}\n\nMade from client/sdk/calls by tests/support/sdk.py: not to be edited.\n"""'
    yield "from __future__ import annotations"
    yield from more
    found: dict[str, str] = {}
    for method in used:
        for name in method.names():
            line = found.setdefault(name, method.imports[name])
            assert line == method.imports[name], f"{method.module}: {name} is another module elsewhere"
    yield from sorted(found.values())
    for module in sorted({method.module for method in used}):
        yield f"from krakencopy.client.sdk.calls import {module}"


def _method(method: Method, gives: str, body: str, *, is_async: bool = False) -> Iterator[str]:
    signature = f"self, {method.signature}" if method.signature else "self"
    yield f"    {'async ' if is_async else ''}def {method.name}({signature}) -> {gives}:"
    doc = textwrap.indent(f'"""{method.doc}', "        ")
    last = doc.rpartition("\n")[2]
    end = '"""' if "\n" not in doc and len(last) <= 107 else '\n        """'
    yield doc + end
    yield f"        return {body}"


def _asked(method: Method) -> str:
    return f"{method.module}.{method.name}({method.given})"


def render_messages() -> Iterator[str]:
    """The methods that give messages as they are."""
    used = methods()
    yield from _head(
        "Methods that give the messages of the API as they are.", used,
        "from collections.abc import Iterator",
        "from krakencopy.client.sdk.connection import Connection",
        "from krakencopy.client.sdk.watch_stream import Watch",
    )  # fmt: skip
    yield "class MessageMethods:"
    yield '    """A method for each RPC of ControlService."""'
    yield "    _connection: Connection"
    for method in used:
        asks, gives, _ = SHAPES[method.shape]
        gives = gives.format(item=method.item, raw=method.raw)
        yield from _method(method, gives, f"self._connection.{asks}({_asked(method)})")


def render_threads() -> Iterator[str]:
    """The methods of the client for threads."""
    yield from _render_typed(
        "Methods that give typed values, for threads.", "SyncMethods", "Connection",
        "from collections.abc import Iterator",
        "from krakencopy.client.sdk.connection import Connection",
        "from krakencopy.client.sdk.watch_stream import Watch",
    )  # fmt: skip


def render_asyncio() -> Iterator[str]:
    """The methods of the client for asyncio."""
    yield from _render_typed(
        "Methods that give typed values, for asyncio.", "AsyncMethods", "AsyncConnection",
        "from krakencopy.client.sdk.async_connection import AsyncConnection",
        "from krakencopy.client.sdk.async_streams import AsyncItems, AsyncLines",
        "from krakencopy.client.sdk.async_watch import AsyncWatch",
    )  # fmt: skip


def _render_typed(title: str, name: str, connection: str, *imports: str) -> Iterator[str]:
    used, is_async = methods(), connection == "AsyncConnection"
    yield from _head(
        title, used, *imports, "from krakencopy.client.sdk.generated import values",
        "from krakencopy.client.sdk.value import each",
    )  # fmt: skip
    yield f"class {name}:"
    yield '    """A method for each RPC of ControlService."""'
    yield f"    _connection: {connection}"
    for method in used:
        asks, of_threads, of_asyncio = SHAPES[method.shape]
        item, made = typed(method.item)
        gives = (of_asyncio if is_async else of_threads).format(item=item, raw=method.raw)
        then = "then" if method.shape == "Ask" else "each"
        call = f"{_asked(method)}.{then}({made})" if made else _asked(method)
        waits = is_async and method.shape == "Ask"
        body = f"self._connection.{asks}({call})"
        yield from _method(method, gives, f"await {body}" if waits else body, is_async=waits)
