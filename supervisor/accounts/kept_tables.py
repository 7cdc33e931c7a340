"""Accounts and groups that were configured over the API, as the journal has them, beside what a file says."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from krakencopy.supervisor.config.api_fields import ACCOUNT, GROUP, Kind
from krakencopy.supervisor.config.credential_folders import folders_of
from krakencopy.supervisor.config.leaving_accounts import Leaver, leavers_of
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.owned_tables import Owned, with_owned
from krakencopy.supervisor.journal.config_changes import ConfiguredRow, configured_in
from krakencopy.supervisor.journal.event_log import event_of
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb


class KeptTables:
    """Of one state folder."""

    def __init__(self, journal: Journal, state_dir: Path) -> None:
        self._journal = journal
        self.state_dir = state_dir
        #: Those that do not go together with the file as it is now, and why: they do not run.
        self.left_out: dict[str, str] = {}

    @property
    def owned(self) -> Owned:
        """All that the API has."""
        return owned_of(self._journal.configured.values())

    def row(self, kind: Kind, owner_id: str) -> ConfiguredRow | None:
        """One of them, with who changed it last."""
        return self._journal.configured.get((kind.name, owner_id))

    def etag(self, row: ConfiguredRow) -> str:
        """Of its very state: another one after each change, also after one back."""
        text = f"{self._journal.journal_id}/{row.kind}/{row.id}/{row.number}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def merged(self, file: Config, must: Collection[str] | None = None) -> tuple[Config, dict[str, str]]:
        """See ``with_owned``. ``must``: those that run now, if nothing else is said."""
        owned = self.owned
        needed = owned.ids - self.left_out.keys() if must is None else must
        return with_owned(file, owned, folders_of(file, self.state_dir), needed)

    def leaving(self, config: Config, known: Mapping[str, Leaver], now: float) -> dict[str, Leaver]:
        """Those that leave with a configuration. Who is only left out of it does not."""
        of_others = {key: one for key, one in known.items() if one.leaves or key not in self.owned.accounts}
        return leavers_of(config, of_others, now)


def owned_of(rows: Collection[ConfiguredRow]) -> Owned:
    """What the journal's rows say."""
    accounts, groups = (
        {row.id: json.loads(row.body) for row in rows if row.kind == kind.name} for kind in (ACCOUNT, GROUP)
    )
    return Owned(accounts, groups)


def checked_lines(file: Config, state_dir: Path) -> tuple[list[str], list[str]]:
    """What `krakencopyd check` says of a configuration with what the API has in that state folder: what would
    be left out, and the whole. Raises ConfigFaults.
    """
    path = state_dir / "journal.db"
    try:
        owned = owned_of(configured_in(path))
    except sqlite3.Error as error:
        return [f"{path}: what the API has configured cannot be read: {error}"], [_of_file(file)]
    config, left_out = with_owned(file, owned, folders_of(file, state_dir))
    wrong = [f"{owner_id} is left out at a start: {why}" for owner_id, why in left_out.items()]
    lines = [_of_file(file)]
    if owned.ids:
        accounts = sorted(owned.accounts.keys() - left_out.keys())
        groups = sorted(owned.groups.keys() - left_out.keys())
        named = [*accounts, *(f"group {group}" for group in groups)]
        lines.append(
            f"{path}: {len(config.accounts) - len(file.accounts)} accounts over the API: {', '.join(named)}"
        )
    return wrong, lines


def _of_file(file: Config) -> str:
    return f"{file.source}: {len(file.accounts)} accounts, nothing wrong"


def left_out_events(left_out: Iterable[tuple[str, str]]) -> list[pb.Event]:
    """What is recorded of those that do not run for it."""
    return [
        event_of(
            pb.SEVERITY_ERROR, owner_id, "ACCOUNT_LEFT_OUT",
            f"it was configured over the API, does not go together with the file, and does not run: {why}",
        )
        for owner_id, why in left_out
    ]  # fmt: skip
