"""A configuration's document with values that were set while running in the place of the file's.

Pure. It knows where a target's copy table stands in the document, and not what its keys mean.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

#: The target of a setting for all: the place of [copy].
SYSTEM = ""
#: Target and key of the copy rules.
Place = tuple[str, str]
Settings = Mapping[Place, str]
#: Where the tables of groups and of accounts stand.
_LISTS = ("groups", "accounts")


def toml_value(text: str) -> Any:
    """What a text means as TOML has it: 0.05, 30, true, ["BTC/*"]; any other text is itself, so that words
    need no quotes.
    """
    try:
        read = tomllib.loads(f"value = {text}", parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return text
    return text if "#" in text or read.keys() != {"value"} else read["value"]


def toml_text(value: Any) -> str:
    """The inverse, for people: empty for nothing."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return format(value, "f")
        case list():
            return f"[{', '.join(_quoted(item) for item in value)}]"
        case dict():
            return f"{{ {', '.join(f'{_quoted(key)} = {_quoted(item)}' for key, item in value.items())} }}"
        case _:
            return str(value)


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else toml_text(value)


def set_in(document: Mapping[str, Any], settings: Settings) -> tuple[dict[str, Any], dict[str, Place]]:
    """The document with the settings, and by path (``accounts[1].copy.ratio``) which setting stands there.

    A setting whose target, or whose copy table, is not in the document is left out. The document stays as
    it is.
    """
    made: dict[str, Any] = dict(document)
    paths: dict[str, Place] = {}
    for (target, key), text in settings.items():
        where, holder = _holder(made, target)
        if holder is None or not isinstance(holder.get("copy", {}), dict):
            continue
        holder["copy"] = {**holder.get("copy", {}), key: toml_value(text)}
        paths[f"{where}copy.{key}"] = target, key
    return made, paths


def written_value(document: Mapping[str, Any], place: Place) -> Any:
    """What the document itself says there; None for nothing."""
    target, key = place
    _, holder = _holder(dict(document), target)
    table = None if holder is None else holder.get("copy")
    return table.get(key) if isinstance(table, dict) else None


def _holder(made: dict[str, Any], target: str) -> tuple[str, dict[str, Any] | None]:
    """The table in which the target's copy table stands, of its own in ``made``; and its path."""
    if target == SYSTEM:
        return "", made
    for name in _LISTS:
        tables = made.get(name)
        if not isinstance(tables, list):
            continue
        for index, table in enumerate(tables):
            if isinstance(table, dict) and table.get("id") == target:
                own = dict(table)
                made[name] = [*tables[:index], own, *tables[index + 1 :]]
                return f"{name}[{index}].", own
    return "", None
