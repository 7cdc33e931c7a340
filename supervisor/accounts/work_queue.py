"""Which accounts the supervisor's loop has to look at, and what ends that loop.

Whatever notices a change puts the account here and goes on; what follows from it is decided in the loop's
next turn, and only there. Asyncio only; one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from krakencopy.supervisor.journal.journal_file import JournalFault


class WorkQueue:
    """Each account once, however often it is put."""

    def __init__(self) -> None:
        self._account_ids: set[str] = set()
        self._failure: JournalFault | None = None
        self._work = asyncio.Event()

    def put_accounts(self, account_ids: Iterable[str]) -> None:
        """They are looked at in the next turn, which begins at once."""
        self._account_ids.update(account_ids)
        if self._account_ids:
            self._work.set()

    def put_failure(self, error: JournalFault) -> None:
        """The journal cannot be written: the next turn ends the supervisor. The first failure counts."""
        self._failure = self._failure or error
        self._work.set()

    def raise_failure(self) -> None:
        """Raises the JournalFault that was put; nothing without one."""
        if self._failure is not None:
            raise self._failure

    def take_accounts(self) -> set[str]:
        """All that were put since the last call."""
        taken, self._account_ids = self._account_ids, set()
        self._work.clear()
        return taken

    @property
    def has_accounts(self) -> bool:
        """Whether any were."""
        return bool(self._account_ids)

    async def wait(self, timeout_s: float) -> None:
        """Until there is something, or the time is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), timeout_s)
