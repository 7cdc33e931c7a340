"""Kraken as a ``Broker``: an account's own orders through the same gateway that copying uses."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.domain.order import ENDED
from krakencopy.account_proc.domain.pairs import PairRules
from krakencopy.account_proc.kraken.errors import BelowMinimum
from krakencopy.account_proc.trading.broker import (
    BrokerOrder,
    Ending,
    FoundOrder,
    Holdings,
    Market,
    OrderAck,
    Quote,
)
from krakencopy.account_proc.trading.order_gateway import OrderGateway
from krakencopy.account_proc.trading.placed_order import ending_of
from krakencopy.account_proc.trading.portfolio import Portfolio


class KrakenBroker:
    """One account. Only after its portfolio was loaded."""

    def __init__(self, gateway: OrderGateway, portfolio: Portfolio, copied: Callable[[str], Decimal]) -> None:
        """``copied``: what copying holds of an asset; it is not the account's own to trade."""
        self._gateway = gateway
        self._portfolio = portfolio
        self._copied = copied
        self.deadline_s = gateway.timing.deadline

    def market(self, pair: str) -> Market | None:
        """The rules of a pair under any spelling (contract/pair_spellings.py)."""
        found = self._portfolio.pairs.table.find_written(pair)
        return None if found is None else market_of(found)

    def nearest_pairs(self, pair: str) -> list[str]:
        """Of those that are listed."""
        return self._portfolio.pairs.table.nearest(pair)

    def holdings(self, market: Market) -> Holdings:
        """By the wallet that is counted beside trading. Coins that copying bought are left out."""
        # What its owner's orders hold of the base may be of either kind, and is nobody's to sell now.
        base = min(
            self._portfolio.wallet[market.base] - self._copied(market.base), self._portfolio.free(market.base)
        )
        return Holdings(
            equity=self._portfolio.equity(market.quote),
            cash=self._portfolio.cash(market.quote),
            base=max(base, Decimal(0)),
        )

    async def quote(self, pair: str) -> Quote:
        """Asked now. Raises ExchangeError."""
        return await self._portfolio.prices.ticker(pair)

    def wait_s(self, pair: str) -> float:
        """By the account's own count of its limits."""
        return self._gateway.wait_s(pair)

    async def send(self, order: BrokerOrder) -> OrderAck:
        """Sends once. Raises ExchangeRefused or OutcomeUnknown."""
        try:
            return await self._gateway.send_unfollowed(order)
        except BelowMinimum:
            self._portfolio.pairs.rules_are_wrong()
            raise

    async def find(self, order: BrokerOrder) -> FoundOrder | None:
        """By the client order id, once nothing can come any more."""
        found = await self._gateway.look_for(order)
        if found is None:
            return None
        if found.row is None:
            return FoundOrder(found.order_id, "", None)
        ending = ending_of(found.row) if found.row.status in ENDED else None
        return FoundOrder(found.order_id, found.row.description, ending)

    async def end(self, order: BrokerOrder, order_id: str) -> Ending:
        """From the feed, or by asking where that is silent."""
        return await self._gateway.resume(order, order_id).end()


def market_of(pair: PairRules) -> Market:
    """Kraken's rules of a pair in a broker's words."""
    return Market(
        name=pair.name,
        base=pair.base,
        quote=pair.quote,
        lot=Decimal(1).scaleb(-pair.lot_decimals),
        tick=pair.tick_size,
        ordermin=pair.ordermin,
        costmin=pair.costmin,
    )
