"""An account's orders at Kraken: sends them, follows them to their end, and finds those whose answer was
lost. No decisions about what to trade.

The exchange checks ``cl_ord_id`` among *open* orders only, so an order whose answer was lost is never sent
again blindly: a market order that filled at once would be bought twice. ``find`` waits until the deadline has
passed, after which the engine may no longer act on the request, and then looks among open and closed orders,
twice.

How an order ends comes from the executions feed (``count_executions``), and from QueryOrders where the feed
is silent (``ask_for_ends``).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from krakencopy.account_proc.contract.errors import (
    ExchangeError,
    ExchangeRefused,
    InvalidNonce,
    OutcomeUnknown,
)
from krakencopy.account_proc.contract.proto_time import utc
from krakencopy.account_proc.domain.order import ENDED, OrderAck
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.errors import NotSent
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.rest.messages import OrderEnd
from krakencopy.account_proc.kraken.rest.order_request import OrderRequest
from krakencopy.account_proc.runtime.change_signal import ChangeSignal
from krakencopy.account_proc.runtime.pauses import growing_pause_s
from krakencopy.account_proc.trading.account_check import UNKNOWN_ORDER
from krakencopy.account_proc.trading.broker import BrokerOrder
from krakencopy.account_proc.trading.order_lookup import Found, look_for
from krakencopy.account_proc.trading.placed_order import PlacedOrder
from krakencopy.account_proc.trading.timing import Timing

log = logging.getLogger(__name__)

#: An order that showed up late says that others may show up this much later still.
LAG_FACTOR = 1.5
#: What waits for a time of the exchange's looks at its clock this often, in seconds: answers may move it.
LOOK_AT_CLOCK_S = 1.0
#: The visibility lag grows to this at most, in seconds: five times what was ever seen at Kraken.
LAG_MAX = 300.0
#: An order is never older than its deadline by more than this, in seconds (Kraken: deadlines of REST are 2 to
#: 60 s ahead).
DEADLINE_AHEAD_MAX_S = 60.0
#: Executions of orders that are not followed are kept for this many orders: the feed may be faster than the
#: answer to the request that made the order.
UNCLAIMED_ORDERS = 1_000
#: Between two questions about one order, at most, where none is answered, in seconds.
POLL_S_MAX = 30.0
#: Kraken: QueryOrders takes at most 50 ids.
QUERY_BATCH = 50


class OrderGateway:
    """The orders of one account."""

    def __init__(
        self, exchange: KrakenExchange, now: Callable[[], float], timing: Timing,
        on_follow: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """``now``: the exchange's clock (Unix seconds); ``on_follow`` is called when an order begins to
        be followed, before it is sent.
        """
        self.exchange = exchange
        self.timing = timing
        #: How far reads are taken to trail behind the engine, in seconds; grows with what is seen.
        self.visibility_lag = timing.visibility_lag
        #: Rings when an order begins to be followed, and for any execution in the feed, also of orders that
        #: are not.
        self.news = ChangeSignal()
        self._now = now
        self._on_follow = on_follow
        self._by_client_id: dict[str, PlacedOrder] = {}
        self._by_order_id: dict[str, PlacedOrder] = {}
        self._unclaimed: OrderedDict[str, list[Execution]] = OrderedDict()
        #: Set when there may be an order to ask about sooner than was thought.
        self._ask_sooner = asyncio.Event()

    # -- sending --------------------------------------------------------------------------------------------

    def wait_s(self, pair: str) -> float:
        """How long an order of a pair has to wait for the exchange's limits before it is sent; 0 in most
        cases.
        """
        return self.exchange.orders.order_wait_s(pair)

    @property
    def wait_reason(self) -> str:
        """Why it has to wait then, as a code."""
        return self.exchange.orders.order_wait_reason

    async def send(self, order: BrokerOrder, *, cancels_own: bool = False) -> PlacedOrder:
        """Sends once, and follows the order from before that; it is known at the exchange then.
        ``cancels_own``: orders of the account's own that it meets give way, instead of it.

        Raises ExchangeRefused or NotSent (nothing was done, and it is not followed any more) or
        OutcomeUnknown (it is followed on: ``find`` it before anything else).
        """
        placed = self._follow(order)
        try:
            ack = await self.send_unfollowed(order, cancels_own=cancels_own)
        except (ExchangeRefused, NotSent):
            placed.forget()
            raise
        self._identify(placed, ack.order_id)
        return placed

    async def send_unfollowed(self, order: BrokerOrder, *, cancels_own: bool = False) -> OrderAck:
        """Sends once an order whose end nobody waits for, or not yet: an operator's may rest for weeks.

        Raises ExchangeRefused, NotSent (nothing was done) or OutcomeUnknown (find out first).
        """
        request = OrderRequest(
            pair=order.pair,
            side=order.side,
            volume=order.volume,
            limit_price=order.limit_price,
            time_in_force="IOC" if order.ioc else None,
            self_trade="cancel-oldest" if cancels_own else None,
            cl_ord_id=order.cl_ord_id,
            deadline=utc(order.deadline),
        )
        try:
            # Once the engine may not act on it any more, there is nothing to wait for.
            return await self.exchange.orders.add_order(
                request, timeout_s=self.timing.deadline + self.timing.margin
            )
        except InvalidNonce as error:
            # Our nonces only grow, so this may be the answer to a second delivery of an order that was taken
            # at the first.
            raise OutcomeUnknown(error.method, error.errors[0]) from error

    # -- orders that are there already ----------------------------------------------------------------------

    def resume(self, order: BrokerOrder, order_id: str) -> PlacedOrder:
        """An order that is known at the exchange, followed from now on. What the feed has sent of it before
        is counted.
        """
        placed = self._follow(order)
        self._identify(placed, order_id)
        return placed

    async def find(self, order: BrokerOrder) -> PlacedOrder | None:
        """The order, followed; or None when it is proven that there is none and that none can come any more.

        Takes as long as ``look_for``, or until the feed tells of the order, which settles the question.
        """
        placed = self._follow(order)
        if not placed.order_id:
            found = await self._look_until_proven(order, placed.known)
            if found is not None:
                self._identify(placed, found.order_id)
        if placed.order_id:
            return placed
        placed.forget()
        return None

    async def look_for(self, order: BrokerOrder) -> Found | None:
        """What the exchange has on record of an order, without following it; None as of ``find``.

        Waits past the deadline, looks, waits for the visibility lag, looks again.
        """
        return await self._look_until_proven(order, asyncio.Event())

    async def _look_until_proven(self, order: BrokerOrder, known: asyncio.Event) -> Found | None:
        deadline, over_at = order.deadline, order.deadline + self.timing.margin
        await self._wait_until(over_at, known)
        found = await self._look(order)
        if found is None:
            await self._wait_until(over_at + self.visibility_lag, known)
            found = await self._look(order)
            if found is not None:
                # It was there all the time: reads trail further behind than was thought.
                self.trailed(self._now() - deadline)
        return found

    async def _look(self, order: BrokerOrder) -> Found | None:
        # Clocks differ.
        since = order.deadline - DEADLINE_AHEAD_MAX_S - self.visibility_lag
        return await look_for(self.exchange, order.cl_ord_id, since, self.timing)

    def trailed(self, lag: float) -> None:
        """Reads were found to trail behind the engine by as much (seconds): the next proof of absence
        waits longer.
        """
        self.visibility_lag = min(max(self.visibility_lag, LAG_FACTOR * lag), LAG_MAX)
        log.warning("reads trail behind; they are now given %.1f s", self.visibility_lag)

    async def _wait_until(self, at: float, known: asyncio.Event) -> None:
        while (pause := at - self._now()) > 0:
            with suppress(TimeoutError):
                # The clock is looked at again: an answer may have shown meanwhile that the exchange's is at
                # less.
                await asyncio.wait_for(known.wait(), min(pause, LOOK_AT_CLOCK_S))
                return

    # -- following ------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether no order is followed."""
        return not self._by_client_id

    def follows(self, execution: Execution) -> bool:
        """Whether it is of an order that is followed."""
        return execution.cl_ord_id in self._by_client_id or execution.order_id in self._by_order_id

    def _follow(self, order: BrokerOrder) -> PlacedOrder:
        """The one that follows this order, new if there is none."""
        placed = self._by_client_id.get(order.cl_ord_id)
        if placed is None:
            placed = PlacedOrder(order.cl_ord_id, order.volume, self._unfollow)
            self._by_client_id[order.cl_ord_id] = placed
            self.news.notify()
            self._on_follow()
        return placed

    def _unfollow(self, placed: PlacedOrder) -> None:
        # Not another one that follows the same order anew.
        if self._by_client_id.get(placed.cl_ord_id) is placed:
            del self._by_client_id[placed.cl_ord_id]
            self._by_order_id.pop(placed.order_id, None)

    def _identify(self, placed: PlacedOrder, order_id: str) -> None:
        """The exchange's id of an order is known; nothing is new where the feed has sent it before, be it
        another one.
        """
        if placed.order_id == order_id or placed.is_shown:
            return
        self._by_order_id.pop(placed.order_id, None)
        placed.order_id = order_id
        placed.known.set()
        placed.known_at = self._now()
        placed.ask_at = placed.known_at + self.timing.poll
        self._by_order_id[order_id] = placed
        self._ask_sooner.set()
        for execution in self._unclaimed.pop(order_id, ()):
            self._count(placed, execution)

    def count_executions(self, executions: Sequence[Execution]) -> None:
        """News from the feed; repeated ones are counted once."""
        if executions:
            self.news.notify()
        for execution in executions:
            placed = self._by_order_id.get(execution.order_id)
            if placed is None and execution.cl_ord_id:
                placed = self._by_client_id.get(execution.cl_ord_id)
                # Also under another id than the answer's: by that one nobody has seen it.
                if placed is not None and not placed.is_shown:
                    self._identify(placed, execution.order_id)
            if placed is not None:
                self._count(placed, execution)
            else:
                self._unclaimed.setdefault(execution.order_id, []).append(execution)
                while len(self._unclaimed) > UNCLAIMED_ORDERS:
                    self._unclaimed.popitem(last=False)

    def _count(self, placed: PlacedOrder, execution: Execution) -> None:
        placed.is_shown = placed.is_shown or placed.order_id == execution.order_id
        if placed.count(execution):
            placed.ask_at = 0.0
            self._ask_sooner.set()

    # -- where the feed is silent ---------------------------------------------------------------------------

    async def ask_for_ends(self) -> NoReturn:
        """Asks about orders that the feed has not ended in time; for ever."""
        failures = 0
        while True:
            waiting = [placed for placed in self._by_order_id.values() if not placed.is_over]
            now = self._now()
            due = [placed for placed in waiting if placed.ask_at <= now][:QUERY_BATCH]
            if due:
                failures = 0 if await self._ask(due, failures) else failures + 1
                continue
            self._ask_sooner.clear()
            # Without any, until there is one.
            pause = max(min(placed.ask_at for placed in waiting) - now, 0.01) if waiting else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ask_sooner.wait(), pause)

    async def _ask(self, due: Sequence[PlacedOrder], failures: int) -> bool:
        """Asks about orders that are due, after so many questions in a row that were not answered; whether
        this one was.
        """
        asked_at, pause, answered = self._now(), self.timing.poll, True
        rows, shown = dict[str, OrderEnd](), frozenset[str]()
        try:
            rows, shown = await self.exchange.record.ends_of([placed.order_id for placed in due])
        except ExchangeError as error:
            log.warning("orders could not be queried: %s", error)
            answered = _knows_none(error)
            if answered and len(parts := _parts(due)) > 1:
                return all([await self._ask(part, failures) for part in parts])
            if not answered:
                pause = growing_pause_s(failures + 1, self.timing.poll, POLL_S_MAX)
        for placed in due:
            placed.ask_at = self._now() + pause
            row = rows.get(placed.order_id)
            placed.is_shown = placed.is_shown or placed.order_id in shown
            if row is not None and row.status in ENDED:
                placed.ended(row)
            elif answered and not placed.is_shown and asked_at >= self._shown_until(placed):
                log.warning("order %s: %s is not shown", placed.cl_ord_id, placed.order_id)
                placed.not_shown()
        return answered

    def _shown_until(self, placed: PlacedOrder) -> float:
        """When an order that was acknowledged must be on record (Unix seconds)."""
        return placed.known_at + self.timing.margin + self.visibility_lag


def _parts(due: Sequence[PlacedOrder]) -> list[list[PlacedOrder]]:
    """Of whom to ask after a question that was refused for an id that nobody has: those that the exchange
    has shown together, each other one by itself.
    """
    shown = [placed for placed in due if placed.is_shown]
    return [*([shown] if shown else []), *([placed] for placed in due if not placed.is_shown)]


def _knows_none(error: ExchangeError) -> bool:
    """Whether the exchange says that it has no such order."""
    return isinstance(error, ExchangeRefused) and error.errors[0].startswith(UNKNOWN_ORDER)
