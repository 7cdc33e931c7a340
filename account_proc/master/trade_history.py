"""The master's trades as the exchange has them on record, and which of them no fill was made of."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import replace

from krakencopy.account_proc.contract.errors import ExchangeRefused
from krakencopy.account_proc.domain.counted_trades import Trade
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.master import trade_rows
from krakencopy.account_proc.master.fill_maker import FROZEN_MAX, HISTORY_OVERLAP_S, FillMaker
from krakencopy.account_proc.master.held_trades import HeldTrades
from krakencopy.account_proc.master.master_wallet import MasterWallet
from krakencopy.account_proc.trading.portfolio import Portfolio

log = logging.getLogger(__name__)


class TradeHistory:
    """Reads what may be missing in the journal or in the wallet, and a little more."""

    def __init__(
        self, exchange: KrakenExchange, portfolio: Portfolio, maker: FillMaker, wallet: MasterWallet,
        held: HeldTrades,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._portfolio = portfolio
        self._maker = maker
        self._wallet = wallet
        self._held = held
        #: What orders carried, by the exchange's id, of trades of the history.
        self._client_ids: OrderedDict[str, str] = OrderedDict()

    async def read(self, priority: Priority = Priority.READ) -> list[Trade]:
        """Trades since the journal's end, and since the newest that the wallet holds. Raises ExchangeError.

        Kraken gives up to two seconds more than was asked for.
        """
        since = self._maker.since
        if self._wallet.is_counted:
            since = min(since, self._wallet.newest_trade_at - HISTORY_OVERLAP_S)
        rows = await self._exchange.record.trades_since(since, priority=priority)
        # Perhaps pairs that were listed after this process started.
        await self._portfolio.pairs.learn([*(row.pair for row in rows), *self._held.symbols()])
        trades = [trade_rows.from_history(row, self._portfolio.pairs.table) for row in rows]
        return await self._with_client_ids(trades, priority)

    async def _with_client_ids(self, trades: list[Trade], priority: Priority) -> list[Trade]:
        """With what the history does not tell: the ids that the orders of new trades carried. A copy of one
        of our own users is known by it. Raises ExchangeError, but where the exchange refuses to tell.
        """
        new = {trade.order_id for trade in trades if self._maker.lacks(trade)}
        wanted = sorted(new - self._client_ids.keys())
        if wanted:
            try:
                rows = await self._exchange.record.query_orders(wanted, priority=priority)
            except ExchangeRefused as error:
                log.warning("what the orders of %d new trades carry is not known: %s", len(wanted), error)
                rows = {}
            for order_id in wanted:
                row = rows.get(order_id)
                self._client_ids[order_id] = "" if row is None else row.cl_ord_id or ""
            while len(self._client_ids) > FROZEN_MAX:
                self._client_ids.popitem(last=False)
        return [replace(trade, cl_ord_id=self._client_ids.get(trade.order_id, "")) for trade in trades]
