"""Where the files of one state folder are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from krakencopy.account_proc.contract.spec import LOG_LEVEL, Role
from krakencopy.account_proc.runtime.trading_state_file import states_path
from krakencopy.supervisor.config.model import AccountConfig

#: Of the audit log's files, in a state folder.
AUDIT_FOLDER = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things are. ``key_lock_dir`` is the same for all supervisors of a machine user."""

    state_dir: Path
    key_lock_dir: Path
    rest_url: str
    ws_url: str
    #: Whose the folder is (account_proc/contract/folder_owner.py), and whether what does not say so is taken
    #: over.
    owner: str = ""
    adopt: bool = False
    #: From which level on logs are written.
    log_level: str = LOG_LEVEL

    def nonce(self, account: AccountConfig) -> Path:
        """Named as the requirements have it (docs/requirements.md, 1)."""
        owner = "master" if account.role is Role.MASTER else f"user_{account.id}"
        return self.state_dir / f"kraken_nonce_{owner}.txt"

    def tried_nonce(self, account: AccountConfig) -> Path:
        """The nonce of a key that is tried: its process goes on with it where the key is taken. By its name
        the next run finds who has locked it still (processes/orphans.py); no id has a dot.
        """
        nonce = self.nonce(account)
        return nonce.with_name(f"{nonce.stem}.new{nonce.suffix}")

    @property
    def states(self) -> Path:
        """What operators have said about trading."""
        return states_path(self.state_dir)

    @property
    def audit(self) -> Path:
        """Who has changed what."""
        return self.state_dir / AUDIT_FOLDER

    def log(self, account_id: str) -> Path:
        """An account's log, or the supervisor's own."""
        return self.state_dir / "logs" / f"{account_id}.jsonl"

    def ledger(self, account_id: str) -> Path:
        """What an account's process has counted and intended."""
        return self.state_dir / "accounts" / f"{account_id}.db"

    def socket(self, account_id: str) -> Path:
        """Where an account's process serves."""
        return self.state_dir / "run" / f"{account_id}.sock"
