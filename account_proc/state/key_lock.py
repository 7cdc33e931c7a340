"""The machine-wide lock on one API key."""

from __future__ import annotations

import hashlib
from pathlib import Path

from krakencopy.account_proc.contract.errors import ConfigurationFault
from krakencopy.account_proc.runtime.file_lock import LOCK_LINE_BYTES, LockedFile, free_line, holder_line


class KeyLock:
    """The lock on one API key, for all processes of this machine user, whatever their state folder."""

    def __init__(self, file: LockedFile) -> None:
        """Use ``key_lock``."""
        self._file: LockedFile | None = file
        self.path = file.path

    def close(self) -> None:
        """Give the key back. Not an error if done twice."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.write(0, free_line(LOCK_LINE_BYTES))
            finally:
                file.close()


def key_lock(folder: Path, api_key: str, account_id: str) -> KeyLock:
    """Lock an API key. The file's name is a hash: neither the name nor the content tells the key.

    Raises LockHeld if another process uses the key, ConfigurationFault if the folder cannot be used.
    """
    path = folder / f"{hashlib.sha256(api_key.encode()).hexdigest()[:32]}.lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = LockedFile(path, f"the API key of account {account_id}")
    except OSError as error:
        raise ConfigurationFault(
            f"cannot lock the API key of account {account_id} in {folder}: {error}"
        ) from error
    try:
        file.truncate(0)
        file.write(0, holder_line(account_id, LOCK_LINE_BYTES))
    except OSError as error:
        file.close()
        raise ConfigurationFault(f"cannot write {path}: {error}") from error
    return KeyLock(file)
