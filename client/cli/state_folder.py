"""A state folder as it lies on the disk, for commands that go without a supervisor: which accounts it has,
whose processes live, and which version of the trading states each of them keeps to.
"""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from krakencopy.account_proc.contract.trading_states import TradingState
from krakencopy.account_proc.runtime.boot import process_name
from krakencopy.account_proc.runtime.configured_users import kept_users
from krakencopy.account_proc.runtime.file_lock import holder_of
from krakencopy.client.cli.target import apply_context
from krakencopy.client.sdk.endpoint import DEFAULT_STATE_DIRS, ENDPOINT_VARIABLE, parse_endpoint
from krakencopy.client.sdk.errors import BadInput

JOURNAL = "journal.db"
#: Files that a living process has locked, and that name it (supervisor/processes/orphans.py).
LOCKED_FILES = ("kraken_nonce_*.txt", "accounts/*.lock")
_USER_NONCE, _STATES = "kraken_nonce_user_", ".states"
#: A file in which a process says which version it keeps to is far smaller.
_READ_BYTES_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process says of the trading states."""

    version: int
    state: TradingState
    pid: int


def chosen_folder(arguments: Namespace) -> Path:
    """The folder that is meant: --state-dir, else that of the endpoint, else the one default folder that is
    there. Raises BadInput, also where that is no state folder.
    """
    apply_context(arguments, os.environ)
    if arguments.state_dir:
        return _checked(Path(arguments.state_dir))
    if endpoint := arguments.endpoint or os.environ.get(ENDPOINT_VARIABLE):
        path = parse_endpoint(endpoint).socket_path
        if path is None:
            raise BadInput(f"{endpoint} is on another machine; this goes by a state folder: see --state-dir")
        return _checked(path.parent.parent)
    found = [Path(folder) for folder in DEFAULT_STATE_DIRS if (Path(folder) / JOURNAL).exists()]
    if len(found) > 1:
        choice = " or ".join(f"--state-dir {folder}" for folder in found)
        raise BadInput(f"there are two state folders here, a live and a paper one; say which: {choice}")
    return _checked(found[0] if found else Path(DEFAULT_STATE_DIRS[0]))


def _checked(folder: Path) -> Path:
    if not (folder / JOURNAL).is_file():
        raise BadInput(f"{folder} is no state folder of krakencopyd (it has no {JOURNAL}); see --state-dir")
    return folder


class StateFolder:
    """One folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def become_owner(self) -> None:
        """Files that root writes here are the folder's owner's: others' processes could not read them."""
        owner = self.path.stat()
        if os.geteuid() == 0 != owner.st_uid:
            os.setegid(owner.st_gid)
            os.seteuid(owner.st_uid)

    def account_ids(self) -> list[str]:
        """Those that have had a process here, by id."""
        ledgers = (path.stem for path in (self.path / "accounts").glob("*.db"))
        said = (path.name.removesuffix(_STATES) for path in (self.path / "run").glob(f"*{_STATES}"))
        held = (holder for path in self._locked() if (holder := holder_of(path)))
        return sorted({*ledgers, *said, *(holder.account_id for holder in held)})

    def user_ids(self) -> list[str]:
        """Those that copy the master by the configuration that a supervisor had last, by id; all that ever
        did where nobody knows.
        """
        names = (path.stem.removeprefix(_USER_NONCE) for path in self.path.glob(f"{_USER_NONCE}*.txt"))
        have_run = {name for name in names if not _is_of_trial(name)}
        configured = kept_users(self.path)
        return sorted(have_run if configured is None else have_run & configured)

    def ledger(self, account_id: str) -> Path:
        """What an account's process has counted."""
        return self.path / "accounts" / f"{account_id}.db"

    def living(self) -> Mapping[str, int]:
        """The pid of each account's process that lives."""
        pids = {account_id: kept.pid for account_id in self.account_ids() if (kept := self.kept(account_id))}
        for path in self._locked():
            if holder := holder_of(path):
                pids[holder.account_id] = holder.pid
        return {account_id: pid for account_id, pid in pids.items() if is_alive(pid, account_id)}

    def _locked(self) -> Iterator[Path]:
        for pattern in LOCKED_FILES:
            yield from (path for path in self.path.glob(pattern) if not _is_of_trial(path.stem))

    def kept(self, account_id: str) -> Kept | None:
        """What the account's process has said last; None for nothing that can be read."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            with (self.path / "run" / f"{account_id}{_STATES}").open("rb") as file:
                said = json.loads(file.read(_READ_BYTES_MAX))
            return Kept(int(said["version"]), TradingState(said["state"]), int(said["pid"]))
        return None


def _is_of_trial(name: str) -> bool:
    """Whether a file is of a process that only tries a key, from which no order leaves: no id has a dot."""
    return "." in name


def is_alive(pid: int, account_id: str) -> bool:
    """Whether this is a process of that account, which runs or is stopped: a pid may be anybody's by now."""
    with suppress(OSError, ValueError, IndexError):
        proc = Path(f"/proc/{pid}")
        state = (proc / "stat").read_text().rpartition(")")[2].split()[0]
        name = (proc / "comm").read_bytes().rstrip(b"\n")
        return name == process_name(account_id) and state not in {"Z", "X"}
    return False
