"""Custody of one account's nonce, and the machine-wide lock on its API key. The shell around
contract/nonce_file.py.

Kraken: each nonce must be larger than the last one accepted for that key, forever; a nonce that is far too
large spoils the key. It knows neither requests nor what they are for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from krakencopy.account_proc.contract.errors import NonceFault, NoRoom
from krakencopy.account_proc.contract.nonce_file import (
    FILE_BYTES,
    FOREIGN_AHEAD_US_MAX,
    HOLDER_BYTES,
    HOLDER_OFFSET,
    RESYNCHRONISE_US,
    encode_slots,
    is_top_up_due,
    next_nonce,
    recover,
    reservation,
)
from krakencopy.account_proc.runtime.disk_room import why_no_room
from krakencopy.account_proc.runtime.file_lock import LockedFile, free_line, holder_line

log = logging.getLogger(__name__)


class NonceCustody:
    """The only source of nonces for one account, by the lock on its file. Any thread may ask."""

    def __init__(self, file: LockedFile, account_id: str, now_us: Callable[[], int]) -> None:
        """Use ``open``."""
        self._file = file
        self._now_us = now_us
        self._guard = threading.Lock()
        self._closed = False
        self._reserved = 0
        content = file.read()
        start = recover(content if content or file.existed else None, now_us())
        self._last = start.last
        #: Sentences for people about what was found in the file.
        self.warnings = list(start.warnings)
        for warning in self.warnings:
            log.warning("%s: %s", file.path, warning)
        try:
            file.write(HOLDER_OFFSET, holder_line(account_id, HOLDER_BYTES))
            self._reserve(reservation(self._last + 1, now_us()))
            file.truncate(FILE_BYTES)
            file.sync_folder()
        except OSError as error:
            raise _unusable("write", file.path, error) from error

    @classmethod
    def open(cls, path: Path, *, account_id: str, now_us: Callable[[], int]) -> NonceCustody:
        """Lock the file, then find out where nonces go on. ``now_us``: microseconds since the Unix epoch.

        Raises LockHeld if another process has the file, NoRoom where the disk is full, NonceFault if the file
        cannot be used otherwise.
        """
        try:
            file = LockedFile(path, f"the nonce file of account {account_id}")
        except OSError as error:
            raise _unusable("open", path, error) from error
        try:
            return cls(file, account_id, now_us)
        except BaseException:
            file.close()
            raise

    @property
    def path(self) -> Path:
        """The file that holds the nonce and carries the lock."""
        return self._file.path

    @property
    def last(self) -> int:
        """The last nonce handed out; before the first one, what the first one will be above."""
        return self._last

    @property
    def reserved(self) -> int:
        """No nonce above this is handed out before the file is written again."""
        return self._reserved

    def next(self) -> int:
        """A nonce that was never used before. Touches the disk only when the reservation is used up.

        Raises NonceFault rather than hand out a nonce that a crash could repeat.
        """
        with self._guard:
            now_us = self._now_us()
            nonce = next_nonce(self._last, now_us)
            if nonce > self._reserved:
                self._reserve_or_refuse(reservation(nonce, now_us))
            self._last = nonce
            return nonce

    def top_up(self) -> None:
        """Reserve further ahead if half is gone: called between requests, so that ``next`` needs no disk.
        Raises NonceFault.
        """
        with self._guard:
            now_us = self._now_us()
            if is_top_up_due(self._reserved, self._last, now_us):
                self._reserve_or_refuse(reservation(self._last + 1, now_us))

    def resynchronise(self) -> bool:
        """The answer to nonces that Kraken refuses from the start: the next step ahead of the clock; False if
        all were taken and did not help.

        The last one, a day, covers a clock or a file that was wrong. More would only be needed if another
        program used the key with finer nonces, and against that no jump helps. Raises NonceFault.
        """
        now_us = self._now_us()
        for ahead_us in RESYNCHRONISE_US:
            if self._last <= now_us + ahead_us // 2:
                self.advance_past(now_us + ahead_us)
                return True
        return False

    def advance_past(self, nonce: int) -> None:
        """Hand out only nonces above ``nonce`` from now on.

        Bounded by the clock, so that asking again and again cannot spoil the key. Raises NonceFault beyond
        that bound.
        """
        with self._guard:
            now_us = self._now_us()
            if nonce > now_us + FOREIGN_AHEAD_US_MAX:
                raise NonceFault(
                    f"nonce {nonce} is more than a day ahead of the clock: another program uses this key "
                    "with finer nonces; "
                    "give this account a key of its own"
                )
            if nonce > self._reserved:
                self._reserve_or_refuse(reservation(nonce, now_us))
            self._last = max(self._last, nonce)

    def close(self) -> None:
        """Give the unused rest of the reservation back, and the lock. Not an error if done twice."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            try:
                if self._file.in_place():
                    self._reserve(self._last)
                    self._file.write(HOLDER_OFFSET, free_line(HOLDER_BYTES))
            except OSError as error:
                # The larger reservation stays in the file: the next start goes on further ahead, and that is
                # safe.
                log.warning("%s: could not be written at the end: %s", self._file.path, error)
            finally:
                self._file.close()

    def _reserve_or_refuse(self, upto: int) -> None:
        if self._closed:
            raise NonceFault(f"the nonce file {self._file.path} is closed")
        if not self._file.in_place():
            raise NonceFault(
                f"the nonce file {self._file.path} was deleted or replaced while in use, so its lock "
                "protects nothing; "
                "stop what did that and start this account again"
            )
        try:
            self._reserve(upto)
        except OSError as error:
            raise NonceFault(f"cannot reserve nonces in {self._file.path}: {error}") from error

    def _reserve(self, upto: int) -> None:
        for offset, slot in encode_slots(upto):
            self._file.write(offset, slot)
            self._file.sync()
        self._reserved = upto


def _unusable(what: str, path: Path, error: OSError) -> NonceFault | NoRoom:
    words = f"cannot {what} the nonce file {path}"
    if no_room := why_no_room(path, error):
        return NoRoom(f"{words}: {no_room}")
    return NonceFault(f"{words}: {error}")
