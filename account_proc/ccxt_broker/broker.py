"""Another broker than Kraken, over ccxt: account_proc/trading/broker.py's Protocol on one exchange of ccxt.

Nothing is asked on the way to an order: balances and prices are read beside it, every few seconds and after
each order of ours. An order whose answer was lost is looked for by our id, which every order carries
(ccxt_broker/client.py sends none without it).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from krakencopy.account_proc.ccxt_broker.client import LOAD_TIMEOUT_S, CcxtClient, CcxtPriority
from krakencopy.account_proc.ccxt_broker.messages import (
    Balance,
    balances_of,
    ending_of,
    equity_in,
    fees_of,
    found_order,
    markets_of,
    price_or_none,
    quote_of,
    with_client_id,
)
from krakencopy.account_proc.contract.decimal_text import plain
from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
)
from krakencopy.account_proc.contract.ledger_file import Held
from krakencopy.account_proc.contract.pair_spellings import find_pair, nearest_pairs
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.domain.sent_values import shown
from krakencopy.account_proc.domain.wallet import DISPLAY_CURRENCY
from krakencopy.account_proc.kraken.errors import BelowMinimum
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.broker import (
    BrokerOrder,
    Ending,
    FoundOrder,
    Holdings,
    Market,
    OrderAck,
    Quote,
)
from krakencopy.account_proc.trading.order_gateway import LOOK_AT_CLOCK_S
from krakencopy.account_proc.trading.portfolio import SHOWN_MAX
from krakencopy.account_proc.trading.timing import Timing

log = logging.getLogger(__name__)


#: Assets that are remembered so that each is logged once.
ODD_MAX = 1_000
#: How much over the ask a market order to buy may pay at exchanges that take no volume of base for one.
MARKET_BUY_BOUND = Decimal("1.01")
#: A list of so many orders may have been cut off, and proves no absence (the shortest page that is known:
#: Kraken's).
FULL_PAGE = 50
#: How much earlier than it was sent an order may be dated: clocks differ.
CLOCKS_DIFFER_S = 60.0
#: Between two questions about an order that is under way, at first, in seconds; each pause is half as long
#: again, up to Timing.poll.
FIRST_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class _Known:
    """What was last read."""

    balances: Mapping[str, Balance]
    last: Mapping[str, Decimal]


class CcxtBroker:
    """One account. Everything but ``load`` may be used once that is done."""

    def __init__(self, client: CcxtClient, timing: Timing, request_life_s: float | None = None) -> None:
        """``request_life_s``: instead of the exchange's, for a test server on this machine."""
        self._client = client
        self.health, self.clock = client.health, client.clock
        self._timing = timing
        self.deadline_s = timing.deadline
        #: After its deadline a request is taken to be dead: at once where the exchange keeps to it, else once
        #: its signature is too old.
        life_s = client.habits.request_life_s if request_life_s is None else request_life_s
        self._life_s = max(timing.margin, life_s)
        self._markets: dict[str, Market] = {}
        self._known = _Known({}, {})
        #: When balances were read last (Unix seconds); 0 before.
        self.read_at = 0.0
        self._quotes = {DISPLAY_CURRENCY}
        #: Assets whose balance could not be read.
        self._odd_balances: set[str] = set()
        #: An order was refused by other rules than were read.
        self.rules_wrong = False
        #: Set when balances have changed, or rules.
        self.stale = asyncio.Event()

    # -- what is known --------------------------------------------------------------------------------------

    def market(self, pair: str) -> Market | None:
        """The rules of a pair under any spelling (contract/pair_spellings.py); None when it is not listed."""
        name = find_pair(pair, self._markets)
        return None if name is None else self._markets[name]

    def nearest_pairs(self, pair: str) -> list[str]:
        """Of those that are listed."""
        return nearest_pairs(pair, self._markets)

    def holdings(self, market: Market) -> Holdings:
        """What can be traded in a market now, by what was last read."""
        self._quotes.add(market.quote)
        none = Balance(Decimal(0), Decimal(0))
        balances = self._known.balances
        return Holdings(
            equity=self.equity(market.quote), cash=balances.get(market.quote, none).free,
            base=balances.get(market.base, none).free,
        )  # fmt: skip

    def equity(self, quote: str = DISPLAY_CURRENCY) -> Decimal | None:
        """All that the account holds, in one currency; None while that is not known."""
        if not self._markets:
            return None
        return equity_in(quote, self._known.balances, self._known.last, self._markets)

    def by_asset(self) -> dict[str, Held]:
        """What there is of each asset, and what is set aside for orders, as it was last read."""
        balances = sorted(self._known.balances.items())
        return {asset: Held(each.total, each.total - each.free) for asset, each in balances[:SHOWN_MAX]}

    def wait_s(self, pair: str) -> float:  # noqa: ARG002 - the Protocol's
        """Always 0: ccxt keeps its pauses by itself, and an order does not leave after its deadline."""
        return 0.0

    # -- reading --------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Reads the rules of all markets. Raises ExchangeError."""
        self.rules_wrong = False
        exchange = self._client.exchange

        def take(markets: Mapping[str, Mapping[str, Any]]) -> dict[str, Market]:
            return markets_of(markets, exchange.precisionMode)

        args = (True,)  # again, if they were read before
        self._markets = await self._client.read(
            CcxtPriority.READ, "load_markets", *args, timeout_s=LOAD_TIMEOUT_S, take=take
        )

    async def refresh(self) -> None:
        """Reads balances, and the prices that their worth hangs on. Raises ExchangeError."""
        self.stale.clear()
        balances = await self._client.read(
            CcxtPriority.READ, "fetch_balance", take=lambda rows: balances_of(rows, self._note_odd_balance)
        )
        last = dict(self._known.last)
        for symbol in sorted(
            {
                found.name
                for quote in self._quotes
                for asset in balances
                for pair in (f"{asset}/{quote}", f"{quote}/{asset}")
                if (found := self._markets.get(pair)) is not None
            }
        ):
            last[symbol] = await self._last(symbol) or last.get(symbol, Decimal(0))
        self._known, self.read_at = _Known(balances, last), time.time()

    def _note_odd_balance(self, asset: str, error: Exception) -> None:
        """Of an asset whose balance cannot be read nothing is counted; it is logged once."""
        if asset not in self._odd_balances:
            log.warning("the balance of %s cannot be read, and counts nothing: %s", asset, shown(error))
            self._odd_balances = (
                {*self._odd_balances, asset} if len(self._odd_balances) < ODD_MAX else {asset}
            )

    async def _last(self, symbol: str) -> Decimal | None:
        """The last price; None where the exchange has none or refuses to say it, which is no reason to know
        nothing of the account.
        """
        try:
            return await self._client.read(
                CcxtPriority.READ, "fetch_ticker", symbol, take=lambda row: price_or_none(row["last"])
            )
        except (RateLimited, KeyRefused):
            raise
        except ExchangeRefused as error:
            log.warning("no price of %s, which counts nothing until there is one: %s", symbol, error)
            return None

    async def quote(self, pair: str) -> Quote:
        """Bid, ask and last price of a pair, now. Raises ExchangeError."""
        market = self._markets[pair.upper()]
        return await self._client.read(CcxtPriority.URGENT, "fetch_ticker", market.name, take=quote_of)

    # -- orders ---------------------------------------------------------------------------------------------

    async def send(self, order: BrokerOrder) -> OrderAck:
        """Sends once. Raises ExchangeRefused (nothing was done) or OutcomeUnknown (find out first)."""
        market = self._markets[order.pair.upper()]
        price, ioc = order.limit_price, order.ioc
        if price is None and order.side is Side.BUY and self._feature(market, "marketBuyRequiresPrice"):
            price, ioc = await self._bound(market), True
        habits = self._client.habits
        params: dict[str, Any] = {habits.client_id: order.cl_ord_id, **habits.order_params}
        if ioc:
            if not (self._feature(market, "timeInForce") or {}).get("IOC"):
                raise ExchangeRefused(
                    "createOrder", (f"ccxt knows no IOC order at {self._client.id}; not sent",)
                )
            params["timeInForce"] = "IOC"
        if habits.takes_deadline:
            params["deadline"] = self._client.exchange.iso8601(round(order.deadline * 1000))
        kind, limit = ("market", None) if price is None else ("limit", plain(price))
        try:
            order_id = await self._client.send_order(
                order.cl_ord_id, order.side, order.deadline, self._timing.deadline + self._timing.margin,
                market.name, kind, order.side.value, plain(order.volume), limit, params,
            )  # fmt: skip
        except BelowMinimum:
            self.rules_wrong = True
            self.stale.set()
            raise
        self.stale.set()
        return OrderAck(order_id, f"{order.side} {plain(order.volume)} {market.name} @ {limit or 'market'}")

    def _feature(self, market: Market, name: str) -> Any:
        """What ccxt says of an exchange's orders."""
        return self._client.exchange.feature_value(market.name, "createOrder", name)

    async def _bound(self, market: Market) -> Decimal:
        """The price limit of a market order to buy where ccxt can only buy for so much quote: its volume
        would hang on the price.
        """
        try:
            quote = await self.quote(market.name)
        except ExchangeError as error:
            raise ExchangeRefused(
                "createOrder", (f"not sent, as the price is not known: {error}",)
            ) from error
        return (quote.ask * MARKET_BUY_BOUND / market.tick).quantize(Decimal(1), ROUND_FLOOR) * market.tick

    async def find(self, order: BrokerOrder) -> FoundOrder | None:
        """The order, or None when it is proven that there is none and that none can come any more.

        Looks once the deadline has passed, and, if it is not there, once no request that was sent before can
        be acted on any more and reads cannot trail behind any longer.
        """
        await self._until(order.deadline + self._timing.margin)
        found = await self._look(order)
        if found is None:
            await self._until(order.deadline + self._life_s + self._timing.visibility_lag)
            found = await self._look(order)
        self.stale.set()
        return found

    async def _look(self, order: BrokerOrder) -> FoundOrder | None:
        failures = 0
        while True:
            try:
                return await self._look_once(order)
            except ExchangeError as error:
                pause = growing_pause_s(failures, self._timing.retry, self._timing.retry_max)
                log.warning("an order could not be looked for, again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)
                failures += 1

    async def _look_once(self, order: BrokerOrder) -> FoundOrder | None:
        client = self._client
        market = self._markets[order.pair.upper()]
        since_ms = round((order.deadline - self.deadline_s - CLOCKS_DIFFER_S) * 1000)
        params = {client.habits.client_id: order.cl_ord_id} if client.habits.finds_by_id else {}
        fee_asset = self._fee_asset(market)

        def take(rows: list[Mapping[str, Any]]) -> tuple[FoundOrder | None, int]:
            row = with_client_id(rows, order.cl_ord_id)
            return None if row is None else found_order(row, fee_asset), len(rows)

        found: FoundOrder | None = None
        for method in client.order_lists():
            seen, length = await client.read(
                CcxtPriority.URGENT, method, market.name, since_ms, None, params, take=take
            )
            if seen is None and length >= FULL_PAGE:
                raise OutcomeUnknown(method, f"a list of {length} orders may have been cut off")
            found = seen or found
        return found

    async def end(self, order: BrokerOrder, order_id: str) -> Ending:
        """Waits, however long, until an order that exists is over; raises nothing."""
        pause, most = FIRST_POLL_S, self._timing.poll
        while True:
            try:
                ending = await self._ending(order, order_id)
            except ExchangeError as error:
                log.warning("order %s could not be asked for: %s", order_id, error)
                ending, most = None, self._timing.retry_max
            else:
                most = self._timing.poll
            if ending is not None:
                self.stale.set()
                return ending
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, most)

    async def _ending(self, order: BrokerOrder, order_id: str) -> Ending | None:
        market = self._markets[order.pair.upper()]
        symbol, fee_asset = market.name, self._fee_asset(market)

        def take(row: Mapping[str, Any]) -> Ending | None:
            return ending_of(row, order_id, fee_asset)

        ending = await self._client.read(CcxtPriority.URGENT, "fetch_order", order_id, symbol, take=take)
        if (
            ending is None
            or not ending.filled
            or ending.fees
            or not self._client.exchange.has.get("fetchMyTrades")
        ):
            return ending
        # Some exchanges tell fees with trades alone.
        return await self._client.read(
            CcxtPriority.URGENT, "fetch_my_trades", symbol, round((order.deadline - CLOCKS_DIFFER_S) * 1000),
            take=lambda rows: _with_fees(ending, rows),
        )  # fmt: skip

    def _fee_asset(self, market: Market) -> str:
        """What every fee of an order is in; empty where ccxt names it rightly."""
        return market.quote if self._client.habits.fees_in_quote else ""

    async def _until(self, at: float) -> None:
        """Until the exchange's clock shows a time: it may be found out meanwhile that it is another one."""
        while (pause := at - self._client.clock.now()) > 0:  # noqa: ASYNC110 - no event tells of the time
            await asyncio.sleep(min(pause, LOOK_AT_CLOCK_S))

    def close(self) -> None:
        """Begins nothing more."""
        self._client.close()


def _with_fees(ending: Ending, trades: list[Mapping[str, Any]]) -> Ending:
    mine = [trade for trade in trades if trade.get("order") == ending.order_id]
    return Ending(order_id=ending.order_id, filled=ending.filled, cost=ending.cost, fees=fees_of(mine))
