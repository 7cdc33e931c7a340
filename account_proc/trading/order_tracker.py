"""How this account's own orders end: from the executions feed, and from QueryOrders where the feed is silent.

Volume is counted from trades only, once for each execution id (Kraken: ``filled`` is a marker that may be
missing, and what ``cum_qty`` says after a cancel is not documented).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from krakencopy.account_proc.contract.errors import ExchangeError
from krakencopy.account_proc.domain.order import ENDED, Ending
from krakencopy.account_proc.kraken.api import KrakenExchange
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.front import growing_pause_s
from krakencopy.account_proc.kraken.rest.messages import OrderEnd, OrderRow
from krakencopy.account_proc.runtime.change_signal import ChangeSignal

log = logging.getLogger(__name__)

#: Executions of orders that nobody has claimed yet are kept for this many orders: the feed may be faster than
#: the answer to the request that made the order.
UNCLAIMED_ORDERS = 1_000
#: Between two questions about one order, at most, where none is answered, in seconds.
POLL_S_MAX = 30.0
#: Kraken: QueryOrders takes at most 50 ids.
QUERY_BATCH = 50


@dataclass(slots=True)
class _Track:
    cl_ord_id: str
    ordered: Decimal
    future: asyncio.Future[Ending]
    order_id: str = ""
    #: Set when the exchange's id is known.
    known: asyncio.Event = field(default_factory=asyncio.Event)
    filled: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fees: dict[str, Decimal] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    ask_at: float = 0.0
    #: Why the exchange ended it, by the feed.
    reason: str = ""


class OrderTracker:
    """Follows the account's own orders to their end."""

    def __init__(
        self, exchange: KrakenExchange, now: Callable[[], float], poll_s: float,
        began: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """``poll_s``: between two questions about one order; ``began`` is called before an order is sent."""
        self._began = began
        self._exchange = exchange
        self._now = now
        self._poll_s = poll_s
        self._by_client_id: dict[str, _Track] = {}
        self._by_order_id: dict[str, _Track] = {}
        self._unclaimed: OrderedDict[str, list[Execution]] = OrderedDict()
        self._work = asyncio.Event()
        #: Questions in a row that were not answered.
        self._failures = 0
        #: Rings when an order is begun, and when the feed tells anything, of orders that are not followed as
        #: well.
        self.news = ChangeSignal()

    def expect(self, cl_ord_id: str, ordered: Decimal) -> None:
        """Starts to follow an order, before it is sent."""
        if cl_ord_id not in self._by_client_id:
            future = asyncio.get_running_loop().create_future()
            self._by_client_id[cl_ord_id] = _Track(cl_ord_id, ordered, future)
            self.news.notify()
            self._began()

    @property
    def idle(self) -> bool:
        """Whether no order is followed."""
        return not self._by_client_id

    def acknowledged(self, cl_ord_id: str, order_id: str) -> None:
        """The exchange's id is known."""
        track = self._by_client_id[cl_ord_id]
        track.order_id = order_id
        track.known.set()
        track.ask_at = self._now() + self._poll_s
        self._by_order_id[order_id] = track
        self._work.set()
        for execution in self._unclaimed.pop(order_id, ()):
            self._count(track, execution)

    def follows(self, execution: Execution) -> bool:
        """Whether it is of an order that is followed."""
        return execution.cl_ord_id in self._by_client_id or execution.order_id in self._by_order_id

    def seen_order_id(self, cl_ord_id: str) -> str:
        """The exchange's id, if the feed has told it already; else empty."""
        track = self._by_client_id.get(cl_ord_id)
        return track.order_id if track else ""

    async def appears(self, cl_ord_id: str) -> None:
        """Returns when the exchange's id of an expected order is known; for others never."""
        track = self._by_client_id.get(cl_ord_id)
        await (track.known if track else asyncio.Event()).wait()

    async def is_over(self, cl_ord_id: str, within_s: float) -> bool:
        """Whether ``end`` of an acknowledged order has nothing to wait for, now or soon (seconds)."""
        future = self._by_client_id[cl_ord_id].future
        if not future.done():
            await asyncio.wait([future], timeout=within_s)
        return future.done()

    def forget(self, cl_ord_id: str) -> None:
        """Stops to follow an order."""
        track = self._by_client_id.pop(cl_ord_id, None)
        if track is not None:
            self._by_order_id.pop(track.order_id, None)
            track.future.cancel()

    async def end(self, cl_ord_id: str) -> Ending:
        """Waits until the order is over. It must have been acknowledged."""
        ending = await asyncio.shield(self._by_client_id[cl_ord_id].future)
        self.forget(cl_ord_id)
        return ending

    # -- the feed -------------------------------------------------------------------------------------------

    def executed(self, executions: Sequence[Execution]) -> None:
        """News from the feed; repeated ones are counted once."""
        if executions:
            self.news.notify()
        for execution in executions:
            track = self._by_order_id.get(execution.order_id)
            if track is None and execution.cl_ord_id:
                track = self._by_client_id.get(execution.cl_ord_id)
                if track is not None and not track.order_id:
                    self.acknowledged(track.cl_ord_id, execution.order_id)
            if track is not None:
                self._count(track, execution)
            else:
                self._unclaimed.setdefault(execution.order_id, []).append(execution)
                while len(self._unclaimed) > UNCLAIMED_ORDERS:
                    self._unclaimed.popitem(last=False)

    def _count(self, track: _Track, execution: Execution) -> None:
        if execution.exec_type == "trade" and execution.exec_id not in track.seen:
            track.seen.add(execution.exec_id)
            track.filled += execution.last_qty
            # Not the row's own cost: the exchange rounds that to the quote's decimals.
            track.cost += execution.last_qty * execution.last_price
            for asset, amount in execution.fees:
                track.fees[asset] = track.fees.get(asset, Decimal(0)) + amount
        if track.filled >= track.ordered:
            self._finish_from_trades(track)
        elif execution.exec_type in {"filled", "canceled", "expired"}:
            # The trades do not add up to the order, or were cut short: the order's own row is the better
            # witness.
            track.reason = execution.reason
            track.ask_at = 0.0
            self._work.set()

    def _finish_from_trades(self, track: _Track) -> None:
        if track.future.done():
            return
        track.future.set_result(
            Ending(order_id=track.order_id, filled=track.filled, cost=track.cost, fees=track.fees)
        )

    # -- where the feed is silent ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Asks for orders that the feed has not ended in time; for ever."""
        while True:
            waiting = [track for track in self._by_order_id.values() if not track.future.done()]
            if not waiting:
                self._work.clear()
                await self._work.wait()
                continue
            now = self._now()
            due = [track for track in waiting if track.ask_at <= now][:QUERY_BATCH]
            if due:
                await self._ask(due)
            else:
                self._work.clear()
                pause = min(track.ask_at for track in waiting) - now
                try:
                    await asyncio.wait_for(self._work.wait(), timeout=max(pause, 0.01))
                except TimeoutError:
                    continue

    async def _ask(self, due: Sequence[_Track]) -> None:
        try:
            rows = await self._exchange.record.ends_of([track.order_id for track in due])
        except ExchangeError as error:
            log.warning("orders could not be queried: %s", error)
            rows = {}
            self._failures += 1
        else:
            self._failures = 0
        dice = random.random()  # noqa: S311 - spreads load, guards nothing
        pause = (
            growing_pause_s(self._failures, self._poll_s, POLL_S_MAX, dice)
            if self._failures
            else self._poll_s
        )
        for track in due:
            track.ask_at = self._now() + pause
            row = rows.get(track.order_id)
            if row is not None and row.status in ENDED and not track.future.done():
                track.future.set_result(ending_of(row, track.reason))


def ending_of(row: OrderRow | OrderEnd, told: str = "") -> Ending:
    """How an order ended, by its REST row (Kraken: the row's fee is in quote, also where it was taken in
    base). ``told``: why, by the feed.
    """
    return Ending(
        order_id=row.txid,
        filled=row.vol_exec,
        cost=row.cost,
        fees={row.quote: row.fee} if row.fee and row.quote else {},
        fees_certain=not row.fee_in_base and bool(row.quote),
        reason=row.reason or told,
    )
