"""Whose a state folder is, and what becomes of it when another run is started in it.

Journal and ledgers say for which mode and exchange they were made (account_proc/contract/folder_owner.py). A
run starts in a folder of its own kind only; what an earlier version made says nothing, and is taken over when
an operator says so, once. A paper run with an exchange of its own begins with nothing each time, and puts
aside what an earlier one left: only what says that it is of such a run, never anything else.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from krakencopy.account_proc.contract.folder_owner import PAPER_OF_ITS_OWN, is_foreign, owner_at, why_foreign
from krakencopy.account_proc.contract.ledger_file import LedgerUnreadable, owner_in
from krakencopy.supervisor.config.model import Config
from krakencopy.supervisor.config.reader import ConfigFault, ConfigFaults, Mode
from krakencopy.supervisor.config.state_folder import AUDIT_FOLDER
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.supervisor.journal.journal_file import ForeignJournal

#: Where a run's state is if nothing else is said: real money and paper never share a folder by accident.
LIVE_FOLDER, PAPER_FOLDER = Path("data"), Path("data-paper")
JOURNAL, LEDGERS = "journal.db", "accounts"
ADOPT_FLAG = "--adopt-state"


def default_folder(config: Config) -> Path:
    """Of a run with this configuration."""
    return PAPER_FOLDER if config.exchange.mode is Mode.PAPER else LIVE_FOLDER


def owner_of(config: Config) -> str:
    """Whose state a run with this configuration makes."""
    if config.exchange.managed:
        return PAPER_OF_ITS_OWN
    return owner_at(config.exchange.mode, config.exchange.rest_url or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """The folder of one run. Its user holds its lock."""

    path: Path
    #: Of the run.
    owner: str
    #: Whether what does not say whose it is becomes this run's.
    adopt: bool
    #: How the run was started.
    command: str

    def begin_anew(self) -> None:
        """For a paper run with an exchange of its own: puts aside what an earlier one left. Raises
        ConfigFaults, before anything is changed, if anything there is another run's, and JournalFault.
        """
        if not (self.path / JOURNAL).exists():
            return
        for path in sorted((self.path / LEDGERS).glob("*.db")):
            # They are moved away, so nobody asks them later.
            try:
                found = owner_in(path)
            except LedgerUnreadable as error:
                remedy = "it may be anybody's: move it away, or choose another --state-dir"
                raise ConfigFaults(
                    [ConfigFault(str(path), "", f"cannot be read ({error})", remedy)]
                ) from None
            self._refuse_foreign(path, found)
        self.open_journal().close()
        _put_aside(self.path)

    def open_journal(self) -> Journal:
        """Raises ConfigFaults, before anything is changed, if it is another run's, and JournalFault."""
        path = self.path / JOURNAL
        # One that cannot be read says so itself, below.
        with suppress(LedgerUnreadable):
            if path.exists():
                self._refuse_foreign(path, owner_in(path))
        try:
            return Journal(path, self.owner, adopt=self.adopt)
        except ForeignJournal as foreign:
            raise self._refusal(foreign.path, foreign.found) from None

    def _refuse_foreign(self, path: Path, found: str | None) -> None:
        if is_foreign(found, self.owner, adopt=self.adopt):
            raise self._refusal(path, found)

    def _refusal(self, path: Path, found: str | None) -> ConfigFaults:
        problem = f"{why_foreign(path, found, self.owner)}; nothing was changed"
        remedy = f"choose another --state-dir than {self.path}"
        if not found:
            remedy += (
                "; or, only if all in it was made by this very run's accounts at this exchange, take it "
                "over once with: "
                f"{self.command} {ADOPT_FLAG}"
            )
        return ConfigFaults([ConfigFault(str(self.path), "", problem, remedy)])


def _put_aside(state_dir: Path) -> None:
    """A paper exchange of our own forgets everything at its end; a journal of an earlier one would speak
    of other money.
    """
    journal = state_dir / JOURNAL
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(journal.stat().st_mtime))
    old, number = state_dir / "earlier" / stamp, 0
    while old.exists():
        number += 1
        old = old.with_name(f"{stamp}.{number}")
    old.mkdir(mode=0o700, parents=True)
    for path in (*state_dir.glob(f"{JOURNAL}*"), *state_dir.glob(AUDIT_FOLDER), state_dir / LEDGERS):
        path.rename(old / path.name)
    (state_dir / LEDGERS).mkdir(mode=0o700)
