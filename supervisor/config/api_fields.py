"""An account or a group of the API as it is kept: its fields as texts, and those that a change names. Pure.

A body has only what is given: texts by field, and for some fields texts by key. A change names fields by
paths: ``group``, ``copy``, ``copy.max_user_risk``, ``*``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krakencopy.supervisor.config.brokers import KRAKEN
from krakencopy.supervisor.config.keys import KEYS
from krakencopy.supervisor.config.set_document import toml_value

#: Text by field; for fields that are maps, text by key.
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be configured over the API."""

    name: str
    #: The list of the document in which its tables stand.
    table: str
    texts: frozenset[str]
    maps: frozenset[str]
    #: What makes it the one that it is.
    fixed: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        """All that may be given."""
        return self.texts | self.maps


ACCOUNT = Kind(
    "account", "accounts",
    frozenset({"broker", "mode", "group", "tier", "credentials_file", "strategy", "strategy_risk"}),
    frozenset({"copy", "reserve", "strategy_options"}), frozenset({"broker", "mode"}),
)  # fmt: skip
GROUP = Kind("group", "groups", frozenset(), frozenset({"copy"}))
KINDS = {kind.name: kind for kind in (ACCOUNT, GROUP)}
#: What a field means that is not given.
USUAL = {"broker": KRAKEN, "mode": "trade"}


class UnknownPath(ValueError):
    """A path of a mask that names no field. ``str``: for people, with what there is."""


def merged(kind: Kind, old: Body, given: Body, paths: Collection[str]) -> dict[str, Any]:
    """``old`` with what the paths name of ``given``; without paths all fields that are given. Raises
    UnknownPath.
    """
    made = {field: dict(value) if field in kind.maps else value for field, value in old.items()}
    for path in paths or given:
        field, has_key, key = path.partition(".")
        if path == "*":
            made = dict(given)
        elif field not in kind.fields or (has_key and (not key or field not in kind.maps)):
            raise UnknownPath(_unknown(kind, path))
        elif field == "copy" and has_key and key not in KEYS["copy"]:
            raise UnknownPath(_unknown_rule(key))
        elif not key:
            made[field] = given.get(field)
        else:
            of_field = dict(made.get(field) or {})
            of_field[key] = given.get(field, {}).get(key)
            made[field] = {name: value for name, value in of_field.items() if value}
    return {field: value for field, value in made.items() if value}


def _unknown(kind: Kind, path: str) -> str:
    known = sorted(kind.fields)
    near = difflib.get_close_matches(path.partition(".")[0], known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"names no field that can be changed; {meant}there are {', '.join(known)} and *"


def _unknown_rule(key: str) -> str:
    known = sorted(KEYS["copy"])
    near = difflib.get_close_matches(key, known, n=1)
    meant = f"did you mean copy.{near[0]}? " if near else ""
    return f"names no rule of copying; {meant}there are {', '.join(known)}"


def fixed_changes(kind: Kind, old: Body, new: Body) -> list[str]:
    """Fields that would be others and cannot."""
    return [
        field
        for field in sorted(kind.fixed)
        if old.get(field, USUAL.get(field)) != new.get(field, USUAL.get(field))
    ]


def leaves(body: Body | None) -> dict[str, str]:
    """Every text by its path, e.g. ``copy.max_user_risk``."""
    found: dict[str, str] = {}
    for field, value in (body or {}).items():
        if isinstance(value, Mapping):
            found |= {f"{field}.{key}": text for key, text in value.items()}
        else:
            found[field] = value
    return found


def differences(old: Body | None, new: Body | None) -> tuple[dict[str, str], dict[str, str]]:
    """What differs, by path: as it was, and as it is."""
    before, after = leaves(old), leaves(new)
    paths = sorted(path for path in before | after if before.get(path) != after.get(path))
    return (
        {path: before[path] for path in paths if path in before},
        {path: after[path] for path in paths if path in after},
    )


def body_text(body: Body) -> str:
    """The form in which it is kept."""
    return json.dumps(body, sort_keys=True)


def table_of(kind: Kind, owner_id: str, body: Body, credentials_file: Path | None = None) -> dict[str, Any]:
    """The table that stands for it in a configuration's document."""
    table: dict[str, Any] = {"id": owner_id}
    if kind is ACCOUNT:
        table |= {"role": "user", "broker": KRAKEN}
    table |= {field: value for field, value in body.items() if field in kind.texts}
    for field in kind.maps & body.keys():
        # An amount is quoted, as in the file; any other value is what it means there.
        plain = field == "reserve"
        table[field] = {key: text if plain else toml_value(text) for key, text in body[field].items()}
    if credentials_file is not None:
        table["credentials_file"] = str(credentials_file)
    return table
