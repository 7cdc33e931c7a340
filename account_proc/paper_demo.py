"""The strategy that trades the master of a paper run, so that there is something to copy. Never for real money.

Round trips in BTC/USD and ETH/USD: two entries, a partial exit, the rest. The sizes are chosen so that one sees what copying
has to deal with: orders larger than the first level of the book (several fills), entries so small that the poorest user's
share is below the exchange's minimum (carried), and one so large that the risk cap bites.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from account_proc.errors import AccountError
from account_proc.own_orders import OrderAsked, OwnOrders
from account_proc.portfolio import Portfolio
from account_proc.units import Side

log = logging.getLogger(__name__)

#: Pause between two orders, in seconds.
PAUSE_S = (0.6, 1.8)
PAIRS = ("BTC/USD", "ETH/USD")
#: Shares of the master's equity for the two entries of a round trip: small ones, middling ones, one past the 10 % cap.
SMALL, MIDDLE, LARGE = (0.0005, 0.004), (0.03, 0.09), (0.12, 0.18)


class PaperDemo:
    """Trades round trips for ever."""

    def __init__(self, orders: OwnOrders, portfolio: Portfolio, run_id: str) -> None:
        self._orders = orders
        self._portfolio = portfolio
        self._run_id = run_id
        self._dice = random.Random(run_id)  # noqa: S311 - no secret depends on it
        self._count = 0

    async def run(self, ready: Callable[[], bool]) -> None:
        """Trades while the account is ready; for ever."""
        while True:
            pair = self._dice.choice(PAIRS)
            first = self._dice.choice((SMALL, MIDDLE, MIDDLE, LARGE))
            steps = [
                (Side.BUY, first),
                (Side.BUY, self._dice.choice((SMALL, MIDDLE))),
                (Side.SELL, (0.3, 0.6)),
                (Side.SELL, None),
            ]
            for side, share in steps:
                await asyncio.sleep(self._dice.uniform(*PAUSE_S))
                if ready():
                    await self._trade(pair, side, share)

    async def _trade(self, symbol: str, side: Side, share: tuple[float, float] | None) -> None:
        try:
            await self._place(symbol, side, share)
        except AccountError as error:
            log.warning("the demo strategy's order was not placed: %s", error)

    async def _place(self, symbol: str, side: Side, share: tuple[float, float] | None) -> None:
        pair = self._portfolio.table.pair(symbol)
        held = self._portfolio.wallet[pair.base]
        part = Decimal(1) if share is None else Decimal(str(self._dice.uniform(*share)))
        if side is Side.SELL:
            volume = held * part
        else:
            equity = self._portfolio.equity(pair.quote) or Decimal(0)
            volume = equity * part / (await self._portfolio.ticker(symbol)).ask
        volume = volume.quantize(Decimal(1).scaleb(-pair.lot_decimals), rounding=ROUND_DOWN)
        if volume < pair.ordermin:
            return
        self._count += 1
        request_id = f"{self._run_id}/{self._count}"
        await self._orders.place(OrderAsked(request_id=request_id, pair=symbol, side=side, volume=volume))
