"""One order of the account's own on its way: how far it is filled, and how it ends. No I/O.

Made and fed by trading/order_gateway.py; the caller that waits for an order holds one of these.

Volume is counted from trades only, once for each execution id (Kraken: ``filled`` is a marker that may be
missing, and what ``cum_qty`` says after a cancel is not documented).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from krakencopy.account_proc.contract.errors import OutcomeUnknown
from krakencopy.account_proc.domain.order import Ending
from krakencopy.account_proc.kraken.feed.executions import Execution
from krakencopy.account_proc.kraken.rest.messages import OrderEnd, OrderRow


class OrderNotShown(OutcomeUnknown):
    """The exchange has acknowledged an order under an id that it does not show: whether there is one is
    found out by its client order id.
    """

    reason = "ORDER_NOT_SHOWN"


class PlacedOrder:
    """An order that is followed from before it is sent until its end was waited for."""

    def __init__(self, cl_ord_id: str, ordered: Decimal, unfollow: Callable[[PlacedOrder], None]) -> None:
        """``ordered``: in base; ``unfollow`` is called when nobody waits for it any more."""
        self.cl_ord_id = cl_ord_id
        #: The exchange's id; empty until its answer, or the feed, has given it.
        self.order_id = ""
        #: Set when that is known.
        self.known = asyncio.Event()
        #: When it became known (Unix seconds), and whether the exchange has reported an order with that id
        #: since, in its feed or on record.
        self.known_at = 0.0
        self.is_shown = False
        #: When the exchange is asked how it ended, if the feed has not said so by then (Unix seconds).
        self.ask_at = 0.0
        self._ordered = ordered
        self._unfollow = unfollow
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._counted: set[str] = set()
        self._filled = Decimal(0)
        self._cost = Decimal(0)
        self._fees: dict[str, Decimal] = {}
        #: Why the exchange ended it, by the feed.
        self._reason = ""

    # -- for the caller that waits ---------------------------------------------------------------------------

    async def end(self) -> Ending:
        """Waits, however long, until the order is over. It must be known at the exchange. Raises
        OrderNotShown.
        """
        try:
            return await asyncio.shield(self._ending)
        finally:
            if self._ending.done():
                self._unfollow(self)

    async def ends_within(self, limit_s: float) -> bool:
        """Whether ``end`` has nothing to wait for, now or soon (seconds)."""
        if not self._ending.done():
            await asyncio.wait([self._ending], timeout=limit_s)
        return self._ending.done()

    def forget(self) -> None:
        """Nobody waits for it any more."""
        self._unfollow(self)
        self._ending.cancel()

    # -- for the gateway ------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether its end is known."""
        return self._ending.done()

    def count(self, execution: Execution) -> bool:
        """Counts an execution of it; whether the exchange has to be asked how it ended, as its trades do not
        explain that.
        """
        if execution.exec_type == "trade" and execution.exec_id not in self._counted:
            self._counted.add(execution.exec_id)
            self._filled += execution.last_qty
            # Not the row's own cost: the exchange rounds that to the quote's decimals.
            self._cost += execution.last_qty * execution.last_price
            for asset, amount in execution.fees:
                self._fees[asset] = self._fees.get(asset, Decimal(0)) + amount
        if self._filled >= self._ordered:
            self._end(Ending(order_id=self.order_id, filled=self._filled, cost=self._cost, fees=self._fees))
            return False
        if execution.exec_type not in {"filled", "canceled", "expired"}:
            return False
        # The trades do not add up to the order, or were cut short: the order's own row is the better witness.
        self._reason = execution.reason
        return True

    def ended(self, row: OrderRow | OrderEnd) -> None:
        """The exchange was asked, and it is over."""
        self._end(ending_of(row, self._reason))

    def end_as(self, ending: Ending) -> None:
        """It is over, by the word of who has sent it to no exchange."""
        self._end(ending)

    def not_shown(self) -> None:
        """The exchange has had the time to show it, and does not know its id."""
        if not self._ending.done():
            words = f"acknowledged as {self.order_id}, which the exchange does not show"
            self._ending.set_exception(OrderNotShown("QueryOrders", words))
            self._ending.exception()  # whether or not somebody waits for it

    def _end(self, ending: Ending) -> None:
        if not self._ending.done():
            self._ending.set_result(ending)


def ending_of(row: OrderRow | OrderEnd, reason: str = "") -> Ending:
    """How an order ended, by its REST row (Kraken: the row's fee is in quote, also where it was taken in
    base). ``reason``: why, by the feed.
    """
    return Ending(
        order_id=row.txid,
        filled=row.vol_exec,
        cost=row.cost,
        fees={row.quote: row.fee} if row.fee and row.quote else {},
        fees_certain=not row.fee_in_base and bool(row.quote),
        reason=row.reason or reason,
    )
