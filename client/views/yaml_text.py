"""What JSON can say as YAML: lists and objects by indentation, each value as JSON writes it, which YAML reads
as the same value. Pure.

That is all that data needs; the freedoms of YAML (texts without quotation marks that turn into booleans,
dates or numbers, references, tags) are the reason for libraries, and none of them is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
#: Words that readers of YAML 1.1 take for booleans and nothing.
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_INDENT = "  "


def yaml_document(value: Any) -> list[str]:
    """The lines of one document, its beginning marked, so that several may follow each other."""
    return ["---", *_lines(value, "")]


def _lines(value: Any, indent: str) -> Iterator[str]:
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from _entry(f"{indent}{_key(str(key))}:", inner, indent)
        case list() if value:
            for inner in value:
                yield from _entry(f"{indent}-", inner, indent)
        case _:
            yield f"{indent}{_scalar(value)}"


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        inner = list(_lines(value, indent + _INDENT))
        if head.endswith("-"):  # the first line of an item stands beside its dash
            yield f"{head} {inner.pop(0).lstrip()}"
        else:
            yield head
        yield from inner
    else:
        yield f"{head} {_scalar(value)}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _RESERVED else _scalar(key)


def _scalar(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Those that cannot be shown by their number, which a text in quotation marks may have.
    return "".join(c if c.isprintable() else _number(c) for c in text)


def _number(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
