"""Sends an account's orders and finds out what became of them. No decisions about what to trade.

The exchange checks ``cl_ord_id`` among *open* orders only, so an order whose answer was lost is never sent again blindly: a
market order that filled at once would be bought twice. ``find`` waits until the deadline has passed, after which the engine
may no longer act on the request, and then looks among open and closed orders, twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from account_proc.call_queue import Priority
from account_proc.copy_record import utc
from account_proc.errors import ExchangeError
from account_proc.exchange import KrakenExchange, OrderAck, OrderRequest, OrderRow
from account_proc.order_watch import ENDED, Ending, OrderWatch, ending_of
from account_proc.units import Side

log = logging.getLogger(__name__)

#: An order that showed up late says that others may show up this much later still.
LAG_FACTOR = 1.5
#: The visibility lag grows to this at most, in seconds: five times what was ever seen at Kraken.
LAG_MAX = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long to wait for what, in seconds."""

    #: The engine must not act on an order after this (Kraken: 2 to 60 s for REST).
    deadline: float = 5.0
    #: How much longer until a request that is late can no longer be acted on: clocks differ.
    margin: float = 2.0
    #: How far reads may trail behind the engine (seen at Kraken: up to 60 s; documented: nothing).
    visibility_lag: float = 60.0
    #: Between two questions about an order that the feed is silent about.
    poll: float = 3.0
    #: Between two tries of something that failed.
    retry: float = 2.0
    #: Between two tries with a key that the exchange refuses. Kraken locks out for about 15 minutes when this is overdone, and
    #: each try starts the lockout anew; the paper exchange does not mind.
    key_retry: float = 960.0
    #: Between two tries of an exit in a market that takes no such orders now: at first, and at most.
    market_retry: float = 5.0
    market_retry_max: float = 60.0

    @classmethod
    def paper(cls) -> Timing:
        """The local exchange answers at once and its reads do not trail."""
        return cls(
            deadline=2.5, margin=0.5, visibility_lag=1.0, poll=1.0, retry=0.5, key_retry=1.0, market_retry=0.5,
            market_retry_max=2.0,
        )  # fmt: skip


class OrderDesk:
    """Sends and finds orders of one account."""

    def __init__(
        self, exchange: KrakenExchange, watch: OrderWatch, now: Callable[[], float], timing: Timing
    ) -> None:
        self._exchange = exchange
        self._now = now
        self.watch = watch
        self.timing = timing
        #: How far reads are taken to trail behind the engine, in seconds; grows with what is seen.
        self.visibility_lag = timing.visibility_lag

    def wait_s(self, pair: str) -> float:
        """How long an order of a pair has to wait for the exchange's limits before it is sent; 0 in most cases."""
        return self._exchange.order_wait_s(pair)

    async def send(
        self, *, pair: str, side: Side, volume: Decimal, limit_price: Decimal | None, ioc: bool, cl_ord_id: str,
        deadline: float,
    ) -> OrderAck:  # fmt: skip
        """Sends once. Raises ExchangeRefused (nothing was done) or OutcomeUnknown (find out first)."""
        request = OrderRequest(
            pair=pair,
            side=side,
            volume=volume,
            limit_price=limit_price,
            time_in_force="IOC" if ioc else None,
            cl_ord_id=cl_ord_id,
            deadline=utc(deadline),
        )
        # Once the engine may not act on it any more, there is nothing to wait for.
        return await self._exchange.add_order(request, timeout_s=self.timing.deadline + self.timing.margin)

    async def find(self, cl_ord_id: str, deadline: float) -> OrderRow | None:
        """The order with this id, or None when it is proven that there is none and that none can come any more.

        Waits past the deadline, looks, waits for the visibility lag, looks again. A read that fails proves nothing and
        is repeated for ever.
        """
        await self._wait_until(deadline + self.timing.margin, cl_ord_id)
        found = await self._look(cl_ord_id, deadline)
        if found is None:
            await self._wait_until(deadline + self.timing.margin + self.visibility_lag, cl_ord_id)
            found = await self._look(cl_ord_id, deadline)
            if found is not None:
                # It was there all the time: reads trail further behind than was thought.
                self.trailed(self._now() - deadline)
        return found

    def trailed(self, lag: float) -> None:
        """Reads were found to trail behind the engine by as much (seconds): the next proof of absence waits longer."""
        self.visibility_lag = min(max(self.visibility_lag, LAG_FACTOR * lag), LAG_MAX)
        log.warning("reads trail behind; they are now given %.1f s", self.visibility_lag)

    async def _wait_until(self, at: float, cl_ord_id: str) -> None:
        """Or until the feed tells of the order, which settles the question."""
        pause = at - self._now()
        if pause > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.watch.appears(cl_ord_id), pause)

    async def _look(self, cl_ord_id: str, deadline: float) -> OrderRow | None:
        # An order is never older than its deadline by more than the 60 s that Kraken allows, and clocks differ.
        since = deadline - 60.0 - self.visibility_lag
        while True:
            try:
                rows = await self._exchange.open_orders(cl_ord_id, Priority.URGENT)
                rows += await self._exchange.closed_orders(cl_ord_id, since, Priority.URGENT)
                # Open first, closed second: an order that ends between the two reads is still seen.
                return max(rows, key=lambda row: row.status in ENDED, default=None)
            except ExchangeError:
                await asyncio.sleep(self.timing.retry)

    async def end(self, cl_ord_id: str) -> Ending:
        """Waits until an acknowledged order is over."""
        return await self.watch.end(cl_ord_id)

    def adopt(self, cl_ord_id: str, volume: Decimal, row: OrderRow) -> Ending | None:
        """Takes up an order that was found; its ending if it is over already."""
        if row.status in ENDED:
            self.watch.forget(cl_ord_id)
            return ending_of(row)
        self.watch.expect(cl_ord_id, volume)
        self.watch.acknowledged(cl_ord_id, row.txid)
        return None
