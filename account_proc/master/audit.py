"""Compares what was streamed with the exchange's own record, and balances with the wallet, as long as the
master's past is complete.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.master.catch_up import HISTORY_RETRY_S
from krakencopy.account_proc.master.fill_maker import HISTORY_OVERLAP_S, FillMaker
from krakencopy.account_proc.master.master_wallet import MasterWallet
from krakencopy.account_proc.master.trade_history import TradeHistory
from krakencopy.account_proc.trading.outside_changes import CONFIRM_S

log = logging.getLogger(__name__)

#: The history is compared with what was streamed this often, in seconds, as long as the feed is up: reads may
#: trail behind the feed by up to a minute, and a feed may lose the last message before a silence, which no
#: gap in its numbers shows.
AUDIT_S, AUDIT_PAPER_S = 30.0, 2.0
#: A trade that is younger than this, in seconds, may still be on its way through the feed.
AUDIT_AGE_S = 1.0


class Audit:
    """Looks for what the feed has left out."""

    def __init__(
        self, history: TradeHistory, maker: FillMaker, wallet: MasterWallet, now: Callable[[], float],
        period_s: float,
    ) -> None:  # fmt: skip
        self._history = history
        self._maker = maker
        self._wallet = wallet
        self._now = now
        self._period_s = period_s
        #: Trades of the first snapshot: from before this process, whatever the history says of them.
        self._before_us: set[str] | None = None
        #: Trades of the last snapshot that are new, and when it came (Unix seconds): the history will show
        #: them, if it trails now.
        self._promised: set[str] = set()
        self._promised_at = 0.0

    def expect_trades(self, exec_ids: set[str]) -> None:
        """The feed's snapshot tells of these. Kraken: it carries too little to copy them; the history has the
        rest, a little later.
        """
        if self._before_us is None:
            self._before_us = exec_ids
        self._promised, self._promised_at = exec_ids - self._before_us, self._now()

    def _is_history_late(self) -> bool:
        is_recent = self._now() < self._promised_at + HISTORY_OVERLAP_S
        return is_recent and any(not self._maker.knows(exec_id) for exec_id in self._promised)

    async def until_hole(self) -> None:
        """Returns when the history has trades that were not streamed."""
        pause_s = CONFIRM_S / 2
        while True:
            wait_s = min(self._period_s, HISTORY_RETRY_S) if self._is_history_late() else self._period_s
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wallet.refresh_wanted.wait(), wait_s)
            try:
                if self._wallet.refresh_wanted.is_set():
                    await self._wallet.refresh()
                elif missing := await self._count_missing():
                    log.warning("the feed did not send %d fills that are in the trade history", missing)
                    return
                elif self._wallet.is_refresh_due:
                    await self._wallet.refresh()
            except ExchangeError as error:
                log.warning("trade history or balances could not be read again: %s", error)
            # One more reading must agree; the longer none does, the less it is worth to ask.
            pause_s = min(pause_s * 2, self._period_s) if self._wallet.refresh_wanted.is_set() else CONFIRM_S
            await asyncio.sleep(pause_s)

    async def _count_missing(self) -> int:
        """Trades of the history that were not streamed. Raises ExchangeError."""
        trades = await self._history.read(Priority.BACKGROUND)
        old = self._now() - AUDIT_AGE_S
        return sum(trade.executed_at < old and self._maker.lacks(trade) for trade in trades)
