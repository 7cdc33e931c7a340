"""The configuration of a file with the accounts and groups that the API has, read by the same reader. Pure,
but for the links on the way to credentials files.

An id is the file's or the API's, and never both's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP, Body, Kind, table_of
from krakencopy.supervisor.config.credential_folders import NotPermitted, permitted_file
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import read
from krakencopy.supervisor.config.toml_table import ConfigFault, ConfigFaults, show

_PLACE = re.compile(r"(accounts|groups)\[(\d+)\]\.?")
#: What a fault of an account or a group of the API names as its source.
API = "the API's"


@dataclass(frozen=True, slots=True)
class Owned:
    """What the API has, by id."""

    accounts: Mapping[str, Body] = field(default_factory=dict)
    groups: Mapping[str, Body] = field(default_factory=dict)

    @property
    def ids(self) -> frozenset[str]:
        """Of both."""
        return frozenset(self.accounts) | frozenset(self.groups)

    def of(self, kind: Kind) -> Mapping[str, Body]:
        """Those of a kind."""
        return self.accounts if kind is ACCOUNT else self.groups

    def with_body(self, kind: Kind, owner_id: str, body: Body | None) -> Owned:
        """With another body of one; None: without it."""
        bodies = {key: one for key, one in self.of(kind).items() if key != owner_id}
        if body is not None:
            bodies[owner_id] = body
        return replace(self, **{kind.table: bodies})


def with_owned(
    file: Config, owned: Owned, folders: Sequence[Path], must: Collection[str] = ()
) -> tuple[Config, dict[str, str]]:  # fmt: skip
    """The configuration of a file with what the API has behind its own; and by id why one is left out that
    does not go together with the file.

    Raises ConfigFaults where the file has an id of the API's, or one of ``must`` would be left out.
    """
    _check_owners(file, owned)
    left_out: dict[str, str] = {}
    while True:
        there = {kind.table: _tables(kind, owned, folders, left_out, must) for kind in (GROUP, ACCOUNT)}
        document = dict(file.written.document)
        for name, tables in there.items():
            if tables:
                document[name] = [*document.get(name, ()), *tables]
        try:
            return (read(document, file.source) if document != file.written.document else file), left_out
        except ConfigFaults as found:
            blamed = _blamed(found.faults, there, file)
            if None in blamed.values() or not set(blamed.values()).isdisjoint(must) or not blamed:
                raise ConfigFaults(tuple(blamed)) from None
            left_out |= {owner_id: str(fault) for fault, owner_id in blamed.items() if owner_id is not None}


def file_alone(config: Config, others: Collection[str]) -> Config:
    """What the file itself has said of a configuration; ``others``: ids that are not the file's."""
    document = dict(config.written.document)
    for name in ("accounts", "groups"):
        if name in document:
            document[name] = [one for one in document[name] if one.get("id") not in others]
    return read(document, config.source)


def _check_owners(file: Config, owned: Owned) -> None:
    """Raises ConfigFaults that name the place in the file, and the two ways out."""
    known = {owner_id.lower(): owner_id for owner_id in owned.ids}
    faults = []
    for name in ("groups", "accounts"):
        for index, table in enumerate(file.written.document.get(name, ())):
            written = str(table.get("id", ""))
            owner_id = known.get(written.lower())
            if owner_id is None:
                continue
            kind = "account" if owner_id in owned.accounts else "group"
            keep = " --on-leave keep" if kind == "account" else ""
            faults.append(
                ConfigFault(
                    file.source, f"{name}[{index}].id",
                    f"{show(written)} is the id of {'an' if kind == 'account' else 'a'} {kind} that was "
                    "configured over the API",
                    "take it out of the file; or, to have it in the file, first delete it there while the "
                    f"file is without it: krakencopy {kind} delete {owner_id}{keep}",
                )
            )  # fmt: skip
    if faults:
        raise ConfigFaults(faults)


def _tables(
    kind: Kind, owned: Owned, folders: Sequence[Path], left_out: dict[str, str], must: Collection[str]
) -> list[dict[str, Any]]:
    """Those that are not left out; with their credentials files' whole paths."""
    tables = []
    for owner_id, body in sorted(owned.of(kind).items()):
        if owner_id in left_out:
            continue
        path = None
        if written := body.get("credentials_file"):
            try:
                path = permitted_file(written, folders)
            except NotPermitted as error:
                problem, _, remedy = str(error).partition("; ")
                where = f"{kind.name} {owner_id}"
                fault = ConfigFault(f"{API} {where}", "credentials_file", problem, remedy)
                if owner_id in must:
                    raise ConfigFaults([fault]) from None
                left_out[owner_id] = str(fault)
                continue
        tables.append(table_of(kind, owner_id, body, path))
    return tables


def _blamed(
    faults: Collection[ConfigFault], there: Mapping[str, Sequence[Mapping[str, Any]]], file: Config
) -> dict[ConfigFault, str | None]:
    """Each fault, by the API's own words where it is about one of its tables, and whose it is; None: not the
    API's.
    """
    found: dict[ConfigFault, str | None] = {}
    for fault in faults:
        place = _PLACE.match(fault.where)
        if place is None:
            found[fault] = None
            continue
        name = place[1]
        index = int(place[2]) - len(file.written.document.get(name, ()))
        if index < 0:
            found[fault] = None
            continue
        owner_id = there[name][index]["id"]
        kind = ACCOUNT if name == ACCOUNT.table else GROUP
        where = fault.where[place.end() :]
        found[replace(fault, source=f"{API} {kind.name} {owner_id}", where=where, account="")] = owner_id
    return found
