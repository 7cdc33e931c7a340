"""The exchange as the rest of an account sees it: typed calls, awaited, in order of urgency.

A thin layer over kraken/rest/client.py: names of methods and parameters, paging, and the step from rows to
values. It repeats nothing, except reading a page of history again that was refused for the rate, and asking
for prices one by one where a question for many was refused. Rows are read one by one: one that cannot be read
is told to ``odd`` and costs that row, not the answer.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from typing import Any

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.domain.order import OrderAck, Quote
from krakencopy.account_proc.domain.pairs import NOT_LISTED, TOKENIZED, PairRules, SymbolTable
from krakencopy.account_proc.domain.quantities import number
from krakencopy.account_proc.kraken.answers import (
    NOT_PERMITTED,
    RATE_ERROR,
    MarketRefused,
    NothingTold,
    ServiceTrouble,
)
from krakencopy.account_proc.kraken.exchange_clock import ExchangeClock
from krakencopy.account_proc.kraken.front import FRONT_REFUSES
from krakencopy.account_proc.kraken.rest.client import TIMEOUT_S
from krakencopy.account_proc.kraken.rest.messages import (
    UNREADABLE,
    ApiKeyInfo,
    Balances,
    OddRow,
    OrderEnd,
    OrderRow,
    PairFee,
    TradeRow,
    api_key_info,
    hold_of,
    order_end,
    order_row,
    pair_fees,
    quote_of,
    readable,
    trade_row,
)
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.kraken.rest.request_queue import Priority, RequestQueue
from krakencopy.account_proc.runtime.pauses import doubled_s

__all__ = [
    "ApiKeyInfo",
    "Balances",
    "KrakenExchange",
    "OddRow",
    "OrderAck",
    "OrderEnd",
    "OrderRequest",
    "OrderRow",
    "PairFee",
    "Quote",
    "TradeRow",
    "UnexpectedForm",
]

log = logging.getLogger(__name__)

#: How refusals begin of a call that this key or this exchange does not have; another one may have the answer.
NO_SUCH_CALL = (
    "EGeneral:Permission denied",
    "EGeneral:Unknown method",
    "EAccount:Invalid permissions",
    "EAPI:Feature disabled",
)
#: Kraken: rows on a page of ClosedOrders and TradesHistory.
PAGE_ROWS = 50
#: Kraken: ids in one QueryOrders.
QUERY_IDS_MAX = 50
#: 2500 pages are 125,000 trades; more than that is an answer that never ends.
PAGES_MAX = 2_500
#: A page of history that is refused for the rate is asked for again so many times; the queue sees to the
#: pauses.
RATE_TRIES = 10
#: The exchange's clock may be ahead of what we take it to be by this much; a history that ends in its past
#: would miss the newest trades.
CLOCK_SKEW_S = 60.0
#: Questions for prices that one question becomes at most when it is refused: 1 pair among 20 is found by some
#: ten.
TICKER_CALLS_MAX = 24
#: A pair whose price was refused is asked for by itself from then on, after so long, in seconds, doubled each
#: time up to the most: what it is worth is missing in equity meanwhile.
PRICE_RETRY_S, PRICE_RETRY_MAX_S = 5.0, 1_800.0
#: Kraken's words for a pair that it does not have.
NO_SUCH_PAIR = "EQuery:Unknown asset pair"
#: Kraken: what a key must be allowed for orders.
MAY_TRADE = "modify-trades"

log = logging.getLogger(__name__)

#: Is told of a row of a method's answer that cannot be read.
Odd = Callable[[str, OddRow], None]


class UnexpectedForm(OutcomeUnknown):
    """An answer came, and lacks what it must have. Asking again may not help."""


class KrakenExchange:
    """One account at Kraken. All methods raise ExchangeError."""

    def __init__(
        self, queue: RequestQueue, clock: ExchangeClock | None = None, odd: Odd | None = None,
        refused: Callable[[str, str], None] | None = None,
    ) -> None:  # fmt: skip
        """``clock``: what the exchange's shows; this machine's without it. ``odd`` is told of every row that
        cannot be read (without it they are logged), ``refused`` of a pair that the account may not trade in,
        with the exchange's words.
        """
        self._clock = ExchangeClock() if clock is None else clock
        self._queue = queue
        self._odd: Odd = _log_odd if odd is None else odd
        self._refused = refused
        self._limits = queue.limits
        self._symbols: SymbolTable | None = None
        #: False once BalanceEx was refused.
        self._tells_holds = True
        #: Whether the account was seen to have something: Kraken lists that for ever, with 0 where it is
        #: gone.
        self._has_balances = False
        #: By pair whose price was refused: how often in a row, and until when it is not asked for (monotonic
        #: seconds).
        self._price_refused: dict[str, tuple[int, float]] = {}

    # -- the exchange ---------------------------------------------------------------------------------------

    async def server_time(self) -> int:
        """The exchange's clock in whole unix seconds."""
        result = await self._public("Time", priority=Priority.READ)
        with _expected_form("Time"):
            return int(result["unixtime"])

    async def asset_pairs(self) -> SymbolTable:
        """All pairs and assets, read anew. The other methods read names by it, until they are told of another
        table.

        Kraken lists tokenised assets by themselves. Without an answer to that question there is a table all
        the same.
        """
        pairs = await self._listed("AssetPairs", "aclass_base")
        assets = await self._listed("Assets", "aclass")
        with _expected_form("AssetPairs"):
            table = SymbolTable.parse(pairs, assets)
            if not len(table):
                raise ValueError("no pairs")
        for key in table.skipped:
            self._odd("AssetPairs", OddRow(key, None, "it lacks what trading needs"))
        self._symbols = table
        return table

    async def _listed(self, method: str, parameter: str) -> Mapping[str, Any]:
        rows = await self._public(method, priority=Priority.BACKGROUND)
        more: Mapping[str, Any] = {}
        try:
            told = await self._public(method, {parameter: TOKENIZED}, priority=Priority.BACKGROUND)
            with _expected_form(method):
                more = dict(told.items())
        except ExchangeError as error:
            log.warning("%s: tokenised assets are not told: %s", method, error)
        with _expected_form(method):
            # An exchange that does not know the question answers it as the first one: what that told counts.
            return {**more, **rows}

    def read_names_by(self, table: SymbolTable) -> None:
        """All methods but ``asset_pairs`` use this table from now on."""
        self._symbols = table

    async def market_states(self, pair: str) -> tuple[str, ...]:
        """What the exchange says now of its own state and of a pair's, in its words. Raises UnknownSymbol."""
        name = (await self._table()).pair(pair).altname
        system = await self._public("SystemStatus", priority=Priority.READ)
        rows = await self._public("AssetPairs", {"pair": name}, priority=Priority.READ)
        with _expected_form("AssetPairs"):
            return str(system["status"]), *(str(row.get("status", "online")) for row in rows.values())

    async def ticker(self, pairs: Sequence[str]) -> dict[str, Quote]:
        """Prices by our name of the pair (BTC/USD). Left out: pairs that are not listed, that the exchange
        refuses (one such pair refuses a whole question, so it is found by asking for fewer), and those whose
        row cannot be read.
        """
        table = await self._table()
        now = time.monotonic()
        found = (table.find(pair) for pair in pairs)
        wanted = {rules.symbol: rules for rules in found if rules and rules.status != NOT_LISTED}
        refused = {name: self._price_refused[name] for name in wanted if name in self._price_refused}
        groups = [
            [
                rules
                for name, rules in wanted.items()
                if rules.asset_class == asset_class and name not in refused
            ]
            for asset_class in ("", TOKENIZED)
        ]
        groups += [[wanted[name]] for name, (_, until) in refused.items() if until <= now or len(wanted) == 1]
        return await self._quotes([group for group in groups if group], table)

    async def _quotes(self, groups: list[list[PairRules]], table: SymbolTable) -> dict[str, Quote]:
        """Prices of pairs, each group of one class. Trouble at the exchange is that of a pair only if
        other pairs are told beside it.
        """
        quotes: dict[str, Quote] = {}
        waiting, calls = groups[::-1], 0
        untold: dict[str, ExchangeError] = {}
        trouble: ServiceTrouble | None = None
        told_any = False
        while waiting and calls < TICKER_CALLS_MAX:
            some, calls = waiting.pop(), calls + 1
            params = {"pair": ",".join(pair.altname for pair in some)}
            if some[0].asset_class:
                params["asset_class"] = some[0].asset_class
            try:
                result = await self._public("Ticker", params, priority=Priority.READ)
            except RateLimited:
                raise
            except (ExchangeRefused, ServiceTrouble) as error:
                trouble = error if isinstance(error, ServiceTrouble) else trouble
                half = len(some) // 2
                if half:
                    waiting += [some[half:], some[:half]]
                else:
                    untold[some[0].symbol] = error
                continue
            told_any = True
            with _expected_form("Ticker"):
                # Kraken: keyed by the canonical id, whatever was asked for.
                rows = readable(result, lambda _, row: quote_of(row), partial(self._odd, "Ticker"))
            quotes |= {pair.symbol: quote for key, quote in rows.items() if (pair := table.find(key))}
        if trouble is not None and not told_any:
            raise trouble
        for name in quotes:
            self._price_refused.pop(name, None)
        for name, why in untold.items():
            times, _ = self._price_refused.get(name, (0, 0.0))
            pause = doubled_s(times, PRICE_RETRY_S, PRICE_RETRY_MAX_S)
            log.warning(
                "the exchange tells no price of %s: %s; asked again in %.0f s at the earliest",
                name,
                why,
                pause,
            )
            self._price_refused[name] = times + 1, time.monotonic() + pause
        return quotes

    # -- the account ----------------------------------------------------------------------------------------

    async def balances(self) -> Balances:
        """By display name, e.g. BTC, USD. Kinds like USD.F stand by themselves. Kraken: holds are not
        deducted.
        """
        table = await self._table()
        result = await self._balance_rows("Balance")
        unknown: list[OddRow] = []
        with _expected_form("Balance"):
            rows = readable(result, lambda _, amount: number(amount), unknown.append)
        return self._balances("Balance", rows, unknown, table)

    async def _balance_rows(self, method: str) -> Any:
        """Kraken was seen to answer without a result where an account never had anything (rotki takes it
        so); anywhere else that is no answer.
        """
        try:
            result = await self._private(method, priority=Priority.READ)
        except NothingTold:
            if self._has_balances:
                raise
            return {}
        self._has_balances = self._has_balances or bool(result)
        return result

    def _balances(
        self, method: str, rows: Mapping[str, Decimal], unknown: Sequence[OddRow], table: SymbolTable
    ) -> Balances:
        """Balances under the assets' names, and of which assets the amount cannot be read."""
        for row in unknown:
            self._odd(method, row)
        names = frozenset(table.held_as(row.key) for row in unknown)
        return Balances({table.held_as(key): amount for key, amount in rows.items()}, names)

    async def holdings(self) -> tuple[Balances, dict[str, Decimal]]:
        """``balances``, and what open orders hold of them; where BalanceEx is refused, by what those
        orders are.
        """
        table = await self._table()
        if self._tells_holds:
            try:
                result = await self._balance_rows("BalanceEx")
            except ExchangeRefused as error:
                if not error.errors[0].startswith(NO_SUCH_CALL):
                    raise
                log.warning("what open orders hold is counted order by order: %s", error)
                self._tells_holds = False
            else:
                unknown: list[OddRow] = []
                with _expected_form("BalanceEx"):
                    rows = readable(result, lambda _, row: _holding(row), unknown.append)
                balances = {key: balance for key, (balance, _) in rows.items()}
                holds = {table.held_as(key): hold for key, (_, hold) in rows.items() if hold > 0}
                return self._balances("BalanceEx", balances, unknown, table), holds
        return await self.balances(), await self._held_by_orders(table)

    async def _held_by_orders(self, table: SymbolTable) -> dict[str, Decimal]:
        """What open orders hold, by asset; nothing is known to be held where the exchange does not tell
        them, or by a row that cannot be read.
        """
        holds: dict[str, Decimal] = {}
        try:
            rows = await self._open_rows(None, Priority.READ)
        except RateLimited:
            raise
        except ExchangeRefused as error:
            log.warning("what open orders hold is not known: %s", error)
            return holds
        for asset, amount in readable(
            rows, lambda _, row: hold_of(row, table), partial(self._odd, "OpenOrders")
        ).values():
            holds[asset] = holds.get(asset, Decimal(0)) + amount
        return holds

    async def api_key_info(self) -> ApiKeyInfo:
        """What the key may do. Raises UnexpectedForm, and ExchangeRefused where the key may not ask."""
        result = await self._private("GetApiKeyInfo", priority=Priority.READ)
        with _expected_form("GetApiKeyInfo"):
            return api_key_info(result)

    async def trade_fees(self, pairs: Sequence[str]) -> tuple[PairFee, ...]:
        """The account's own fees in these pairs by our name (BTC/USD), in one call. What is not listed is
        left out.
        """
        table = await self._table()
        found = (table.find(pair) for pair in pairs)
        names = {
            rules.altname for rules in found if rules and not rules.asset_class and rules.status != NOT_LISTED
        }
        if not names:
            return ()
        result = await self._private(
            "TradeVolume", {"pair": ",".join(sorted(names))}, priority=Priority.BACKGROUND
        )
        with _expected_form("TradeVolume"):
            return pair_fees(result, table, partial(self._odd, "TradeVolume"))

    async def websocket_token(self) -> str:
        """A new token for private channels. Kraken: to be used within 15 minutes."""
        result = await self._private("GetWebSocketsToken", priority=Priority.URGENT)
        with _expected_form("GetWebSocketsToken"):
            token = result["token"]
            if not isinstance(token, str) or not token:
                raise TypeError("token")
            return token

    # -- orders ---------------------------------------------------------------------------------------------

    def order_wait_s(self, pair: str) -> float:
        """How long a new order of a pair (BTC/USD) has to wait for the exchange's limits; 0 in most cases."""
        return self._limits.order_wait_s(pair, time.monotonic())

    @property
    def order_wait_reason(self) -> str:
        """Why it has to wait then, as a code."""
        return FRONT_REFUSES if self._limits.front.orders_until > time.monotonic() else RATE_ERROR

    async def add_order(self, order: OrderRequest, timeout_s: float = TIMEOUT_S) -> OrderAck:
        """Send an order, once. Raises ExchangeRefused, NotSent (nothing was done) or OutcomeUnknown (find out
        first). A refusal of the account in this pair alone is MarketRefused, and not KeyRefused.

        After ``timeout_s`` without an answer the outcome is unknown. It does not wait for the pair's counter:
        ask ``order_wait_s``.
        """
        pair = (await self._table()).find(order.pair)
        if pair is None:
            # Of an order from before its pair was taken off the lists; the exchange would say the same.
            raise ExchangeRefused("AddOrder", (NO_SUCH_PAIR,))
        params = order.params(pair.altname, pair.asset_class)
        self._limits.charge_order(pair.symbol, time.monotonic())
        try:
            result = await self._queue.order("AddOrder", params, timeout_s=timeout_s)
        except RateLimited as error:
            self._limits.order_refused(pair.symbol, error, time.monotonic())
            raise
        except (KeyRefused, MarketRefused) as error:
            if isinstance(error, KeyRefused) and not await self._is_market(error):
                raise
            if self._refused is not None:
                self._refused(pair.symbol, ", ".join(error.errors))
            raise MarketRefused(error.method, error.errors) from error
        finally:
            self._limits.order_answered(pair.symbol, time.monotonic())
        with _expected_form("AddOrder"):
            ack = OrderAck("" if order.validate else str(result["txid"][0]), "")
        with suppress(*UNREADABLE):
            return OrderAck(ack.order_id, str(result["descr"]["order"]))
        return ack

    async def _is_market(self, error: KeyRefused) -> bool:
        """Whether the refusal of an order is one of its market: Kraken has the same words for that and for a
        key that may not trade.

        A key that may not trade says so itself; one that may not be asked has proven that it is known by any
        answer that it gets.
        """
        if not all(text.startswith(NOT_PERMITTED) for text in error.errors):
            return False
        try:
            return MAY_TRADE in (await self.api_key_info()).permissions
        except KeyRefused as answer:
            return all(text.startswith(NOT_PERMITTED) for text in answer.errors)
        except ExchangeError:
            # No answer says nothing about the key; and asking for another market does it no harm.
            return True

    async def cancel_order(self, txid: str) -> None:
        """Ask for an order to be cancelled. Raises ExchangeRefused with ``EOrder:Unknown order`` if it is
        over already.
        """
        await self._private("CancelOrder", {"txid": txid}, priority=Priority.ORDER)

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
            result = await self._private("QueryOrders", params, priority=priority)
            rows |= await self._orders("QueryOrders", result, odd.append)
        for row in odd:
            self._odd("QueryOrders", row)
        return rows, odd

    async def ends_of(self, txids: Sequence[str]) -> dict[str, OrderEnd]:
        """How orders stand, by their id; where a row tells that, it need not tell which order it is.
        Others are left out.
        """
        table, ends = await self._table(), dict[str, OrderEnd]()
        for start in range(0, len(txids), QUERY_IDS_MAX):
            params = {"txid": ",".join(txids[start : start + QUERY_IDS_MAX]), "trades": _flag(False)}
            result = await self._private("QueryOrders", params, priority=Priority.READ)
            with _expected_form("QueryOrders"):
                ends |= readable(
                    result, lambda txid, row: order_end(txid, row, table), partial(self._odd, "QueryOrders")
                )
        return ends

    async def open_orders(
        self, cl_ord_id: str | None = None, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Open orders, the oldest first; only those with this client order id if one is given."""
        rows = await self._open_rows(cl_ord_id, priority)
        return _by_age((await self._orders("OpenOrders", rows, partial(self._odd, "OpenOrders"))).values())

    async def closed_orders(
        self, cl_ord_id: str | None, start: float, priority: Priority = Priority.READ
    ) -> list[OrderRow]:
        """Filled, cancelled and expired orders since ``start`` (unix seconds), the oldest first."""
        rows = await self._closed_rows(cl_ord_id, start, priority)
        return _by_age(
            (await self._orders("ClosedOrders", rows, partial(self._odd, "ClosedOrders"))).values()
        )

    async def orders_of(
        self, cl_ord_id: str | None, start: float, priority: Priority = Priority.READ
    ) -> tuple[list[OrderRow], list[OddRow]]:
        """Orders with a client order id (all of them without one), open ones and those that ended since
        ``start``, and rows of the answers that may be one of them and cannot be read.
        """
        odd: list[OddRow] = []
        # Open first, closed second: an order that ends between the two reads is still seen.
        opened = await self._open_rows(cl_ord_id, priority)
        closed = await self._closed_rows(cl_ord_id, start, priority)
        rows = {
            **await self._orders("OpenOrders", opened, odd.append),
            **await self._orders("ClosedOrders", closed, odd.append),
        }
        for row in odd:
            self._odd("ClosedOrders" if row.key in closed else "OpenOrders", row)
        return _by_age(rows.values()), [row for row in odd if row.key not in rows]

    async def _open_rows(self, cl_ord_id: str | None, priority: Priority) -> Mapping[str, Any]:
        params = {} if cl_ord_id is None else {"cl_ord_id": cl_ord_id}
        result = await self._private("OpenOrders", params, priority=priority)
        with _expected_form("OpenOrders"):
            return dict(result["open"])

    async def _closed_rows(
        self, cl_ord_id: str | None, start: float, priority: Priority
    ) -> Mapping[str, Any]:
        params = {"start": _not_after(start)}
        if cl_ord_id is not None:
            params["cl_ord_id"] = cl_ord_id
        return await self._pages("ClosedOrders", "closed", params, priority)

    async def _orders(self, method: str, rows: Any, odd: Callable[[OddRow], None]) -> dict[str, OrderRow]:
        table = await self._table()
        with _expected_form(method):
            return readable(rows, lambda txid, row: order_row(txid, row, table), odd)

    async def trades_since(
        self, start: Decimal | float, end: float | None = None, priority: Priority = Priority.READ
    ) -> list[TradeRow]:
        """The account's executions from ``start`` to ``end`` (unix seconds), the oldest first, each once.

        Kraken counts in whole seconds: trades up to two seconds before ``start`` may be among them. Without
        an end: all until now.
        """
        table = await self._table()
        # A fixed end: rows must not leave the pages at their end while pages are read. New ones only push
        # others to later pages.
        fixed_end = self._clock.now() + CLOCK_SKEW_S if end is None else end
        latest = math.ceil(fixed_end) + CLOCK_SKEW_S
        params = {"start": _not_after(start), "end": str(math.ceil(fixed_end)), "consolidate_taker": "false"}
        rows = await self._pages("TradesHistory", "trades", params, priority)

        def read(txid: str, row: Any) -> TradeRow:
            trade = trade_row(txid, row, table)
            if trade.time > latest:
                # What is counted up to such a time would hide all trades before it.
                raise ValueError(f"{trade.time} is after the time that was asked for")
            return trade

        with _expected_form("TradesHistory"):
            trades = readable(rows, read, partial(self._odd, "TradesHistory"))
        return sorted(trades.values(), key=lambda trade: (trade.time, trade.trade_id))

    # -- how ------------------------------------------------------------------------------------------------

    async def _pages(
        self, method: str, key: str, params: Mapping[str, str], priority: Priority
    ) -> dict[str, Any]:
        """All rows by their id, so that one that is on two pages counts once."""
        rows: dict[str, Any] = {}
        for page in range(PAGES_MAX):
            offset = page * PAGE_ROWS
            result = await self._page(method, {**params, "ofs": str(offset)}, priority)
            with _expected_form(method):
                found, count = result[key], result.get("count")
                rows.update(found)
                is_last = (
                    len(found) < PAGE_ROWS if not isinstance(count, int) else offset + PAGE_ROWS >= count
                )
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
        return await self._queue.public(method, params, priority=priority)

    async def _private(
        self, method: str, params: Mapping[str, str] | None = None, *, priority: Priority
    ) -> Any:
        return await self._queue.private(method, params, priority=priority)


@contextmanager
def _expected_form(method: str) -> Iterator[None]:
    """An answer that lacks what it must have is as good as none: an order may have been placed all the
    same.
    """
    try:
        yield
    except UNREADABLE as error:
        raise UnexpectedForm(
            method, f"the answer has an unexpected form ({type(error).__name__}: {error})"
        ) from error


def _log_odd(method: str, row: OddRow) -> None:
    log.warning("%s: row %s cannot be read: %s", method, row.key, row.problem)


def _holding(row: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """A row of BalanceEx: the balance, and what open orders hold of it."""
    return number(row["balance"]), number(row.get("hold_trade") or 0)


def _by_age(rows: Iterable[OrderRow]) -> list[OrderRow]:
    return sorted(rows, key=lambda row: (row.opentm, row.txid))


def _not_after(start: Decimal | float) -> str:
    """Kraken: ``start`` is in whole seconds and exclusive."""
    return str(max(0, math.floor(start) - 1))


def _flag(value: bool) -> str:
    return "true" if value else "false"
