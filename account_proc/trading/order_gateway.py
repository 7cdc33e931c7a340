"""Sends an account's orders and finds out what became of them. No decisions about what to trade.

The exchange checks ``cl_ord_id`` among *open* orders only, so an order whose answer was lost is never sent
again blindly: a market order that filled at once would be bought twice. ``find`` waits until the deadline has
passed, after which the engine may no longer act on the request, and then looks among open and closed orders,
twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError, OutcomeUnknown
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.domain.order import ENDED, Ending, OrderAck
from krakencopy.account_proc.domain.quantities import Side
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.front import growing_pause_s
from krakencopy.account_proc.kraken.rest.messages import OddRow, OrderRequest, OrderRow
from krakencopy.account_proc.kraken.rest.request_queue import Priority
from krakencopy.account_proc.trading.order_tracker import OrderTracker, ending_of
from krakencopy.account_proc.trading.timing import Timing

log = logging.getLogger(__name__)

#: An order that showed up late says that others may show up this much later still.
LAG_FACTOR = 1.5
#: Whoever waits for a time of the exchange's looks at its clock this often, in seconds: answers may move it.
LOOK_AT_CLOCK_S = 1.0
#: The visibility lag grows to this at most, in seconds: five times what was ever seen at Kraken.
LAG_MAX = 300.0


@dataclass(frozen=True, slots=True)
class Found:
    """An order that exists."""

    txid: str
    #: Its row; None where that cannot be read: the feed or a later answer tells how it ends.
    row: OrderRow | None


class OrderGateway:
    """Sends and finds orders of one account."""

    def __init__(
        self, exchange: KrakenExchange, watch: OrderTracker, now: Callable[[], float], timing: Timing
    ) -> None:
        self.exchange = exchange
        self._now = now
        self.watch = watch
        self.timing = timing
        #: How far reads are taken to trail behind the engine, in seconds; grows with what is seen.
        self.visibility_lag = timing.visibility_lag

    def wait_s(self, pair: str) -> float:
        """How long an order of a pair has to wait for the exchange's limits before it is sent; 0 in most
        cases.
        """
        return self.exchange.orders.order_wait_s(pair)

    @property
    def wait_reason(self) -> str:
        """Why it has to wait then, as a code."""
        return self.exchange.orders.order_wait_reason

    async def send(
        self,
        *,
        pair: str,
        side: Side,
        volume: Decimal,
        limit_price: Decimal | None,
        ioc: bool,
        cl_ord_id: str,
        deadline: float,
        cancels_own: bool = False,
    ) -> OrderAck:
        """Sends once; ``cancels_own``: orders of the account's own that it meets give way, instead of it.

        Raises ExchangeRefused (nothing was done) or OutcomeUnknown (find out first).
        """
        request = OrderRequest(
            pair=pair,
            side=side,
            volume=volume,
            limit_price=limit_price,
            time_in_force="IOC" if ioc else None,
            self_trade="cancel-oldest" if cancels_own else None,
            cl_ord_id=cl_ord_id,
            deadline=utc(deadline),
        )
        # Once the engine may not act on it any more, there is nothing to wait for.
        return await self.exchange.orders.add_order(
            request, timeout_s=self.timing.deadline + self.timing.margin
        )

    async def find(self, cl_ord_id: str, deadline: float) -> Found | None:
        """The order with this id, or None when it is proven that there is none and that none can come any
        more.

        Waits past the deadline, looks, waits for the visibility lag, looks again. A read that fails proves
        nothing and is repeated for ever; a row that cannot be read proves the order if it carries its id.
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
        """Reads were found to trail behind the engine by as much (seconds): the next proof of absence
        waits longer.
        """
        self.visibility_lag = min(max(self.visibility_lag, LAG_FACTOR * lag), LAG_MAX)
        log.warning("reads trail behind; they are now given %.1f s", self.visibility_lag)

    async def _wait_until(self, at: float, cl_ord_id: str) -> None:
        """Or until the feed tells of the order, which settles the question."""
        while (pause := at - self._now()) > 0:
            with suppress(TimeoutError):
                # The clock is looked at again: an answer may have told meanwhile that the exchange's shows
                # less.
                await asyncio.wait_for(self.watch.appears(cl_ord_id), min(pause, LOOK_AT_CLOCK_S))
                return

    async def _look(self, cl_ord_id: str, deadline: float) -> Found | None:
        # An order is never older than its deadline by more than the 60 s that Kraken allows, and clocks
        # differ.
        since = deadline - 60.0 - self.visibility_lag
        failures = 0
        while True:
            try:
                return await self._look_once(cl_ord_id, since)
            except ExchangeError as error:
                log.warning("%s could not be looked for: %s", cl_ord_id, error)
                dice = random.random()  # noqa: S311 - spreads load, guards nothing
                await asyncio.sleep(growing_pause_s(failures, self.timing.retry, self.timing.retry_max, dice))
                failures += 1

    async def _look_once(self, cl_ord_id: str, since: float) -> Found | None:
        """What the answers say of the order. A row that does not say whose it is may be it, and is asked for
        by its own id.

        Raises ExchangeError while that is not known.
        """
        rows, odd = await self.exchange.record.orders_of(cl_ord_id, since, Priority.URGENT)
        if found := _of(cl_ord_id, rows, odd):
            return found
        # Kraken tells the id where there is one; a row without it cannot be proven to be another's by one
        # answer.
        doubtful = [row.txid for row in rows if not row.cl_ord_id] + [
            row.key for row in odd if not row.cl_ord_id
        ]
        if not doubtful:
            return None
        told, odd = await self.exchange.record.look_up(doubtful)
        if found := _of(cl_ord_id, told.values(), odd):
            return found
        if unread := [row.key for row in odd if row.cl_ord_id is None]:
            raise OutcomeUnknown("QueryOrders", f"nothing in the rows of {', '.join(unread)} can be read")
        return None

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


def _of(cl_ord_id: str, rows: Iterable[OrderRow], odd: Iterable[OddRow]) -> Found | None:
    """The order with this id, the ended one if it is told twice."""
    wanted = _folded(cl_ord_id)
    mine = [row for row in rows if _folded(row.cl_ord_id) == wanted]
    if mine:
        row = max(mine, key=lambda row: row.status in ENDED)
        return Found(row.txid, row)
    return next((Found(row.key, None) for row in odd if _folded(row.cl_ord_id) == wanted), None)


def _folded(cl_ord_id: str | None) -> str:
    """Whether Kraken writes a UUID as it was sent is not documented."""
    return (cl_ord_id or "").replace("-", "").lower()
