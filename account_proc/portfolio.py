"""Keeps a wallet and prices fresh beside the trading loop, so that nobody has to ask for them on the way to an order.

The wallet is a snapshot of balances plus every execution since. A snapshot is only believed when no execution came in while
it was fetched: otherwise it may or may not hold that execution already, and one trade would count twice or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from account_proc.exchange import KrakenExchange, Quote
from account_proc.executions import Execution
from account_proc.pairs import PairRules, SymbolTable
from account_proc.units import Side
from account_proc.wallet import BRIDGES, Marks, Wallet

log = logging.getLogger(__name__)

#: Tries to fetch balances between two executions before the last answer is taken as it is.
QUIET_TRIES = 5
#: How long after a balance answer an execution may still arrive that the answer already counts, in seconds.
SETTLE_S = 0.25


class Watcher(Protocol):
    """Is told when equity may have changed."""

    def __call__(self) -> None:
        """Equity may have changed."""
        ...


class Portfolio:
    """What one account holds and what it is worth."""

    def __init__(self, exchange: KrakenExchange, changed: Watcher) -> None:
        self._exchange = exchange
        self._changed = changed
        self._executions_seen = 0
        self._reserved: dict[str, tuple[str, Decimal]] = {}
        self.wallet = Wallet()
        self.marks = Marks()
        self.symbols: SymbolTable | None = None
        #: False until balances were read once.
        self.loaded = False
        #: False while the last try to read balances failed: what is held is then not known, and not zero.
        self.believed = False

    @property
    def table(self) -> SymbolTable:
        """The exchange's pairs. Only after ``load``."""
        if self.symbols is None:
            raise AssertionError("the portfolio was used before it was loaded")
        return self.symbols

    async def load(self) -> None:
        """Reads pairs, balances and prices. Raises KrakenError."""
        await self.load_symbols()
        await self.refresh(settle_s=0.0)

    async def load_symbols(self) -> None:
        """Reads the exchange's pairs and their rules. Raises KrakenError."""
        self.symbols = await self._exchange.asset_pairs()

    async def refresh(self, settle_s: float = SETTLE_S) -> bool:
        """Reads balances, and prices for what is held. Raises KrakenError.

        Returns whether no execution has come in since the balances were asked for: they then hold exactly those that came
        before.
        """
        self.believed = False
        balances, seen = await self._quiet_balances(settle_s)
        self.wallet.replace(balances)
        self.believed = True
        await self.refresh_marks()
        self.loaded = True
        self._changed()
        return seen == self._executions_seen

    async def _quiet_balances(self, settle_s: float) -> tuple[dict[str, Decimal], int]:
        """The balances, and how many executions had been seen when they were asked for."""
        tries = 0
        while True:
            tries += 1
            before = self._executions_seen
            balances = await self._exchange.balances()
            await asyncio.sleep(settle_s)
            if before == self._executions_seen:
                return balances, before
            if tries == QUIET_TRIES:
                log.warning("balances were read while executions came in; the next refresh corrects them")
                return balances, before

    async def refresh_marks(self) -> None:
        """Reads prices of what is held, against every bridge that the exchange quotes it in. Raises KrakenError."""
        wanted = [pair for asset in self.wallet.assets() for pair in self._pricing_pairs(asset)]
        wanted += [pair for bridge in BRIDGES for pair in self._pricing_pairs(bridge)]
        symbols = tuple(dict.fromkeys(pair.symbol for pair in wanted))
        if not symbols:
            return
        quotes = await self._exchange.ticker(symbols)
        for pair in wanted:
            quote = quotes.get(pair.symbol)
            if quote is not None:
                self.marks.set(pair.base, pair.quote, (quote.bid + quote.ask) / 2)

    def _pricing_pairs(self, asset: str) -> Iterable[PairRules]:
        for bridge in BRIDGES:
            pair = self.table.find(f"{asset}/{bridge}")
            if pair is not None:
                yield pair

    # -- what happens -------------------------------------------------------------------------------------------

    def executed(self, execution: Execution) -> None:
        """Counts one execution of this account. The caller has made sure that it comes only once."""
        self._executions_seen += 1
        pair = self.table.pair(execution.symbol)
        cost = execution.cost or execution.last_qty * execution.last_price
        side = Side(execution.side)
        self.wallet.trade(pair.base, pair.quote, side, execution.last_qty, cost)
        for asset, amount in execution.fees:
            self.wallet.add(asset, -amount)
        self.marks.set(pair.base, pair.quote, execution.last_price)
        self._changed()

    def count_executions(self, number: int) -> None:
        """Notes executions that someone else counts into the wallet, so that a snapshot taken meanwhile is not believed."""
        self._executions_seen += number

    async def ticker(self, pair: str) -> Quote:
        """Bid and ask of one pair, now. Raises KrakenError."""
        return (await self._exchange.ticker((pair,)))[pair]

    def set_marks(self, quote: str, marks: Mapping[str, str]) -> None:
        """Takes over the master's prices, so that both sides of a ratio are valued alike."""
        for asset, price in marks.items():
            self.marks.set(asset, quote, Decimal(price))

    # -- money that is spoken for -------------------------------------------------------------------------------

    def reserve(self, key: str, asset: str, amount: Decimal) -> None:
        """Sets cash aside for an order on its way."""
        self._reserved[key] = (asset, amount)

    def release(self, key: str) -> None:
        """The order is over."""
        self._reserved.pop(key, None)

    # -- what it comes to ---------------------------------------------------------------------------------------

    def equity(self, quote: str) -> Decimal | None:
        """Total equity in quote; None while balances are not known."""
        return self.wallet.value(quote, self.marks) if self.loaded else None

    def cash(self, quote: str) -> Decimal:
        """Balance of quote that is not set aside."""
        return self.wallet[quote] - sum(
            (amount for asset, amount in self._reserved.values() if asset == quote), Decimal(0)
        )

    def marks_in(self, quote: str) -> dict[str, str]:
        """Price in quote of every asset that is held."""
        rates = ((asset, self.marks.rate(asset, quote)) for asset in self.wallet.assets())
        return {asset: format(rate, "f") for asset, rate in rates if rate is not None and asset != quote}
