"""Users that the configuration has no more, and that stay until copying holds nothing of them: what is kept
of each, and the configuration with them in it. Pure; where that is kept it must not know.

Kept is the table of each user whose ``on_leave`` is not "keep", while it is configured: what it says is
needed when it is not there any more. Keys never stand in it, only where they come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from krakencopy.account_proc.contract.spec import OnLeave
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import read
from krakencopy.supervisor.config.toml_table import ConfigFaults

#: What an account that only sells needs, where its table as it was does not go together with the file: how it
#: is reached, what of it is not copying's, and that a shadow is one.
_NEEDED = frozenset(
    {
        "id", "role", "broker", "credentials_file", "credentials_command", "allow_withdraw_key", "reserve",
        "tier", "mode",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Leaver:
    """A user that may leave, or does. ``since``: when it began to (Unix seconds), 0 while it does not."""

    policy: OnLeave
    table: Mapping[str, Any]
    since: float = 0.0

    @property
    def leaves(self) -> bool:
        """Whether the file has it no more."""
        return self.since > 0

    def to_json(self) -> str:
        """The form in which it is kept."""
        return json.dumps(asdict(self), default=float)

    @classmethod
    def from_json(cls, text: str) -> Leaver:
        """The inverse. Raises KeyError, TypeError or ValueError on anything else."""
        raw = json.loads(text, parse_float=Decimal)
        return cls(OnLeave(raw["policy"]), raw["table"], float(raw["since"]))


Leavers = Mapping[str, Leaver]


def configured_leavers(config: Config, known: Leavers) -> dict[str, Leaver]:
    """What is to be kept with a configuration that holds from now on: of those that leave what is known, of
    all others what they say themselves.
    """
    tables = {table["id"]: table for table in config.written.document.get("accounts", ())}
    kept = {key: one for key, one in known.items() if one.leaves}
    for user in config.users:
        says = user.copy.on_leave is not OnLeave.KEEP and user.id in tables
        if user.id not in kept and says:
            kept[user.id] = Leaver(user.copy.on_leave, tables[user.id])
    return kept


def leavers_of(file: Config, known: Leavers, now: float) -> dict[str, Leaver]:
    """Those that leave with a file as it is now: they are not in it. Who is in it again leaves no more."""
    there = {account.id for account in file.accounts}
    return {
        key: one if one.leaves else replace(one, since=now)
        for key, one in known.items()
        if key not in there
    }  # fmt: skip


def with_leavers(file: Config, leaving: Leavers) -> tuple[Config, dict[str, str]]:
    """The configuration of a file with those that leave behind its own accounts; and by id why one that does
    not go together with the file is left out.
    """
    config, left_out = file, dict[str, str]()
    for account_id, leaver in sorted(leaving.items()):
        fault = ""
        for table in _forms(leaver, file.groups):
            document = dict(config.written.document)
            document["accounts"] = [*document.get("accounts", ()), dict(table)]
            try:
                config = read(document, file.source)
            except ConfigFaults as found:
                fault = str(found.faults[0])
            else:
                fault = ""
                break
        if fault:
            left_out[account_id] = fault
    return config, left_out


def without_account(config: Config, account_id: str) -> Config:
    """The configuration without one account."""
    document = dict(config.written.document)
    document["accounts"] = [one for one in document.get("accounts", ()) if one.get("id") != account_id]
    return replace(
        config,
        accounts=tuple(account for account in config.accounts if account.id != account_id),
        written=replace(config.written, document=document),
    )


def _forms(leaver: Leaver, groups: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Its table as it was, without a group that is not there any more, and with no more than it needs."""
    table = dict(leaver.table)
    if table.get("group") not in {None, *groups}:
        del table["group"]
    yield table
    yield {key: value for key, value in table.items() if key in _NEEDED}
