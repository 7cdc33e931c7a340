"""Names of coins that change at the exchange: positions, and fills that are still to go out, follow them.

It must not know what contradicts a new name (journal/journal.py) or what an operator may say of one
(control/renames.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from krakencopy.supervisor.accounts.grpc_client import CallFailed
from krakencopy.supervisor.journal.event_log import EventLog
from krakencopy.supervisor.journal.fan_out import FillLog
from krakencopy.supervisor.journal.journal import Journal
from krakencopy.v1 import types_pb2 as pb

log = logging.getLogger(__name__)


class CoinFinder(Protocol):
    """An account's process, as far as it reads the exchange's tables."""

    async def find_coins(self, names: Iterable[str]) -> object:
        """Reads them. Raises CallFailed."""
        ...


class CoinNames:
    """Of all coins that this supervisor's accounts hold by copying."""

    def __init__(
        self, journal: Journal, fills: FillLog, events: EventLog, master: Callable[[], CoinFinder | None]
    ) -> None:
        """``master`` gives the conversation with the master's process; None while there is none."""
        self._journal = journal
        self._fills = fills
        self._events = events
        self._master = master
        #: The master's process is asked whether coins have other names.
        self._finding: asyncio.Task[None] | None = None

    def rename_asset(self, old: str, new: str, by: str) -> None:
        """Has positions follow a coin to its new name; ``by``: who says so. Raises ValueError for a
        contradiction, and JournalFault.
        """
        if self._journal.coins.is_renamed(old, new):
            return
        words = f"{old} is {new} from now on, by {by}: the master's count and every user's position follow it"
        keep = partial(self._journal.rename, old, new)
        self._events.record_wish(keep, pb.SEVERITY_WARNING, "", "ASSET_RENAMED", words)
        self._fills.renamed()
        self._fills.users.notify()

    def rename_by_exchange(self, account_id: str, old: str, new: str) -> None:
        """The process of this account has read in the exchange's tables that a coin has another name.
        Raises JournalFault.
        """
        try:
            self.rename_asset(old, new, "the exchange's tables")
        except ValueError as error:
            words = f"{old} is {new} by the exchange's tables, which contradicts an earlier word: {error}"
            self._events.record(pb.SEVERITY_ERROR, account_id, "RENAME_CONTRADICTS", words)

    def read_again(self) -> None:
        """A user holds a coin in a pair that is not listed any more: it may have another name, which the
        master's process finds out.
        """
        if self._finding is None or self._finding.done():
            self._finding = asyncio.get_running_loop().create_task(self._find_names())

    async def _find_names(self) -> None:
        master = self._master()
        if master is None:
            return  # it reads the exchange's tables when it starts
        try:
            # The tables are read for it, and what has another name by them comes on the stream of fills.
            await master.find_coins([])
        except CallFailed as error:
            log.warning("whether a coin has another name is not known yet: %s", error.message)
