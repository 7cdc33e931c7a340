"""A small file through which processes of one supervisor share what one of them has asked the exchange for.

It is read whole or not at all, and one process at a time asks and writes it anew; the others read that. A
process that can neither lock it nor wait any longer asks by itself. It knows neither what is asked for nor
what the file says.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from krakencopy.account_proc.contract.errors import LockHeld
from krakencopy.account_proc.runtime.file_lock import LockedFile
from krakencopy.account_proc.runtime.steady_clock import steady_s

log = logging.getLogger(__name__)

#: Between two looks at the file while another process has its turn, in seconds.
LOOK_S = 0.1

_Found = TypeVar("_Found")


class SharedFile:
    """One process's view of the file."""

    def __init__(
        self, path: Path, account_id: str, what: str, turn_s: float,
        *, clock: Callable[[], float] = steady_s,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        """``path`` is the same for all; ``what``: what the exchange is asked for; ``turn_s``: how long
        another process's turn is waited for; ``clock``: seconds since the machine's start, the same for all
        and never set.
        """
        self.path = path
        self.clock = clock
        # By account, so that what a process that was killed has left is written over by its next one.
        self._unfinished = path.with_name(f"{path.name}.{account_id}.new")
        self._lock_path = path.with_name(f"{path.name}.lock")
        self._what, self._turn_s = what, turn_s
        self._pause = pause

    async def get(
        self, find: Callable[[], _Found | None], ask: Callable[[bool], Awaitable[_Found]]
    ) -> _Found:
        """What the file says, else what the exchange says. ``find``: reads the file, None where it is of no
        use; ``ask``: asks the exchange, and is given whether this process has its turn. Raises what ``ask``
        raises.
        """
        patience_ends = self.clock() + self._turn_s
        while True:
            if (found := find()) is not None:
                return found
            try:
                turn = LockedFile(self._lock_path, f"the file of {self._what}")
            except LockHeld:
                if self.clock() < patience_ends:
                    await self._pause(LOOK_S * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing
                    continue
                log.warning(
                    "another process has had its turn to ask for %s for %g s; asking as well",
                    self._what, self._turn_s,
                )  # fmt: skip
                return await ask(False)
            except OSError as error:
                log.warning("%s: %s; this process asks for %s alone", self.path, error, self._what)
                return await ask(False)
            try:
                # The process that had the turn may have written a moment ago.
                found = find()
                return await ask(True) if found is None else found
            finally:
                turn.close()

    def open(self) -> BinaryIO:
        """The file, to be read. Raises FileNotFoundError where none is there that can be, and OSError."""
        # A pipe in its place must not hold anyone up.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(self.path, flags), "rb")
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise FileNotFoundError(self.path)
        return file

    def write(self, content: bytes) -> None:
        """Whole or not at all for its readers; where that cannot be, it is logged. Not synced: what a power
        loss leaves half written has a wrong checksum.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(self._unfinished, flags, 0o600), "wb") as file:
                file.write(content)
            self._unfinished.replace(self.path)
        except OSError as error:
            log.warning("%s cannot be written (%s): each process asks for %s", self.path, error, self._what)
