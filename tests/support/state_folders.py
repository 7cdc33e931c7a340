"""State folders with accounts that have no process, or one that the test itself started."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from krakencopy.account_proc.runtime.boot import process_name
from krakencopy.account_proc.runtime.trading_state_file import make_states_file, states_path


def state_folder(path: Path, *account_ids: str) -> Path:
    """With ledgers, and nonce files of users, none of which anybody holds."""
    for name in ("accounts", "run"):
        (path / name).mkdir(parents=True)
    (path / "journal.db").touch()
    make_states_file(states_path(path))
    for account_id in account_ids:
        (path / "accounts" / f"{account_id}.db").touch()
        name = "master" if account_id == "master" else f"user_{account_id}"
        (path / f"kraken_nonce_{name}.txt").write_text("not in use\n")
    return path


def says(folder: Path, account_id: str, version: int, state: str, pid: int) -> None:
    """The account's process says that it keeps to a version."""
    (folder / "run" / f"{account_id}.states").write_text(
        json.dumps({"version": version, "state": state, "pid": pid})
    )


#: Takes the name of an account's process, and lives until its input ends.
_LIVE = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, ctypes.c_char_p(sys.argv[1].encode()), 0, 0, 0)
print("there", flush=True)
sys.stdin.read()
"""


@contextmanager
def living(folder: Path, account_id: str) -> Iterator[int]:
    """Another process that is named as the account's, and that its nonce file names; its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", _LIVE, process_name(account_id).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        nonce = folder / f"kraken_nonce_user_{account_id}.txt"
        nonce.write_text(f"in use by process {process.pid} for account {account_id}\n")
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()
