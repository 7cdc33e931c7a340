"""Finds out all trades that the master's past is made of, and a wallet to count them into, however long it
takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.master.held_trades import HeldTrades
from krakencopy.account_proc.master.master_wallet import MasterWallet
from krakencopy.account_proc.master.trade_history import TradeHistory
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.account_check import check_journal
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)

#: Longest wait, at the very first start, for balances that hold all trades; in times that balances may trail.
FIRST_WAIT_LAGS = 2.0
#: Between two tries to read the history, in seconds: at first, and at most where it cannot be read again and
#: again.
HISTORY_RETRY_S, HISTORY_RETRY_S_MAX = 1.0, 15.0


class CatchUp:
    """Reads the history, and balances where the wallet was not compared with them."""

    def __init__(
        self, *, account_id: str, exchange: KrakenExchange, portfolio: Portfolio, history: TradeHistory,
        wallet: MasterWallet, held: HeldTrades, now: Callable[[], float], is_ours: Callable[[], None],
    ) -> None:  # fmt: skip
        """``now``: the exchange's clock. ``is_ours`` is called once nothing says that the journal is about
        another account.
        """
        self._account_id = account_id
        self._exchange = exchange
        self._portfolio = portfolio
        self._history = history
        self._wallet = wallet
        self._held = held
        self._now = now
        self._is_ours = is_ours
        #: Orders that the journal is about, until it is known that they are this account's.
        self._doubtful_orders: list[str] = []

    def check_orders(self, order_ids: Iterable[str]) -> None:
        """The journal is about these orders. Where no wallet was kept, nothing else says whose they are: the
        exchange is asked before anything else.
        """
        if not self._wallet.is_counted:
            self._doubtful_orders = list(order_ids)

    async def read_trades(self, hints: Iterable[Trade]) -> list[Trade]:
        """All trades that are known of, in order of execution, those that are held among them, as of the
        moment of return. ``hints``: trades of the feed's snapshot. Raises OtherAccount.
        """
        trades = await self._read_until_certain(hints)
        if self._portfolio.prices.unpriced:
            await self._wallet.price_income()
        return self._held.merged_with(trades)

    async def _read_until_certain(self, hints: Iterable[Trade]) -> list[Trade]:
        began, failures = self._now(), 0
        while True:
            try:
                await self._check_whose_orders(began)
                trades = self._held.merged_with(await self._history.read(), hints)
                if self._wallet.is_counted and self._wallet.is_compared:
                    return trades
                balances, asked_at = await self._portfolio.read_balances()
                if self._wallet.is_counted:
                    await self._wallet.compare(trades, self._held, balances, asked_at)
                    return trades
                trades = self._held.merged_with(trades)
                certain_until = asked_at - self._portfolio.lag_s
                newest = max((trade.executed_at for trade in trades), default=0.0)
                if newest < certain_until or asked_at >= began + FIRST_WAIT_LAGS * self._portfolio.lag_s:
                    self._wallet.believe_balances(balances, max(certain_until, newest))
                    return trades
                pause = newest - certain_until
                log.info("the master has just traded; its balances are certain in %.1f s", pause)
                await asyncio.sleep(min(max(pause, 0.0), self._portfolio.lag_s))
            except ExchangeError as error:
                log.warning("the past could not be read: %s; trying again", error)
                await asyncio.sleep(growing_pause_s(failures, HISTORY_RETRY_S, HISTORY_RETRY_S_MAX))
                failures += 1

    async def _check_whose_orders(self, began: float) -> None:
        """``began``: when the reading did (Unix seconds), which is later than those orders. Raises
        OtherAccount, and ExchangeError while it is not known.
        """
        if self._doubtful_orders:
            certain = self._now() > began + self._portfolio.lag_s
            await check_journal(self._account_id, self._exchange, self._doubtful_orders, certain=certain)
            self._doubtful_orders = []
        self._is_ours()

    async def find_income(self) -> None:
        """Finds out what came in before a trade that has proven the wallet wrong, if that can be known."""
        try:
            balances, asked_at = await self._portfolio.read_balances()
            trades = self._held.merged_with(await self._history.read())
            agree = await self._wallet.compare(trades, self._held, balances, asked_at, expect_change=True)
            self._wallet.is_doubted = not agree
        except ExchangeError as error:
            log.warning("balances could not be read: %s", error)
