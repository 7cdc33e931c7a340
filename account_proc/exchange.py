"""The exchange as the rest of an account sees it: typed calls, awaited, in order of urgency.

A thin layer over rest.py: names of methods and parameters, paging, and the step from rows to values. It decides nothing and
repeats nothing, except reading a page of history again that was refused for the rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from account_proc.call_queue import CallQueue, Priority
from account_proc.errors import OutcomeUnknown, RateLimited
from account_proc.pairs import SymbolTable, UnknownSymbol
from account_proc.rest import TIMEOUT_S
from account_proc.rest_rows import (
    ApiKeyInfo,
    OrderAck,
    OrderRequest,
    OrderRow,
    PairFee,
    Quote,
    TradeRow,
    api_key_info,
    number,
    order_row,
    pair_fees,
    quote_of,
    trade_row,
)

__all__ = [
    "ApiKeyInfo",
    "KrakenExchange",
    "OrderAck",
    "OrderRequest",
    "OrderRow",
    "PairFee",
    "Quote",
    "TradeRow",
    "UnexpectedForm",
]

#: Kraken: rows on a page of ClosedOrders and TradesHistory.
PAGE_ROWS = 50
#: Kraken: ids in one QueryOrders.
QUERY_IDS_MAX = 50
#: 2500 pages are 125,000 trades; more than that is an answer that never ends.
PAGES_MAX = 2_500
#: A page of history that is refused for the rate is asked for again so many times; the queue sees to the pauses.
RATE_TRIES = 10
#: The exchange's clock may be ahead of ours by this much; a history that ends in its past would miss the newest trades.
CLOCK_SKEW_S = 60.0


class UnexpectedForm(OutcomeUnknown):
    """An answer came, and lacks what it must have. Asking again may not help."""


class KrakenExchange:
    """One account at Kraken. All methods raise ExchangeError."""

    def __init__(self, queue: CallQueue) -> None:
        self._queue = queue
        self._limits = queue.rest.limits
        self._symbols: SymbolTable | None = None

    # -- the exchange -------------------------------------------------------------------------------------------

    async def server_time(self) -> int:
        """The exchange's clock in whole unix seconds."""
        result = await self._public("Time", priority=Priority.READ)
        with _expected_form("Time"):
            return int(result["unixtime"])

    async def asset_pairs(self) -> SymbolTable:
        """All pairs and assets, read anew. The other methods read names by it, until they are told of another table."""
        pairs = await self._public("AssetPairs", priority=Priority.BACKGROUND)
        assets = await self._public("Assets", priority=Priority.BACKGROUND)
        with _expected_form("AssetPairs"):
            table = SymbolTable.parse(pairs, assets)
            if not len(table):
                raise ValueError("no pairs")
        self._symbols = table
        return table

    def read_names_by(self, table: SymbolTable) -> None:
        """All methods but ``asset_pairs`` use this table from now on."""
        self._symbols = table

    async def ticker(self, pairs: Sequence[str]) -> dict[str, Quote]:
        """Prices by our name of the pair (BTC/USD); pairs that the answer leaves out are left out. Raises UnknownSymbol."""
        table = await self._table()
        names = {table.pair(pair).symbol: table.pair(pair).altname for pair in pairs}
        if not names:
            return {}
        result = await self._public("Ticker", {"pair": ",".join(names.values())}, priority=Priority.READ)
        with _expected_form("Ticker"):
            # Kraken: keyed by the canonical id, whatever was asked for.
            return {table.pair(key).symbol: quote_of(row) for key, row in result.items()}

    # -- the account --------------------------------------------------------------------------------------------

    async def balances(self) -> dict[str, Decimal]:
        """By display name, e.g. BTC, USD. Kinds like USD.F stand by themselves. Kraken: holds are not deducted."""
        table = await self._table()
        result = await self._private("Balance", priority=Priority.READ)
        with _expected_form("Balance"):
            return {_asset(table, key): number(amount) for key, amount in result.items()}

    async def api_key_info(self) -> ApiKeyInfo:
        """What the key may do. Raises UnexpectedForm, and ExchangeRefused where the key may not ask."""
        result = await self._private("GetApiKeyInfo", priority=Priority.READ)
        with _expected_form("GetApiKeyInfo"):
            return api_key_info(result)

    async def trade_fees(self, pairs: Sequence[str]) -> tuple[PairFee, ...]:
        """The account's own fees in these pairs by our name (BTC/USD), in one call. What is not listed is left out."""
        table = await self._table()
        names = {found.altname for pair in pairs if (found := table.find(pair)) is not None}
        if not names:
            return ()
        result = await self._private(
            "TradeVolume", {"pair": ",".join(sorted(names))}, priority=Priority.BACKGROUND
        )
        with _expected_form("TradeVolume"):
            return pair_fees(result, table)

    async def websocket_token(self) -> str:
        """A new token for private channels. Kraken: to be used within 15 minutes."""
        result = await self._private("GetWebSocketsToken", priority=Priority.URGENT)
        with _expected_form("GetWebSocketsToken"):
            token = result["token"]
            if not isinstance(token, str) or not token:
                raise TypeError("token")
            return token

    # -- orders -------------------------------------------------------------------------------------------------

    def order_wait_s(self, pair: str) -> float:
        """How long a new order of a pair (BTC/USD) has to wait for the exchange's limits; 0 in most cases."""
        return self._limits.order_wait_s(pair, time.monotonic())

    async def add_order(self, order: OrderRequest, timeout_s: float = TIMEOUT_S) -> OrderAck:
        """Send an order, once. Raises ExchangeRefused, NotSent (nothing was done) or OutcomeUnknown (find out first).

        After ``timeout_s`` without an answer the outcome is unknown. It does not wait for the pair's counter: ask ``order_wait_s``.
        """
        pair = (await self._table()).pair(order.pair)
        params = order.params(pair.altname)
        self._limits.charge_order(pair.symbol, time.monotonic())
        try:
            result = await self._queue.order("AddOrder", params, timeout_s=timeout_s)
        except RateLimited as error:
            self._limits.order_refused(pair.symbol, error, time.monotonic())
            raise
        finally:
            self._limits.order_answered(pair.symbol, time.monotonic())
        with _expected_form("AddOrder"):
            description = str(result["descr"]["order"])
            return OrderAck("" if order.validate else str(result["txid"][0]), description)

    async def cancel_order(self, txid: str) -> None:
        """Ask for an order to be cancelled. Raises ExchangeRefused with ``EOrder:Unknown order`` if it is over already."""
        await self._private("CancelOrder", {"txid": txid}, priority=Priority.ORDER)

    async def query_orders(
        self, txids: Sequence[str], *, trades: bool = False, priority: Priority = Priority.READ
    ) -> dict[str, OrderRow]:
        """Orders by their id; ids that the exchange does not know are left out."""
        table = await self._table()
        rows: dict[str, OrderRow] = {}
        for start in range(0, len(txids), QUERY_IDS_MAX):
            params = {"txid": ",".join(txids[start : start + QUERY_IDS_MAX]), "trades": _flag(trades)}
            result = await self._private("QueryOrders", params, priority=priority)
            with _expected_form("QueryOrders"):
                rows |= {txid: order_row(txid, row, table) for txid, row in result.items()}
        return rows

    async def open_orders(
        self, cl_ord_id: str | None = None, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Open orders, the oldest first; only those with this client order id if one is given."""
        table = await self._table()
        params = {} if cl_ord_id is None else {"cl_ord_id": cl_ord_id}
        result = await self._private("OpenOrders", params, priority=priority)
        with _expected_form("OpenOrders"):
            return _by_age(order_row(txid, row, table) for txid, row in result["open"].items())

    async def closed_orders(
        self, cl_ord_id: str | None, start: float, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Filled, cancelled and expired orders since ``start`` (unix seconds), the oldest first."""
        table = await self._table()
        params = {"start": _not_after(start)}
        if cl_ord_id is not None:
            params["cl_ord_id"] = cl_ord_id
        rows = await self._pages("ClosedOrders", "closed", params, priority)
        with _expected_form("ClosedOrders"):
            return _by_age(order_row(txid, row, table) for txid, row in rows.items())

    async def trades_since(
        self, start: Decimal | float, end: float | None = None, priority: Priority = Priority.READ
    ) -> list[TradeRow]:
        """The account's executions from ``start`` to ``end`` (unix seconds), the oldest first, each once.

        Kraken counts in whole seconds: trades up to two seconds before ``start`` may be among them. Without an end: all until now.
        """
        table = await self._table()
        # A fixed end: rows must not leave the pages at their end while pages are read. New ones only push others to later pages.
        fixed_end = time.time() + CLOCK_SKEW_S if end is None else end
        params = {"start": _not_after(start), "end": str(math.ceil(fixed_end)), "consolidate_taker": "false"}
        rows = await self._pages("TradesHistory", "trades", params, priority)
        with _expected_form("TradesHistory"):
            trades = [trade_row(txid, row, table) for txid, row in rows.items()]
        return sorted(trades, key=lambda trade: (trade.time, trade.trade_id))

    # -- how ----------------------------------------------------------------------------------------------------

    async def _pages(
        self, method: str, key: str, params: Mapping[str, str], priority: Priority
    ) -> dict[str, Mapping[str, Any]]:
        """All rows by their id, so that one that is on two pages counts once."""
        rows: dict[str, Mapping[str, Any]] = {}
        for page in range(PAGES_MAX):
            offset = page * PAGE_ROWS
            result = await self._page(method, {**params, "ofs": str(offset)}, priority)
            with _expected_form(method):
                found, count = result[key], result.get("count")
                rows.update(found)
                is_last = len(found) < PAGE_ROWS if count is None else offset + PAGE_ROWS >= int(count)
            if is_last or not found:
                return rows
        raise OutcomeUnknown(method, f"more than {PAGES_MAX} pages")

    async def _page(self, method: str, params: Mapping[str, str], priority: Priority) -> Any:
        for _ in range(RATE_TRIES):
            with suppress(RateLimited):
                return await self._private(method, params, priority=priority)
        return await self._private(method, params, priority=priority)

    async def _table(self) -> SymbolTable:
        return await self.asset_pairs() if self._symbols is None else self._symbols

    async def _public(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        return await self._queue.call(priority, self._queue.rest.public, method, params)

    async def _private(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        return await self._queue.call(priority, self._queue.rest.private, method, params)


@contextmanager
def _expected_form(method: str) -> Iterator[None]:
    """An answer that lacks what it must have is as good as none: an order may have been placed all the same."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UnexpectedForm(
            method, f"the answer has an unexpected form ({type(error).__name__}: {error})"
        ) from error


def _asset(table: SymbolTable, key: str) -> str:
    try:
        return table.asset(key)
    except UnknownSymbol:
        return key  # listed after the table was read: better under Kraken's name than not at all


def _by_age(rows: Iterator[OrderRow]) -> list[OrderRow]:
    return sorted(rows, key=lambda row: (row.opentm, row.txid))


def _not_after(start: Decimal | float) -> str:
    """Kraken: ``start`` is in whole seconds and exclusive."""
    return str(max(0, math.floor(start) - 1))


def _flag(value: bool) -> str:
    return "true" if value else "false"
