"""Users that leave the configuration, and those that would, with what is kept of them across restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from krakencopy.supervisor.config.leaving_accounts import Leaver, configured_leavers
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.journal.journal import Journal


class KeptLeavers:
    """Of one state folder. What it keeps raises JournalFault."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._read: tuple[Mapping[str, str], dict[str, Leaver]] = {}, {}

    @property
    def by_id(self) -> Mapping[str, Leaver]:
        """All of them."""
        texts = self._journal.leavers
        if texts is not self._read[0]:
            self._read = texts, {key: Leaver.from_json(text) for key, text in texts.items()}
        return self._read[1]

    def leaving(self) -> dict[str, Leaver]:
        """Those that leave."""
        return {key: one for key, one in self.by_id.items() if one.leaves}

    def put(self, leavers: Mapping[str, Leaver]) -> None:
        """Keeps these, and no others."""
        self._journal.put_leavers({key: one.to_json() for key, one in leavers.items()})

    def put_leaving(self, leaving: Mapping[str, Leaver]) -> None:
        """Keeps those that leave with a start, beside what is known of those that are configured: until the
        configuration is taken that is all there is of them.
        """
        stay = {key: replace(one, since=0.0) for key, one in self.by_id.items() if key not in leaving}
        self.put({**stay, **leaving})

    def keep_configured(self, config: Config) -> None:
        """Keeps what will be needed of the users of a configuration that holds from now on."""
        self.put(configured_leavers(config, self.by_id))
