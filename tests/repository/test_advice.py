"""Each command that pages, events and messages advise is one that `krakencopy` understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from krakencopy.client.cli.arguments import grammar, parse
from krakencopy.client.cli.commands import COMMANDS
from krakencopy.client.cli.parser import leaves_of
from krakencopy.client.sdk.errors import BadInput

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/operations.md", "docs/events.md", "docs/glossary.md", "docs/situations.md")
#: In backquotes: the whole command, or one of its words and what follows.
ADVICE = re.compile(rf"`(?:krakencopy )?((?:{'|'.join(COMMANDS)})(?: [^`]*)?)`")
#: What stands for a word of the operator's.
WORDS = {
    "ROLE": "viewer",
    "NAME": "ann",
    "DIR": "folder",
    "ID": "ann",
    "FILL": "1",
    "OLD": "MATIC",
    "NEW": "POL",
    "FILE": "file",
    "N": "3",
    "SEQ": "1",
}


def _texts(path: Path) -> Iterator[str]:
    """A page, or what a module has as text; what is put in stands for a word."""
    if path.suffix == ".md":
        yield path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "ID" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _advice() -> set[str]:
    folders = ("account_proc", "supervisor", "client")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    paths = [*(ROOT / page for page in PAGES), *modules]
    texts = (text for path in paths for text in _texts(path))
    found = {" ".join(advice.split()) for text in texts for advice in ADVICE.findall(text)}
    # A command's words alone name it and are not advised, and brackets and bars are of the grammar.
    named = {words for words, _ in leaves_of(grammar())}
    return {advice for advice in found - named if " " in advice and not set("[]|") & set(advice)}


def _typed(advice: str) -> list[str]:
    """As an operator types it."""
    return [WORDS.get(word, word) for word in advice.replace("{id}", "ID").split()]


@pytest.mark.parametrize("advice", sorted(_advice()))
def test_what_is_advised_is_a_command(advice: str) -> None:
    try:
        parse(_typed(advice))
    except BadInput as error:
        pytest.fail(f"`{advice}` is advised: {error}")
