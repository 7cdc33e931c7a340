"""The exchange's record of an account's orders and trades."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from krakencopy.account_proc.kraken.calls import Calls, UnexpectedForm, expected_form
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.market_reads import MarketReads
from krakencopy.account_proc.kraken.rest.messages import (
    OddRow,
    OrderEnd,
    OrderRow,
    TradeRow,
    order_end,
    order_row,
    readable,
    trade_row,
)
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.kraken.rest.shown_order import ShownOrder, shown_order

log = logging.getLogger(__name__)

#: Kraken: ids in one QueryOrders.
QUERY_IDS_MAX = 50
#: The exchange's clock may be ahead of what we take it to be by this much; a history that ends in its past
#: would miss the newest trades.
CLOCK_SKEW_S = 60.0


class OrderReads:
    """Reads of one account's orders and trades. All methods raise ExchangeError."""

    def __init__(self, calls: Calls, market: MarketReads, clock: ExchangeClock) -> None:
        self._calls = calls
        self._market = market
        self._clock = clock

    async def query_orders(
        self, txids: Sequence[str], *, trades: bool = False, priority: Priority = Priority.READ
    ) -> dict[str, OrderRow]:
        """Orders by their id; ids that the exchange does not know, and rows that cannot be read, are left
        out.
        """
        return (await self.look_up(txids, trades=trades, priority=priority))[0]

    async def look_up(
        self, txids: Sequence[str], *, trades: bool = False, priority: Priority = Priority.READ
    ) -> tuple[dict[str, OrderRow], list[OddRow]]:
        """Orders by their id, and rows that cannot be read. Ids that the exchange does not know are left
        out.
        """
        rows: dict[str, OrderRow] = {}
        odd: list[OddRow] = []
        for start in range(0, len(txids), QUERY_IDS_MAX):
            params = {"txid": ",".join(txids[start : start + QUERY_IDS_MAX]), "trades": _flag(trades)}
            result = await self._calls.private("QueryOrders", params, priority=priority)
            rows |= await self._orders("QueryOrders", result, odd.append)
        for row in odd:
            self._calls.odd("QueryOrders", row)
        return rows, odd

    async def ends_of(self, txids: Sequence[str]) -> tuple[dict[str, OrderEnd], frozenset[str]]:
        """How orders stand, by their id; where a row tells that, it need not tell which order it is.
        Others are left out. And the ids of all that the exchange has, be their rows readable or not.
        """
        table, ends, there = await self._market.table(), dict[str, OrderEnd](), set[str]()
        for start in range(0, len(txids), QUERY_IDS_MAX):
            params = {"txid": ",".join(txids[start : start + QUERY_IDS_MAX]), "trades": _flag(False)}
            result = await self._calls.private("QueryOrders", params, priority=Priority.READ)
            with expected_form("QueryOrders"):
                there.update(result)
                ends |= readable(
                    result,
                    lambda txid, row: order_end(txid, row, table),
                    partial(self._calls.odd, "QueryOrders"),
                )
        return ends, frozenset(there)

    async def open_orders(
        self, cl_ord_id: str | None = None, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Open orders, the oldest first; only those with this client order id if one is given."""
        rows = await self.open_rows(cl_ord_id, priority)
        return _by_age(
            (await self._orders("OpenOrders", rows, partial(self._calls.odd, "OpenOrders"))).values()
        )

    async def closed_orders(
        self, cl_ord_id: str | None, start: float, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Filled, cancelled and expired orders since ``start`` (unix seconds), the oldest first."""
        rows = await self._closed_rows(cl_ord_id, start, priority)
        return _by_age(
            (await self._orders("ClosedOrders", rows, partial(self._calls.odd, "ClosedOrders"))).values()
        )

    async def orders_of(
        self, cl_ord_id: str | None, start: float, priority: Priority = Priority.READ
    ) -> tuple[list[OrderRow], list[OddRow]]:
        """Orders with a client order id (all of them without one), open ones and those that ended since
        ``start``, and rows of the answers that may be one of them and cannot be read.
        """
        odd: list[OddRow] = []
        # Open first, closed second: an order that ends between the two reads is still seen.
        opened = await self.open_rows(cl_ord_id, priority)
        closed = await self._closed_rows(cl_ord_id, start, priority)
        rows = {
            **await self._orders("OpenOrders", opened, odd.append),
            **await self._orders("ClosedOrders", closed, odd.append),
        }
        for row in odd:
            self._calls.odd("ClosedOrders" if row.key in closed else "OpenOrders", row)
        return _by_age(rows.values()), [row for row in odd if row.key not in rows]

    async def shown_open_orders(self) -> tuple[list[ShownOrder], list[str]]:
        """Open orders for people, the oldest first, and the ids of those whose rows cannot be read."""
        rows = await self.open_rows(None, Priority.READ)
        odd: list[OddRow] = []
        found = await self._shown("OpenOrders", rows, odd)
        return sorted(found, key=lambda order: (order.opentm, order.txid)), [row.key for row in odd]

    async def shown_order(
        self, txid: str = "", cl_ord_id: str = "", priority: Priority = Priority.READ
    ) -> ShownOrder | None:
        """One order for people, by its id, or the newest that carries a client order id; None where the
        exchange shows none. Raises UnexpectedForm where its row cannot be read.
        """
        odd: list[OddRow] = []
        if txid:
            rows = await self._calls.private("QueryOrders", {"txid": txid}, priority=priority)
            found = await self._shown("QueryOrders", rows, odd)
        else:
            found = await self._shown("OpenOrders", await self.open_rows(cl_ord_id, priority), odd)
            if not found:
                closed = await self._closed_rows(cl_ord_id, 0.0, priority)
                found = await self._shown("ClosedOrders", closed, odd)
        found = [order for order in found if order.txid == txid or _is_same_id(order.cl_ord_id, cl_ord_id)]
        if not found and odd:
            raise UnexpectedForm("QueryOrders", f"order {odd[0].key} cannot be read: {odd[0].problem}")
        return max(found, key=lambda order: order.opentm, default=None)

    async def _shown(self, method: str, rows: Any, odd: list[OddRow]) -> list[ShownOrder]:
        table, known = await self._market.table(), len(odd)
        with expected_form(method):
            found = readable(rows, lambda txid, row: shown_order(txid, row, table), odd.append)
        for row in odd[known:]:
            self._calls.odd(method, row)
        return list(found.values())

    async def open_rows(self, cl_ord_id: str | None, priority: Priority) -> Mapping[str, Any]:
        """Rows of OpenOrders by their id, as they came."""
        params = {} if cl_ord_id is None else {"cl_ord_id": cl_ord_id}
        result = await self._calls.private("OpenOrders", params, priority=priority)
        with expected_form("OpenOrders"):
            return dict(result["open"])

    async def _closed_rows(
        self, cl_ord_id: str | None, start: float, priority: Priority
    ) -> Mapping[str, Any]:
        params = {"start": _not_after(start)}
        if cl_ord_id is not None:
            params["cl_ord_id"] = cl_ord_id
        return await self._calls.pages("ClosedOrders", "closed", params, priority)

    async def _orders(self, method: str, rows: Any, odd: Callable[[OddRow], None]) -> dict[str, OrderRow]:
        table = await self._market.table()
        with expected_form(method):
            return readable(rows, lambda txid, row: order_row(txid, row, table), odd)

    async def trades_since(
        self, start: Decimal | float, end: float | None = None, priority: Priority = Priority.READ
    ) -> list[TradeRow]:
        """The account's executions from ``start`` to ``end`` (unix seconds), the oldest first, each once.

        Kraken counts in whole seconds: trades up to two seconds before ``start`` may be among them. Without
        an end: all until now.
        """
        table = await self._market.table()
        # A fixed end: rows must not leave the pages at their end while pages are read. New ones only push
        # others to later pages.
        fixed_end = self._clock.now() + CLOCK_SKEW_S if end is None else end
        latest = math.ceil(fixed_end) + CLOCK_SKEW_S
        params = {"start": _not_after(start), "end": str(math.ceil(fixed_end)), "consolidate_taker": "false"}
        rows = await self._calls.pages("TradesHistory", "trades", params, priority)

        def read(txid: str, row: Any) -> TradeRow:
            trade = trade_row(txid, row, table)
            if trade.time > latest:
                # What is counted up to such a time would hide all trades before it.
                raise ValueError(f"{trade.time} is after the time that was asked for")
            return trade

        with expected_form("TradesHistory"):
            trades = readable(rows, read, partial(self._calls.odd, "TradesHistory"))
        return sorted(trades.values(), key=lambda trade: (trade.time, trade.trade_id))


def _is_same_id(one: str, other: str) -> bool:
    """Kraken keeps client order ids as numbers; how it writes them back is not documented."""
    bare, wanted = (text.replace("-", "").lower() for text in (one, other))
    return bool(bare) and bare == wanted


def _by_age(rows: Iterable[OrderRow]) -> list[OrderRow]:
    return sorted(rows, key=lambda row: (row.opentm, row.txid))


def _not_after(start: Decimal | float) -> str:
    """Kraken: ``start`` is in whole seconds and exclusive."""
    return str(max(0, math.floor(start) - 1))


def _flag(value: bool) -> str:
    return "true" if value else "false"
